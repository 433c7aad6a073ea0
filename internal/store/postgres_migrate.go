package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// migrationWithin bounds one migration, with the wait for another gateway's.
const migrationWithin = 10 * time.Minute

//go:embed migrations/*.sql
var migrations embed.FS

// migration makes a version of the tables of the one before. One that was published is
// never changed; a new one is a new file.
type migration struct {
	number int
	sum    string // SHA-256 of the statements, in hex
	text   string
	// needs is the number of the last migration that a program must know to work with the
	// tables as this one leaves them: what only adds something needs what was needed before.
	needs int
}

// readMigrations reads files named 0001_what.sql, numbered without a gap. A first line
// "-- needs: N" says what older programs cannot work with; without it that is what the
// migration before it says, and of the first 1.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	form, needs := regexp.MustCompile(`^(\d{4})_[a-z_]+\.sql$`), regexp.MustCompile(`^-- needs: (\d+)\n`)
	var all []migration
	for i, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		named := form.FindStringSubmatch(path.Base(name))
		if named == nil || named[1] != fmt.Sprintf("%04d", i+1) {
			return nil, fmt.Errorf("%s is not the migration %04d", name, i+1)
		}
		sum := sha256.Sum256(text)
		m := migration{number: i + 1, sum: hex.EncodeToString(sum[:]), text: string(text), needs: 1}
		if i > 0 {
			m.needs = all[i-1].needs
		}
		if said := needs.FindSubmatch(text); said != nil {
			if m.needs, err = strconv.Atoi(string(said[1])); err != nil || m.needs > m.number {
				return nil, fmt.Errorf("%s needs what is not there", name)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// migrated is what the tables say of a migration.
type migrated struct {
	Number, Needs int
	Sum           string
}

var (
	errNewerTables = errors.New("the tables were changed by a later version of Doorward, and this one cannot work with them")
	errOtherTables = errors.New("the tables were made by other statements than this version has: restore them, or use the version that made them")
)

// migrate brings the tables up to date: forward only, one gateway at a time, each migration
// in a transaction of its own. One that is interrupted is done whole by the next start.
// Where nothing is to be done, reading migrations is all that is asked of the role.
func (p *Postgres) migrate(ctx context.Context, files fs.FS) error {
	all, err := readMigrations(files)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, migrationWithin)
	defer cancel()
	done, err := p.migrated(ctx)
	for err == nil && len(done) < len(all) {
		m := all[len(done)]
		if err = p.apply(ctx, m, all); err != nil {
			return err
		}
		p.log.Info("the tables of the state were changed", "migration", m.number)
		done, err = p.migrated(ctx)
	}
	if err != nil {
		return p.fault("looking at the tables", err)
	}
	return agree(done, all)
}

// agree refuses tables that this program cannot work with.
func agree(done []migrated, known []migration) error {
	for i, d := range done {
		switch {
		case d.Number != i+1:
			return errOtherTables
		case i < len(known) && d.Sum != known[i].sum:
			return errOtherTables
		case i >= len(known) && d.Needs > len(known):
			return errNewerTables
		}
	}
	return nil
}

// querier is a pool, a connection, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// migrated is what was done; nothing where there is no table.
func (p *Postgres) migrated(ctx context.Context) ([]migrated, error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	return migratedBy(ctx, conn)
}

func migratedBy(ctx context.Context, q querier) ([]migrated, error) {
	var there bool
	if err := q.QueryRow(ctx, "SELECT to_regclass('migrations') IS NOT NULL").Scan(&there); err != nil || !there {
		return nil, err
	}
	rows, err := q.Query(ctx, "SELECT number, needs, sum FROM migrations ORDER BY number LIMIT 10000")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[migrated])
}

// apply does one migration, unless another gateway was first.
func (p *Postgres) apply(ctx context.Context, m migration, all []migration) error {
	doing := fmt.Sprintf("making the tables, migration %d", m.number)
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return p.fault(doing, err)
	}
	defer rollback(tx)
	// A lock on a table is waited for no longer than in any transaction: calls go on beside.
	for _, sql := range []string{
		"SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '" + millisText(migrationWithin) + "', true)",
		"SELECT pg_advisory_xact_lock(hashtextextended('doorward state of ' || current_setting('search_path'), 0))",
		"SELECT set_config('lock_timeout', '" + millisText(lockedWithin) + "', true)",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return p.fault(doing, err)
		}
	}
	if err := p.begin(ctx, tx); err != nil {
		return p.fault(doing, err)
	}
	done, err := migratedBy(ctx, tx)
	if err != nil {
		return p.fault(doing, err)
	}
	if err := agree(done, all); err != nil || len(done) >= m.number {
		return err
	}
	if _, err := tx.Exec(ctx, m.text, pgx.QueryExecModeSimpleProtocol); err != nil {
		return p.fault(doing, err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO migrations (number, needs, sum) VALUES ($1, $2, $3)", m.number, m.needs, m.sum); err != nil {
		return p.fault(doing, err)
	}
	return p.fault(doing, tx.Commit(ctx))
}

// begin makes the schema and the table of migrations where they are not there.
func (p *Postgres) begin(ctx context.Context, tx pgx.Tx) error {
	var there bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", p.schema).Scan(&there)
	if err == nil && !there {
		_, err = tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{p.schema}.Sanitize())
	}
	if err == nil {
		_, err = tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS migrations (number int NOT NULL PRIMARY KEY, needs int NOT NULL, sum text NOT NULL, at timestamptz NOT NULL DEFAULT now())")
	}
	return err
}

// rollback ends a transaction that was not committed; after Commit it does nothing. What
// cannot be rolled back goes with its connection.
func rollback(tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.Background(), postgresGoneAfter)
	defer cancel()
	_ = tx.Rollback(ctx)
}
