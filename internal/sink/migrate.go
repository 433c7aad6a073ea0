package sink

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// migrations are what makes a version of the tables of the one before, from nothing.
// One that was published is never changed; a new one is added at the end.
func migrations() []string {
	return []string{
		`CREATE TABLE doorward_audit (
  origin   text NOT NULL,
  seq      bigint NOT NULL,
  digest   text NOT NULL,
  at       timestamptz NOT NULL,
  kind     text NOT NULL,
  event    text NOT NULL,
  exchange text NOT NULL,
  subject  text NOT NULL,
  key      text NOT NULL,
  tenant   text NOT NULL,
  upstream text NOT NULL,
  item     text NOT NULL,
  status   text NOT NULL,
  code     text NOT NULL,
  line     text NOT NULL,
  PRIMARY KEY (origin, seq, digest)
);
CREATE INDEX doorward_audit_at ON doorward_audit (at);
CREATE INDEX doorward_audit_exchange ON doorward_audit (exchange);
CREATE INDEX doorward_audit_subject ON doorward_audit (subject, at);
CREATE INDEX doorward_audit_key ON doorward_audit (key, at);
COMMENT ON TABLE doorward_audit IS 'Copies of the records of Doorward''s audit log. line is the record, byte for byte.'`,
	}
}

// migrationLock is the advisory lock of those who migrate: the first 8 bytes of the
// SHA-256 of "doorward audit sink migration", but the sign.
const migrationLock = 0x65e186a1c6afd3b0

// errNewer is that of tables that a later version of Doorward made.
var errNewer = errors.New("the tables in PostgreSQL were made by a later version of Doorward")

// migrate brings the tables to this version, forward only and one gateway at a time.
// Where they are there, it needs no right but to read doorward_audit_version.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	if at, err := version(ctx, conn); err != nil || at == len(migrations()) {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after Commit
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	// Another gateway may have been first. That the table was not there is remembered
	// by the connection; to make it asks anew.
	if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS doorward_audit_version (version int NOT NULL PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"); err != nil {
		return err
	}
	at, err := latest(ctx, tx)
	if err != nil {
		return err
	}
	for n, statements := range migrations() {
		if n < at {
			continue
		}
		if _, err := tx.Exec(ctx, statements); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO doorward_audit_version (version) VALUES ($1)", n+1); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// querier is a connection, or a transaction on it.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// version is that of the tables; 0 where there are none.
func version(ctx context.Context, q querier) (int, error) {
	var there bool
	if err := q.QueryRow(ctx, "SELECT to_regclass('doorward_audit_version') IS NOT NULL").Scan(&there); err != nil || !there {
		return 0, err
	}
	return latest(ctx, q)
}

// latest is the version that the tables say.
func latest(ctx context.Context, q querier) (int, error) {
	var at int
	if err := q.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM doorward_audit_version").Scan(&at); err != nil {
		return 0, err
	}
	if at > len(migrations()) {
		return 0, errNewer
	}
	return at, nil
}
