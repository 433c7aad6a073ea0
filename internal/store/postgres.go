package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"doorward/internal/dsn"
)

// The bounds of talking to PostgreSQL. Each of the lists talks to it one at a time, so
// that connections are left for what operators do.
const (
	postgresWithin    = time.Second // of connecting to one host
	lockedWithin      = 1500 * time.Millisecond
	idleWithin        = 5 * time.Second // of a transaction in which nothing happens
	postgresConns     = 8
	postgresConnLife  = 5 * time.Minute // after which a connection is made, and the server looked at, anew
	postgresLeast     = 15              // the oldest major version
	postgresSchema    = "doorward"
	postgresGoneAfter = time.Second // of ending a connection that is given up
)

// PostgresConfig is what PostgreSQL is made of.
type PostgresConfig struct {
	// DSN is postgres://user:password@host:port/database. To another machine with
	// sslmode=verify-full; several hosts, host1:5432,host2:5432, are tried in turn.
	DSN string
	// Renewed is the DSN as it is by now: a new connection has its user and password, and
	// the rest is that of DSN. nil: it stays the same.
	Renewed func() (dsn string, err error)
	Schema  string         // that the tables are in; empty is "doorward"
	Roots   *x509.CertPool // that its certificate is verified by; nil: as the DSN says
	Log     *slog.Logger   // nil discards
}

// Postgres is the connection to the database in which several gateways keep what must
// outlive them all: PostgreSQL 15 or newer. Each new connection is to a server that takes
// writes, and a server that takes none any more is left at the next look: of several hosts
// the one that took over is found without hands.
//
// Its role needs USAGE of the schema, SELECT, INSERT and UPDATE on lists, and these and
// DELETE on entries and arguments, and SELECT on migrations; to make the tables, CREATE.
type Postgres struct {
	pool   *pgxpool.Pool
	schema string
	log    *slog.Logger
}

// errNoWrites is that of a server that is a standby, or was told to take no writes.
var errNoWrites = errors.New("the server takes no writes: it is a standby and not the primary, or was set to read only")

// OpenPostgres connects, looks at the server, and makes or brings up to date the tables.
func OpenPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Schema == "" {
		cfg.Schema = postgresSchema
	}
	pool, err := postgresPool(&cfg)
	if err != nil {
		return nil, fmt.Errorf("opening postgres: %w", err)
	}
	p := &Postgres{schema: cfg.Schema, log: cfg.Log}
	if p.pool, err = pgxpool.NewWithConfig(ctx, pool); err != nil {
		return nil, fmt.Errorf("opening %w", p.fault("making the pool", err))
	}
	if err := p.migrate(ctx, migrations); err != nil {
		p.pool.Close()
		return nil, fmt.Errorf("opening %w", err)
	}
	return p, nil
}

// Close ends the connections. What uses them is closed before.
func (p *Postgres) Close() error {
	p.pool.Close()
	return nil
}

// fault says what went wrong without the database's own words, which may repeat what it
// was sent.
func (p *Postgres) fault(doing string, err error) error {
	var (
		said       *pgconn.PgError
		old        *postgresVersionError
		unverified *tls.CertificateVerificationError
		dialled    *net.OpError
	)
	why := errors.New("the connection ended without an answer")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoLogin):
		why = errNoLogin
	case errors.Is(err, errNoWrites):
		why = errNoWrites
		p.pool.Reset() // of several hosts another may have taken over
	case errors.As(err, &old):
		why = old
	case errors.As(err, &said):
		why = answeredBy(said.Code)
		if said.Code == codeReadOnly {
			p.pool.Reset()
		}
	case dsn.IsLong(err):
		why = dsn.ErrLong
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		why = errors.New("there was no answer in time")
	case errors.Is(err, context.Canceled):
		why = context.Canceled
	case errors.As(err, &unverified):
		why = errors.New("its certificate is not one to trust")
	case errors.As(err, &dialled) && dialled.Op == "dial":
		why = fmt.Errorf("no connection: %w", dialled)
	case strings.Contains(err.Error(), "read only"): // pgconn's, which has no type
		why = errNoWrites
	}
	return fmt.Errorf("postgres: %s: %w", doing, why)
}

// codeReadOnly is the SQLSTATE of a change that a server takes no more: appendix A of
// PostgreSQL's manual, as the others here.
const codeReadOnly = "25006"

// answeredBy says what an SQLSTATE means, where it is known what there is to do.
func answeredBy(code string) error {
	if code == codeReadOnly {
		return fmt.Errorf("%w (%s)", errNoWrites, code)
	}
	means := map[string]string{
		"28P01": "the password is not accepted", "28000": "the role may not connect", "3D000": "there is no such database",
		"42501": "the role lacks a right: see how to share state",
		"53300": "it takes no more connections", "55P03": "a lock was not given within " + lockedWithin.String(),
		"57014": "the statement took more than " + lookWithin.String(), "57P03": "it is starting or stopping", "57P01": "it is stopping",
	}
	if text, ok := means[code]; ok {
		return fmt.Errorf("%s (%s)", text, code)
	}
	return fmt.Errorf("PostgreSQL answered %s", code)
}
