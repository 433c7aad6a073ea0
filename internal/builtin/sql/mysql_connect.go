package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// visit is one connection to MySQL or MariaDB, which is made for one call.
type visit struct {
	cfg   *mysql.Config
	db    *sql.DB // of that connection alone
	conn  *sql.Conn
	wire  *wire
	id    int64  // of the connection, at the server
	self  string // which server that is
	maria bool
	cut   bool // somebody left before the server had said everything
}

// visiting connects, has something done and leaves. Where the driver panics over what the
// server says, nothing of the connection is left either.
func visiting(ctx context.Context, cfg *mysql.Config, do func(v *visit) error) error {
	v := &visit{cfg: cfg, wire: &wire{secure: cfg.TLS}}
	left := false
	defer func() {
		if !left {
			v.tear()
		}
	}()
	err := v.meet(ctx)
	if err == nil {
		err = do(v)
		v.leave(ctx)
	}
	left = true
	return err
}

// meet connects.
func (v *visit) meet(ctx context.Context) error {
	connector, err := v.wire.connector(v.cfg)
	if err != nil {
		return errNoURL
	}
	meet, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	v.db = sql.OpenDB(connector)
	if v.conn, err = v.db.Conn(meet); err != nil {
		_ = v.db.Close()
		return v.wire.fault(err)
	}
	if v.id, v.self, v.maria, err = who(meet, v.conn); err != nil {
		v.leave(ctx)
		return v.fault(err)
	}
	return nil
}

// tear ends the connection under a driver that has broken off, and may still hold what
// leave waits for.
func (v *visit) tear() {
	if v.wire.Conn != nil {
		_ = v.wire.Close()
	}
	if v.db != nil {
		_ = v.db.Close()
	}
}

// who asks a server for the number of a connection, and what it calls itself. In MySQL that
// is unique.
func who(ctx context.Context, c *sql.Conn) (id int64, self string, maria bool, err error) {
	var version string
	row := c.QueryRowContext(ctx, "SELECT VERSION(), CONNECTION_ID(), CONCAT(@@hostname, ':', @@port, '/', @@server_id)")
	if err := row.Scan(&version, &id, &self); err != nil {
		return 0, "", false, err
	}
	if strings.Contains(strings.ToLower(version), "mariadb") {
		return id, self, true, nil
	}
	var unique string
	err = c.QueryRowContext(ctx, "SELECT @@server_uuid").Scan(&unique)
	return id, self + "/" + unique, false, err
}

// leave ends the connection, and at the server what it still does for it. The driver does no
// more than hang up, which a server that computes takes no notice of.
func (v *visit) leave(ctx context.Context) {
	if v.cut || ctx.Err() != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*afterwards)
		defer cancel()
		v.kill(end)
	}
	_ = v.conn.Close()
	_ = v.db.Close()
}

