package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
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
	list, err := newPostgresList(p, KeptApprovals, key[:], ledger, listBounds{maxRecords, maxRecord + sealOverhead})
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	return openApprovals(ctx, &approvalsPostgres{list: list}, seals)
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
	s.shown, s.view = now, &approvalView{version: strconv.FormatUint(now.generation, 10), sealed: now.texts}
	return s.view
}

func (s *approvalsPostgres) write(ctx context.Context, from *approvalView, what *approvalChange) (*approvalView, error) {
	late := false
	now, err := s.list.change(ctx, func(now *listState, at time.Time) (*listChange, error) {
		if late = strconv.FormatUint(now.generation, 10) != from.version || !what.before.IsZero() && !at.Before(what.before); late {
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
	found := make(map[string]string, len(ids))
	for some := range slices.Chunk(ids, argumentsBatch) {
		rows, err := s.list.db.pool.Query(ctx, `SELECT l.generation, coalesce(a.id, ''), coalesce(a.content, '') FROM lists AS l
 LEFT JOIN arguments AS a ON a.id = ANY ($2) AND octet_length(a.content) <= $3 WHERE l.name = $1`, s.list.name(), some, maxArguments+sealOverhead)
		if err != nil {
			return nil, s.list.fault("reading", err)
		}
		var generation int64
		var id string
		var sealed []byte
		same := false
		_, err = pgx.ForEachRow(rows, []any{&generation, &id, &sealed}, func() error {
			same = strconv.FormatInt(generation, 10) == of.version
			found[id] = string(sealed)
			return nil
		})
		if err != nil {
			return nil, s.list.fault("reading", err)
		}
		if !same {
			return nil, nil //nolint:nilnil // it is another by now
		}
	}
	return found, nil
}
