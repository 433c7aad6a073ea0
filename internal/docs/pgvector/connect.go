// Package pgvector keeps documents in PostgreSQL: vectors with pgvector, words with its own
// full text search. A collection is a schema.
package pgvector

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"doorward/internal/docs"
	"doorward/internal/dsn"
)

// Bounds of talking to PostgreSQL.
const (
	connectWithin = 5 * time.Second
	readWithin    = 15 * time.Second // of a statement that searches
	writeWithin   = 5 * time.Minute  // of one that puts or removes
	lockWithin    = 5 * time.Second  // of waiting for a lock of a table
	endWithin     = time.Second      // of ending a transaction that is given up
	connLife      = 5 * time.Minute  // after which a connection is made anew
	conns         = 8
	maxMessage    = docs.MaxDocument + 1<<20 // bytes that are sent at once: a row has one passage, which is no longer than its document
)

// Config is what an index is made of.
type Config struct {
	// DSN is postgres://USER:PASSWORD@HOST/DATABASE, to another machine with
	// sslmode=verify-full. It is asked for at each connection: the secret may be another.
	DSN    func() (string, error)
	Schema string         // that the tables are in, and nothing else is
	Roots  *x509.CertPool // that its certificate is verified by; nil: as the DSN says
}

// Index is a schema with documents. Its role needs, to search, USAGE of the schema and
// SELECT on its tables; to write, to own the schema, or CREATE on the database.
type Index struct {
	pool   *pgxpool.Pool
	schema string // as SQL has it
	name   string
}

// errNoDSN is that of a secret that cannot be read, or holds no URL of PostgreSQL.
var errNoDSN = errors.New("the secret with the database's URL cannot be read, or is no such URL")

// New makes the index. It connects when it is asked something.
func New(cfg Config) (*Index, error) {
	if cfg.Schema == "" || len(cfg.Schema) > maxSchema {
		return nil, fmt.Errorf("a schema's name has 1 to %d bytes", maxSchema)
	}
	c, err := connection(&cfg)
	if err != nil {
		return nil, err
	}
	c.BeforeConnect = func(_ context.Context, next *pgx.ConnConfig) error {
		now, err := connection(&cfg)
		if err == nil {
			*next = *now.ConnConfig
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), c) // connects when it is asked
	if err != nil {
		return nil, errNoDSN
	}
	return &Index{pool: pool, schema: pgx.Identifier{cfg.Schema}.Sanitize(), name: cfg.Schema}, nil
}

// maxSchema is the longest name that PostgreSQL does not cut.
const maxSchema = 63

// connection is how connections are made.
func connection(cfg *Config) (*pgxpool.Config, error) {
	text, err := cfg.DSN()
	if err != nil {
		return nil, errNoDSN
	}
	if err := dsn.Check(text); err != nil {
		return nil, err
	}
	whole, _ := dsn.Alone(text)
	c, err := pgxpool.ParseConfig(whole)
	if err != nil {
		return nil, errNoDSN // the error repeats it
	}
	if err := dsn.Secure(&c.ConnConfig.Config, cfg.Roots); err != nil {
		return nil, err
	}
	dsn.Bound(&c.ConnConfig.Config, maxMessage)
	c.MaxConns, c.MinConns, c.MinIdleConns = conns, 0, 0
	c.MaxConnLifetime, c.MaxConnIdleTime, c.MaxConnLifetimeJitter = connLife, connLife, connLife/10
	one := c.ConnConfig
	one.ConnectTimeout = connectWithin
	one.RuntimeParams = map[string]string{"application_name": "doorward", "client_encoding": "UTF8"}
	// Poolers give each transaction another connection: nothing is prepared in one.
	one.DefaultQueryExecMode, one.StatementCacheCapacity, one.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	return c, nil
}

// Close implements docs.Index.
func (x *Index) Close() error {
	x.pool.Close()
	return nil
}

// within does something in one transaction, whose statements end in time.
func (x *Index) within(ctx context.Context, options pgx.TxOptions, most time.Duration, do func(tx pgx.Tx) error) error {
	tx, err := x.pool.BeginTx(ctx, options)
	if err != nil {
		return x.fault(err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		_ = tx.Rollback(end) // nothing is left of it after Commit
	}()
	_, err = tx.Exec(ctx, "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)", millis(most), millis(lockWithin))
	if err == nil {
		err = do(tx)
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	return x.fault(err)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// fault says what went wrong without the names of host and role, and without what was sent.
func (x *Index) fault(err error) error {
	if err == nil {
		return nil
	}
	if ours, ok := errors.AsType[*docs.LostError](err); ok {
		return ours // with what may be one of those below
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, docs.ErrEmpty, docs.ErrGone, docs.ErrNone, docs.ErrBusy, errNoDSN, dsn.ErrForm, dsn.ErrUnverified} {
		if errors.Is(err, known) {
			return known
		}
	}
	if ours, ok := errors.AsType[*saidError](err); ok {
		return ours
	}
	if ours, ok := errors.AsType[*docs.MismatchError](err); ok {
		return ours
	}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("postgres, schema %s: %w", x.name, answered(said))
	}
	if dsn.IsLong(err) {
		return fmt.Errorf("postgres, schema %s: %w", x.name, dsn.ErrLong)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("postgres, schema %s: the server's certificate is not one to trust", x.name)
	}
	return fmt.Errorf("postgres, schema %s: the database cannot be reached, or the connection ended without an answer", x.name)
}

// saidError is an error of ours, with nothing of the database's in it.
type saidError struct{ text string }

func (e *saidError) Error() string { return e.text }

// gone is the SQLSTATE of a table that is not there: appendix A of PostgreSQL's manual, as
// the others.
const gone = "42P01"

// answered says what an SQLSTATE means, where it is known what there is to do.
func answered(said *pgconn.PgError) error {
	means := map[string]string{
		"28P01": "the password is not accepted", "28000": "the role may not connect", "3D000": "there is no such database",
		"42501": "the role lacks a right: to write it has to own the schema, to search it needs USAGE of it and SELECT on its tables",
		"53300": "it takes no more connections", "53100": "its disk is full", "55P03": "a lock was not given in time", "2BP01": "something else in the database depends on its tables",
		"57014": "the statement took too long", "25006": "it takes no writes", "57P03": "it is starting or stopping", "57P01": "it is stopping",
	}
	if text, ok := means[said.Code]; ok {
		return fmt.Errorf("%s (%s)", text, said.Code)
	}
	return fmt.Errorf("it answered %s", said.Code)
}
