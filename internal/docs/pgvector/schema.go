package pgvector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// migrations make each version of the tables of the one before, in %[1]s. One that was
// published is never changed; a new one comes after it.
func migrations() []string {
	return []string{`
CREATE TABLE %[1]s.generations (number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text NOT NULL UNIQUE, made text NOT NULL, used boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX one_generation ON %[1]s.generations (used) WHERE used;
CREATE TABLE %[1]s.writer (one boolean PRIMARY KEY DEFAULT true CHECK (one), token text NOT NULL DEFAULT '', until timestamptz NOT NULL DEFAULT '-infinity');
INSERT INTO %[1]s.writer DEFAULT VALUES`}
}

// tables are those of a generation: %[1]s the schema, %[2]d its number, %[3]s the schema of
// pgvector, %[4]d dimensions. There is no index of the vectors: an approximate one would
// lose hits behind a filter, and every vector that may be read is compared.
const tables = `
CREATE TABLE %[1]s.documents_%[2]d (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, uri text COLLATE "C" NOT NULL UNIQUE, source text COLLATE "C" NOT NULL,
 origin text NOT NULL, title text NOT NULL, type text NOT NULL, size integer NOT NULL, modified bigint, digest bytea NOT NULL, roles text[] COLLATE "C", findings text[]);
CREATE INDEX ON %[1]s.documents_%[2]d (source);
CREATE TABLE %[1]s.passages_%[2]d (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, document bigint NOT NULL REFERENCES %[1]s.documents_%[2]d ON DELETE CASCADE,
 name text NOT NULL, heading text NOT NULL, start integer NOT NULL, text text NOT NULL, words tsvector NOT NULL, vector %[3]s.vector(%[4]d) NOT NULL);
CREATE INDEX ON %[1]s.passages_%[2]d (document);
CREATE INDEX ON %[1]s.passages_%[2]d USING gin (words)`

// removed are the tables of a generation, to be dropped.
func (x *Index) removed(number int64) string {
	return fmt.Sprintf("DROP TABLE %[1]s.passages_%[2]d; DROP TABLE %[1]s.documents_%[2]d; DELETE FROM %[1]s.generations WHERE number = %[2]d", x.schema, number)
}

var (
	errNewer = &saidError{"the tables of the documents were changed by a later version of Doorward, and this one cannot work with them"}
	errOther = &saidError{"the tables of the documents were made by other statements than this version has: use the version that made them, or another schema"}
	errNone  = &saidError{"the database has no extension vector: install pgvector, and have a superuser run CREATE EXTENSION vector"}
)

// migrate brings the tables up to date: forward only, one at a time. Where nothing is to be
// done, reading migrations is all that is asked of the role.
func (x *Index) migrate(ctx context.Context) error {
	return x.within(ctx, pgx.TxOptions{}, writeWithin, func(tx pgx.Tx) error {
		done, err := x.migrated(ctx, tx)
		if err != nil || done == len(migrations()) {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('doorward documents of ' || $1::text, 0))", x.name); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text)", x.name).Scan(&there); err != nil {
			return err
		}
		if !there {
			if err := run(ctx, tx, "CREATE SCHEMA "+x.schema); err != nil {
				return err
			}
		}
		if err := run(ctx, tx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.migrations (number integer PRIMARY KEY, sum text NOT NULL, at timestamptz NOT NULL DEFAULT now())", x.schema)); err != nil {
			return err
		}
		if done, err = x.migrated(ctx, tx); err != nil {
			return err
		}
		for n, text := range migrations()[done:] {
			if err := run(ctx, tx, fmt.Sprintf(text, x.schema)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO %s.migrations (number, sum) VALUES ($1::integer, $2::text)", x.schema), done+n+1, sum(text)); err != nil {
				return err
			}
		}
		return nil
	})
}

// run runs statements of ours that give nothing.
func run(ctx context.Context, tx pgx.Tx, statements string) error {
	_, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol)
	return err
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// migrated is how many migrations were done; 0 where there is no table. It refuses tables
// that this program cannot work with.
func (x *Index) migrated(ctx context.Context, tx pgx.Tx) (int, error) {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1::text) IS NOT NULL", x.schema+".migrations").Scan(&there); err != nil || !there {
		return 0, err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT sum FROM %s.migrations ORDER BY number LIMIT 1000", x.schema))
	if err != nil {
		return 0, err
	}
	done, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	known := migrations()
	if len(done) > len(known) {
		return 0, errNewer
	}
	for i, d := range done {
		if d != sum(known[i]) {
			return 0, errOther
		}
	}
	return len(done), nil
}

// extension is the schema that pgvector is in, as SQL has it.
func extension(ctx context.Context, tx pgx.Tx) (string, error) {
	var name string
	err := tx.QueryRow(ctx, "SELECT n.nspname::text FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector'").Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNone
	}
	return pgx.Identifier{name}.Sanitize(), err
}

// isGone tells of a table that was dropped since its generation was looked up.
func isGone(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return ok && said.Code == gone
}
