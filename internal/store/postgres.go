package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
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
	DSN    string
	Schema string         // that the tables are in; empty is "doorward"
	Roots  *x509.CertPool // that its certificate is verified by; nil: as the DSN says
	Log    *slog.Logger   // nil discards
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
var errNoWrites = errors.New("the server takes no writes: it is a standby, or was set to read only")

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

// postgresPool is how connections are made.
func postgresPool(cfg *PostgresConfig) (*pgxpool.Config, error) {
	if err := checkPostgresURL(cfg.DSN); err != nil {
		return nil, err
	}
	c, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, errors.New("the DSN is not one that PostgreSQL understands") // the error repeats it
	}
	if err := securePostgres(&c.ConnConfig.Config, cfg.Roots); err != nil {
		return nil, err
	}
	c.ConnConfig.ConnectTimeout = postgresWithin
	c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	maps.Copy(c.ConnConfig.RuntimeParams, map[string]string{
		"application_name": "doorward", "search_path": pgx.Identifier{cfg.Schema}.Sanitize(),
		"statement_timeout": millisText(lookWithin), "lock_timeout": millisText(lockedWithin),
		"idle_in_transaction_session_timeout": millisText(idleWithin),
	})
	c.MaxConns, c.MinConns, c.MinIdleConns = postgresConns, 0, 0
	c.MaxConnLifetime, c.MaxConnIdleTime, c.MaxConnLifetimeJitter = postgresConnLife, postgresConnLife, postgresConnLife/10
	c.AfterConnect = meetPostgres
	return c, nil
}

func millisText(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// meetPostgres refuses a server that is too old, and has a commit mean that it is on disk.
func meetPostgres(ctx context.Context, conn *pgx.Conn) error {
	version := conn.PgConn().ParameterStatus("server_version")
	major, err := strconv.Atoi(version[:strings.IndexFunc(version+" ", func(r rune) bool { return r < '0' || r > '9' })])
	if err != nil || major < postgresLeast {
		return &postgresVersionError{version}
	}
	_, err = conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

// postgresVersionError is that of a server that is too old.
type postgresVersionError struct{ version string }

func (e *postgresVersionError) Error() string {
	return fmt.Sprintf("version %.20q is older than %d", e.version, postgresLeast)
}

// checkPostgresURL refuses what no password is found in, and what a program of this
// machine could be asked by instead.
func checkPostgresURL(dsn string) error {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return errors.New("the DSN must be a URL: postgres://USER:PASSWORD@HOST/DATABASE")
	}
	return nil
}

// securePostgres has the connection to another machine encrypted and its certificate
// verified, whatever host of the DSN it is: pgx's own default falls back to the clear.
func securePostgres(c *pgconn.Config, roots *x509.CertPool) error {
	unverified := errors.New("the DSN must have sslmode=verify-full: the database is on another machine")
	check := func(host string, secure *tls.Config) error {
		local := strings.HasPrefix(host, "/") || loopback(host)
		switch {
		case secure == nil && !local:
			return unverified
		case secure == nil:
			return nil
		case !local && (secure.InsecureSkipVerify || secure.ServerName == ""):
			return unverified
		}
		secure.MinVersion = max(secure.MinVersion, tls.VersionTLS12)
		if roots != nil {
			secure.RootCAs = roots
		}
		return nil
	}
	err := check(c.Host, c.TLSConfig)
	for _, f := range c.Fallbacks {
		err = errors.Join(err, check(f.Host, f.TLSConfig))
	}
	if err != nil {
		return unverified
	}
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
	means := map[string]string{
		codeReadOnly: errNoWrites.Error(),
		"28P01":      "the password is not accepted", "28000": "the role may not connect", "3D000": "there is no such database",
		"42501": "the role lacks a right: see how to share state",
		"53300": "it takes no more connections", "55P03": "a lock was not given within " + lockedWithin.String(),
		"57014": "the statement took more than " + lookWithin.String(), "57P03": "it is starting or stopping", "57P01": "it is stopping",
	}
	if text, ok := means[code]; ok {
		return fmt.Errorf("%s (%s)", text, code)
	}
	return fmt.Errorf("PostgreSQL answered %s", code)
}