// kill ends the connection over another one of the same account, which may end its own. It
// is the connection and not the statement that is ended: a statement could be the next one
// by now, and not the last. Behind a distributor of connections the other one may be at
// another server, where the number is somebody else's.
func (v *visit) kill(ctx context.Context) {
	connector, err := (&wire{secure: v.cfg.TLS}).connector(v.cfg)
	if err != nil {
		return
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	c, err := db.Conn(ctx)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	if _, self, _, err := who(ctx, c); err == nil && self == v.self {
		_, _ = c.ExecContext(ctx, fmt.Sprintf("KILL CONNECTION %d", v.id))
	}
}

// modes are how a server must read statements for it to be as they were judged: a backslash
// is a character like others, double quotes are around names, and no space makes a
// function of the server one of somebody else's.
func (v *visit) modes() []string {
	if v.maria {
		return []string{"ANSI_QUOTES", "IGNORE_SPACE", "NO_BACKSLASH_ESCAPES"}
	}
	return []string{"ANSI_QUOTES", "IGNORE_SPACE", "NO_BACKSLASH_ESCAPES", "ONLY_FULL_GROUP_BY"}
}

// settle has the server read statements as they are judged, and give each up in time. What
// cannot be set is refused, and so is a server that says that it is otherwise after all.
func (v *visit) settle(ctx context.Context, timeout time.Duration) error {
	seconds := int64(math.Ceil(timeout.Seconds()))
	timeout = max(timeout, time.Millisecond) // 0 is without end
	late := fmt.Sprintf("max_execution_time = %d", timeout.Milliseconds())
	if v.maria {
		late = fmt.Sprintf("max_statement_time = %.3f", timeout.Seconds())
	}
	set := fmt.Sprintf("SET SESSION sql_mode = '%s', SESSION character_set_client = utf8mb4, SESSION character_set_connection = utf8mb4, SESSION character_set_results = utf8mb4, SESSION time_zone = '+00:00', SESSION lock_wait_timeout = %d, SESSION %s",
		strings.Join(v.modes(), ","), seconds, late)
	if err := v.run(ctx, set); err != nil {
		return err
	}
	var mode, client, connection, zone string
	row := v.conn.QueryRowContext(ctx, "SELECT @@SESSION.sql_mode, @@SESSION.character_set_client, @@SESSION.character_set_connection, @@SESSION.time_zone")
	if err := row.Scan(&mode, &client, &connection, &zone); err != nil {
		return v.fault(err)
	}
	modes := strings.Split(mode, ",")
	slices.Sort(modes)
	if !slices.Equal(modes, v.modes()) || client != "utf8mb4" || connection != "utf8mb4" || zone != "+00:00" {
		return errors.New("the database reads statements otherwise than they are judged: sql_mode, character set or time zone cannot be set")
	}
	return nil
}

// begin begins a transaction in which nothing can be written, and so is each that comes
// after it. A SELECT locks nothing in it, whatever the server has transactions do by default.
func (v *visit) begin(ctx context.Context) error {
	for _, stmt := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "START TRANSACTION READ ONLY"} {
		if err := v.run(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// run runs a statement of ours that gives nothing.
func (v *visit) run(ctx context.Context, stmt string) error {
	if _, err := v.conn.ExecContext(ctx, stmt); err != nil {
		return v.fault(err)
	}
	return nil
}

// told are all rows that a statement of ours gives, as texts; NULL is empty. They are to be
// fewer than maxTold, and all of them together no longer than one row of an answer.
func (v *visit) told(ctx context.Context, stmt string, args ...any) (columns []string, all [][]string, err error) {
	v.wire.allow(oneRow)
	defer func() {
		if errors.Is(v.wire.why(), errLong) {
			v.cut, err = true, errToldMuch
		}
	}()
	ask := v.ask
	if len(args) == 0 {
		ask = v.askPlain
	}
	rows, end, err := ask(ctx, stmt, args)
	if err != nil {
		return nil, nil, v.fault(err)
	}
	defer end()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, v.fault(err)
	}
	row, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range row {
		to[i] = &row[i]
	}
	for rows.Next() {
		if len(all) == maxTold {
			v.cut = true
			return nil, nil, errToldMuch
		}
		if err := rows.Scan(to...); err != nil {
			return nil, nil, v.fault(err)
		}
		texts := make([]string, len(columns))
		for i := range row {
			texts[i] = row[i].String
		}
		all = append(all, texts)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, v.fault(err)
	}
	return columns, all, nil
}

// askPlain runs a statement without preparing it, which not every server does with every SHOW.
func (v *visit) askPlain(ctx context.Context, stmt string, _ []any) (rows *sql.Rows, end func(), err error) {
	rows, err = v.conn.QueryContext(ctx, stmt)
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	return rows, func() { _ = rows.Close() }, nil
}

// maxTold is how many rows of what a server says of itself are read.
const maxTold = 100_000

// errToldMuch is the end of what a server says of itself.
var errToldMuch = errors.New("the database tells more of its tables than can be read")
