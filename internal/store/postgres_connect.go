package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"doorward/internal/dsn"
)

// maxPostgresMessage bounds what a server sends at once, in bytes. The longest is the row of an
// incident, whose text is hexadecimal where a DSN asks for the simple protocol; names and
// errors are short.
const maxPostgresMessage = 2*(maxIncidentSize+sealOverhead) + 64<<10

// postgresPool is how connections are made.
func postgresPool(cfg *PostgresConfig) (*pgxpool.Config, error) {
	if err := dsn.Check(cfg.DSN); err != nil {
		return nil, err
	}
	whole, options := dsn.Alone(cfg.DSN)
	c, err := pgxpool.ParseConfig(whole)
	if err != nil {
		return nil, errors.New("the DSN is not one that PostgreSQL understands") // the error repeats it
	}
	if err := dsn.Secure(&c.ConnConfig.Config, cfg.Roots); err != nil {
		return nil, err
	}
	dsn.Bound(&c.ConnConfig.Config, maxPostgresMessage)
	c.ConnConfig.ConnectTimeout = postgresWithin
	c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	dsn.Keep(c.ConnConfig.RuntimeParams, options)
	// Poolers know this one, and turn away who sends others with the start of a connection.
	c.ConnConfig.RuntimeParams["application_name"] = "doorward"
	c.MaxConns, c.MinConns, c.MinIdleConns = postgresConns, 0, 0
	c.MaxConnLifetime, c.MaxConnIdleTime, c.MaxConnLifetimeJitter = postgresConnLife, postgresConnLife, postgresConnLife/10
	if cfg.Renewed != nil {
		c.BeforeConnect = func(_ context.Context, next *pgx.ConnConfig) error { return renewLogin(next, cfg.Renewed) }
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return meetPostgres(ctx, conn, cfg.Schema) }
	return c, nil
}

// errNoLogin is that of a secret that says no user and password any more.
var errNoLogin = errors.New("the secret with its URL cannot be read, or is no such URL any more")

// renewLogin gives a connection the user and the password of the DSN as it is by now.
func renewLogin(next *pgx.ConnConfig, renewed func() (dsn string, err error)) error {
	text, err := renewed()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoLogin, err)
	}
	if dsn.Check(text) != nil {
		return errNoLogin
	}
	whole, _ := dsn.Alone(text)
	now, err := pgconn.ParseConfig(whole)
	if err != nil {
		return errNoLogin // the error repeats it
	}
	next.User, next.Password = now.User, now.Password
	return nil
}

func millisText(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// meetPostgres refuses a server that is too old, has statements and transactions of the
// connection end in time, and has a commit mean that it is on disk. It has a second: the
// bounds are not in force before.
func meetPostgres(ctx context.Context, conn *pgx.Conn, schema string) error {
	version := conn.PgConn().ParameterStatus("server_version")
	major, err := strconv.Atoi(version[:strings.IndexFunc(version+" ", func(r rune) bool { return r < '0' || r > '9' })])
	if err != nil || major < postgresLeast {
		return &postgresVersionError{version}
	}
	ctx, cancel := context.WithTimeout(ctx, postgresWithin)
	defer cancel()
	_, err = conn.Exec(ctx, `SELECT set_config('search_path', $1, false), set_config('statement_timeout', $2, false), set_config('lock_timeout', $3, false),
 set_config('idle_in_transaction_session_timeout', $4, false),
 CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END`, pgx.QueryExecModeExec,
		pgx.Identifier{schema}.Sanitize(), millisText(lookWithin), millisText(lockedWithin), millisText(idleWithin))
	return err
}

// postgresVersionError is that of a server that is too old.
type postgresVersionError struct{ version string }

func (e *postgresVersionError) Error() string {
	return fmt.Sprintf("version %.20q is older than %d", e.version, postgresLeast)
}
