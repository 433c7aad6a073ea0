package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// approvalsPostgres keeps approvals in PostgreSQL, sealed as they are in Redis, and in a
// table of their own the arguments, which never change. The database keeps what it was
// told, and one that went back to what it was before is refused: so all of it is one run.
type approvalsPostgres struct {
	list  *postgresList
	shown *listState // what view was made of
	view  *approvalView
}

// OpenPostgresApprovals opens the approvals in p. key is 32 random bytes that every gateway
// with the same database has, and nobody else; the seals are made with it. nil makes a
// ledger for it alone. Close it before p.
func OpenPostgresApprovals(ctx context.Context, p *Postgres, key [32]byte, ledger *Ledger) (*Approvals, error) {
	seals, err := newApprovalSeals(key[:], approvalSealing+" in postgres at "+p.schema)
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	list, err := newPostgresList(p, KeptApprovals, key[:], ledger, listBounds{maxRecords, maxRecord + sealOverhead, maxRecords * (maxRecord + sealOverhead + maxListID)})
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	a, err := openApprovals(ctx, &approvalsPostgres{list: list}, seals)
	if err != nil {
		return nil, err
	}
	if err := dropOrphans(ctx, p.pool); err != nil {
		return nil, fmt.Errorf("opening approvals: %w", errors.Join(p.fault("dropping arguments without an approval", err), a.Close()))
	}
	return a, nil
}

// orphansAtOnce is how many arguments without an approval are dropped; the rest goes with
// the next start.
const orphansAtOnce = 10_000

// executor is a pool, a connection, or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// dropOrphans drops arguments whose approval is gone: of a list that was put back, or went on
// empty. Both are written together, so a statement sees both.
func dropOrphans(ctx context.Context, q executor) error {
	_, err := q.Exec(ctx, `DELETE FROM arguments WHERE id IN (SELECT a.id FROM arguments AS a
 WHERE NOT EXISTS (SELECT FROM entries AS e WHERE e.list = 'approvals' AND e.id = a.id) LIMIT $1)`, orphansAtOnce)
	return err
}

// lock does nothing: every change has the lock of the list.
func (s *approvalsPostgres) lock() (unlock func(), err error) { return func() {}, nil }

func (s *approvalsPostgres) read(ctx context.Context, have *approvalView) (*approvalView, time.Time, error) {
	now, at, err := s.list.read(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	if have == nil || have != s.view || now != s.shown {
		have = s.viewed(now)
	}
	return have, at.UTC(), nil
}

// viewed is a state as approvals are seen.
func (s *approvalsPostgres) viewed(now *listState) *approvalView {
	s.shown, s.view = now, &approvalView{version: versionOf(now.generation, now.mac), sealed: now.texts}
	return s.view
}

// versionOf is the version of a state: no other content has it, also not in a database that
// forgot a change and made another.
func versionOf(generation uint64, mac []byte) string {
	return strconv.FormatUint(generation, 10) + " " + hex.EncodeToString(mac)
}

func (s *approvalsPostgres) write(ctx context.Context, from *approvalView, what *approvalChange) (*approvalView, error) {
	late := false
	now, err := s.list.change(ctx, func(now *listState, at time.Time) (*listChange, error) {
		if late = versionOf(now.generation, now.mac) != from.version || !what.before.IsZero() && !at.Before(what.before); late {
			return nil, nil //nolint:nilnil // it is another by now, or too late
		}
		return &listChange{put: what.put, drop: what.drop, with: func(ctx context.Context, tx pgx.Tx) error {
			return putArguments(ctx, tx, what)
		}}, nil
	})
	if err != nil || late {
		return nil, err
	}
	return s.viewed(now), nil
}

// putArguments writes those of new approvals, and drops those of old ones.
func putArguments(ctx context.Context, tx pgx.Tx, what *approvalChange) error {
	var batch pgx.Batch
	for _, id := range slices.Sorted(maps.Keys(what.arguments)) {
		batch.Queue("INSERT INTO arguments (id, content) VALUES ($1, $2)", id, []byte(what.arguments[id]))
	}
	if len(what.drop) > 0 {
		batch.Queue("DELETE FROM arguments WHERE id = ANY ($1)", what.drop)
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &batch).Close()
}

func (s *approvalsPostgres) arguments(ctx context.Context, of *approvalView, ids []string) (map[string]string, error) {
	found, size := make(map[string]string, len(ids)), 0
	for some := range slices.Chunk(ids, argumentsBatch) {
		rows, err := s.list.db.pool.Query(ctx, `SELECT l.generation, substring(l.mac FOR 33), coalesce(a.id, ''), coalesce(a.content, '') FROM lists AS l
 LEFT JOIN arguments AS a ON a.id = ANY ($2) AND octet_length(a.content) <= $3 WHERE l.name = $1`, s.list.name(), some, maxArguments+sealOverhead)
		if err != nil {
			return nil, s.list.fault("reading", err)
		}
		var generation int64
		var id string
		var mac, sealed []byte
		same := false
		_, err = pgx.ForEachRow(rows, []any{&generation, &mac, &id, &sealed}, func() error {
			same = versionOf(uint64(generation), mac) == of.version //nolint:gosec // the table has none below 0
			found[id] = string(sealed)
			size += len(sealed)
			return nil
		})
		if size > maxAllArguments+len(ids)*sealOverhead {
			return nil, fmt.Errorf("postgres: the arguments of approvals are larger than %d bytes", maxAllArguments)
		}
		if err != nil {
			return nil, s.list.fault("reading", err)
		}
		if !same {
			return nil, nil //nolint:nilnil // it is another by now
		}
	}
	return found, nil
}
