package store

import (
	"context"
	"io/fs"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// OpenSmallFileIncidents is OpenFileIncidents of a list that takes no more than so many
// bytes of what is opened.
func OpenSmallFileIncidents(dir string, key [32]byte, opening int) (*Incidents, error) {
	return openFileIncidents(dir, key, opening, nil, nil)
}

// AddPlainTaint keeps a taint as earlier versions did, under a hash without a key.
func AddPlainTaint(ctx context.Context, t *Taints, conversation string, one gate.Taint) error {
	k := keptTaint{id: plainTaintID(conversation, one.Label), until: one.Until.UnixMilli()}
	text, err := json.Marshal(taintRecord{Version: taintVersion, Label: one.Label, Upstream: one.Upstream, Name: one.Name, Exchange: one.Exchange, At: one.At})
	if err != nil {
		return err
	}
	k.sealed = string(t.sealer.Seal(nil, nil, text, k.about()))
	return t.home.put(ctx, []keptTaint{k})
}

// OpenSmallPostgresRevocations is OpenPostgresRevocations of a list of at most so many.
func OpenSmallPostgresRevocations(ctx context.Context, p *Postgres, key [32]byte, most int) (*Revocations, error) {
	return openPostgresRevocations(ctx, p, key, revokedBounds(most), nil)
}

// OpenShortPostgresRevocations is OpenPostgresRevocations of a list of at most so many bytes.
func OpenShortPostgresRevocations(ctx context.Context, p *Postgres, key [32]byte, total int64) (*Revocations, error) {
	return openPostgresRevocations(ctx, p, key, listBounds{2 * maxRevoked, maxRevokedText, total}, nil)
}

// PostgresStartup is what a connection is begun with, besides its user and database.
func PostgresStartup(dsn string) (map[string]string, error) {
	c, err := postgresPool(&PostgresConfig{DSN: dsn, Schema: postgresSchema})
	if err != nil {
		return nil, err
	}
	return c.ConnConfig.RuntimeParams, nil
}

// MigratePostgres makes the tables by other migrations than those of this version.
func MigratePostgres(ctx context.Context, p *Postgres, files fs.FS) error {
	return p.migrate(ctx, files)
}

// Migrations are those of this version.
func Migrations() fs.FS { return migrations }

// StampPostgres has a list count as changed once more, with the HMAC of what is there: as
// somebody does who has the key.
func StampPostgres(ctx context.Context, p *Postgres, kept Kept, key [32]byte) error {
	l, err := newPostgresList(p, kept, key[:], nil, listBounds{2 * maxRevoked, maxIncidentSize, maxIncidentsFile})
	if err != nil {
		return err
	}
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer rollback(tx)
	if err := l.lock(ctx, tx); err != nil {
		return err
	}
	h, err := l.head(ctx, tx)
	if err != nil {
		return err
	}
	s, err := l.since(ctx, tx, &listState{})
	if err != nil {
		return err
	}
	s.generation = h.generation + 1
	if err := l.keep(ctx, tx, s, &listChange{}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// FollowReplies is how a connection to Redis would end that reads these pieces, one after the
// other.
func FollowReplies(pieces ...[]byte) error {
	var r replies
	for _, p := range pieces {
		if err := r.look(p); err != nil {
			return err
		}
	}
	return nil
}
