package sql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"doorward/internal/dsn"
	"doorward/internal/policy/statement"
)

// Bounds of the connections to PostgreSQL.
const (
	connectWithin = 5 * time.Second
	connLife      = 5 * time.Minute // after which one is made, and the role looked at, anew
	connBytes     = 64 << 20        // likewise, read from one: pgx keeps each parameter that a server tells, as long as the connection
)

// pool holds the connections to PostgreSQL, which are of one URL at a time.
type pool struct {
	mu   sync.Mutex
	dsn  string
	held *pgxpool.Pool
}

// at returns the connections of a URL. Those of the one before are ended, each when its
// call has: what was taken back must not read on.
func (p *pool) at(dsn string, now func() (string, error)) (*pgxpool.Pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil && p.dsn == dsn {
		return p.held, nil
	}
	fresh, err := connection(dsn)
	if err != nil {
		return nil, err
	}
	if p.held != nil {
		p.dsn = dsn
		p.held.Reset()
		return p.held, nil
	}
	fresh.BeforeConnect = func(_ context.Context, next *pgx.ConnConfig) error {
		dsn, err := now()
		if err != nil {
			return errNoURL
		}
		if at, err := parse(dsn); err != nil || at.dialect != statement.Postgres {
			return errNoURL
		}
		c, err := connection(dsn)
		if err != nil {
			return err
		}
		*next = *c.ConnConfig
		return nil
	}
	held, err := pgxpool.NewWithConfig(context.Background(), fresh) // connects when it is asked
	if err != nil {
		return nil, errNoURL
	}
	p.held, p.dsn = held, dsn
	return held, nil
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		p.held.Close()
	}
}

// connection is how connections of a URL are made.
func connection(url string) (*pgxpool.Config, error) {
	whole, options := dsn.Alone(url)
	c, err := pgxpool.ParseConfig(whole)
	if err != nil {
		return nil, unread(err)
	}
	if err := dsn.Secure(&c.ConnConfig.Config, nil); err != nil {
		return nil, err
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = maxCalls, 0, 0
	c.MaxConnLifetime, c.MaxConnIdleTime, c.MaxConnLifetimeJitter = connLife, connLife, connLife/10
	one := c.ConnConfig
	one.ConnectTimeout = connectWithin
	for _, name := range options {
		if _, sent := one.RuntimeParams[name]; sent && name != "application_name" && name != "client_encoding" {
			return nil, errors.New("the database's URL sets what it must not (search_path, options and the like): set it for the role")
		}
	}
	// In any other encoding the server could read a statement otherwise than it was judged.
	one.RuntimeParams = map[string]string{"application_name": "doorward", "client_encoding": "UTF8"}
	one.DefaultQueryExecMode, one.StatementCacheCapacity, one.DescriptionCacheCapacity = pgx.QueryExecModeExec, 0, 0
	one.OnNotice, one.Tracer = nil, nil
	one.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {} // or pgx keeps each
	one.BuildContextWatcherHandler = func(pg *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: pg, DeadlineDelay: afterwards}
	}
	one.MaxProtocolMessageBodyLen = maxCell
	dial := one.DialFunc
	one.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		m := &metered{Conn: c}
		m.allow(oneWord)
		return m, nil
	}
	c.AfterConnect = meet
	c.AfterRelease = func(conn *pgx.Conn) bool {
		ctx, cancel := context.WithTimeout(context.Background(), afterwards)
		defer cancel()
		return run(ctx, conn.PgConn(), "DISCARD ALL") == nil && beneath(conn.PgConn()).all.Load() < connBytes
	}
	return c, nil
}

// unread says why a URL cannot be read, without what is in it, which the error repeats.
func unread(err error) error {
	if strings.Contains(err.Error(), "failed to read service") {
		return errors.New("PGSERVICE is set in Doorward's environment, or service in the database's URL, and it cannot be read: unset it")
	}
	return errNoURL
}

// errRole is that of a role that could write.
var errRole = errors.New("the database's role may write, or is a superuser: its operator has to give Doorward one that may SELECT and nothing else")

// mayWrite tells of a role that is, or by SET ROLE can become, a superuser or one that may
// write a table. A role is a member of itself.
const mayWrite = `WITH roles AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER'))
SELECT pg_catalog.current_setting('is_superuser') = 'on' OR EXISTS (SELECT FROM roles WHERE rolsuper) OR EXISTS (
 SELECT FROM roles r, pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname <> 'information_schema'
 AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
 AND (pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')))`

// allow lets so many bytes come from a server.
func allow(pg *pgconn.PgConn, bytes int64) { beneath(pg).allow(bytes) }

// beneath is what a connection, or the TLS over it, reads from.
func beneath(pg *pgconn.PgConn) *metered {
	c := pg.Conn()
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return c.(*metered) // by DialFunc
}

// meet refuses a role that could do more than read tables.
func meet(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	return onlyReads(ctx, conn)
}

// connectFault says why there is no connection, without the names of host and role that
// the library's and the server's words have.
func connectFault(err error) error {
	for _, known := range []error{errNoURL, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	if more, ok := errors.AsType[*unfit](err); ok {
		return more
	}
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the database refuses the connection (SQLSTATE %s)", said.Code)
	}
	return errors.New("the database cannot be reached")
}

// cancelled is the SQLSTATE of a statement that was ended, by its time too: appendix A of
// PostgreSQL's manual.
const cancelled = "57014"

// queryFault is an error with PostgreSQL's own words about a statement.
func queryFault(err error) error {
	var said *pgconn.PgError
	switch {
	case errors.Is(err, errLong):
		return errLong
	case !errors.As(err, &said):
		return errors.New("the connection to the database ended without an answer")
	case said.Code == cancelled:
		return errLate
	}
	return fmt.Errorf("%s (SQLSTATE %s)", said.Message, said.Code)
}
