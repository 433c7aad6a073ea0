package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"doorward/internal/builtin/sql/memory"
	"doorward/internal/policy/statement"
)

// lite is a file of SQLite. Each call opens it and closes it.
type lite struct {
	path  string
	set   *Settings
	judge *statement.Judge
}

// errNoFile is that of a file that cannot be opened. It does not name it.
var errNoFile = errors.New("the database's file cannot be opened, or is none of SQLite")

// errMemory is that of a statement that was denied memory, its own or what is left of all.
var errMemory = fmt.Errorf("the statement takes more memory than it may, which is %d MiB, and %d MiB for all that run together (SQLITE_NOMEM): ask for less at once, so that fewer rows or shorter values are gathered, sorted or grouped", maxMemory>>20, memory.Together>>20)

// limits are SQLite's own for a statement (https://sqlite.org/c3ref/c_limit_attached.html).
// One step of a statement cannot be interrupted: what it may look through is short.
func (l *lite) limits(c *sql.Conn) error {
	for _, of := range [...]struct{ id, most int }{
		{sqlite3.SQLITE_LIMIT_LENGTH, int(min(max(l.set.Bytes, minCell), maxCell))},
		{sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, maxPattern},
		{sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0}, // they would allocate on no account
	} {
		if _, err := sqlite.Limit(c, of.id, of.most); err != nil {
			return errNoFile
		}
	}
	return nil
}

// open opens the file for reading alone, and calls use with what tables and virtual tables
// there are. What the connection allocates is bounded, temporary tables with it: they are
// kept in memory, never in files.
func (l *lite) open(ctx context.Context, use func(c *sql.Conn, there map[string]bool) error) (err error) {
	if fi, err := os.Stat(l.path); err != nil || !fi.Mode().IsRegular() {
		return errNoFile
	}
	q := url.Values{
		"mode": {"ro"}, "_defensive": {"1"}, "_query_only": {"1"}, "_dqs": {"0"}, "_error_rc": {"1"},
		"_pragma": {"busy_timeout(5000)", "trusted_schema(0)", "cell_size_check(1)", "temp_store(memory)"},
	}
	by, err := liteDriver()
	if err != nil {
		return err
	}
	db := sql.OpenDB(&liteFile{(&url.URL{Scheme: "file", Path: l.path, RawQuery: q.Encode()}).String(), by})
	var account *memory.Account
	defer func() {
		_ = db.Close()
		if account == nil {
			return
		}
		account.Close()
		if account.Refused() && lacksMemory(err) {
			err = errMemory
		}
	}()
	c, err := db.Conn(ctx)
	if err != nil {
		return errNoFile
	}
	defer func() { _ = c.Close() }()
	if err := c.Raw(func(conn any) (err error) {
		account, err = memory.Open(conn, l.set.Memory)
		return err
	}); err != nil {
		return err
	}
	if err := l.limits(c); err != nil {
		return err
	}
	names, err := firstColumn(ctx, c, `SELECT lower(name) FROM sqlite_schema WHERE type IN ('table', 'view') UNION SELECT lower(name) FROM pragma_module_list`)
	if lacksMemory(err) {
		return liteFault(err)
	}
	if err != nil {
		return errNoFile
	}
	there := map[string]bool{}
	for _, n := range names {
		there[n] = true
	}
	return use(c, there)
}

// firstColumn are the texts of a statement's first column.
func firstColumn(ctx context.Context, c *sql.Conn, stmt string, args ...any) ([]string, error) {
	rows, err := c.QueryContext(ctx, stmt, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func (l *lite) query(ctx context.Context, q *asked) (out *answer, err error) {
	err = l.open(ctx, func(c *sql.Conn, there map[string]bool) error {
		if err := l.masksHold(ctx, c); err != nil {
			return unlessFit(err)
		}
		if err := c.Raw(func(conn any) error {
			return conn.(sqlite.AuthorizerRegisterer).RegisterAuthorizer(l.authorize(there))
		}); err != nil {
			return errNoFile
		}
		out, err = l.read(ctx, c, q)
		return err
	})
	return out, err
}

// read runs the statement. The driver interrupts a statement up to its first row alone, so
// that one is not given before all rows are there: as many as may come, and one.
func (l *lite) read(ctx context.Context, c *sql.Conn, q *asked) (*answer, error) {
	args := make([]any, len(q.params))
	for i, p := range q.params {
		args[i] = bound(p)
	}
	all, err := c.QueryContext(ctx, fmt.Sprintf("WITH doorward_answer AS MATERIALIZED (SELECT * FROM (\n%s\n) LIMIT %d) SELECT * FROM doorward_answer", q.sql, l.set.Rows+1), args...)
	if err != nil {
		return nil, liteFault(err)
	}
	defer func() { _ = all.Close() }()
	types, err := all.ColumnTypes()
	if err != nil {
		return nil, liteFault(err)
	}
	out := newAnswer(l.set)
	for _, t := range types {
		out.Columns = append(out.Columns, column{t.Name(), strings.ToLower(t.DatabaseTypeName())})
	}
	row, to := make([]any, len(types)), make([]any, len(types))
	for i := range row {
		to[i] = &row[i]
	}
	for more := true; more && all.Next(); {
		if err := all.Scan(to...); err != nil {
			return nil, liteFault(err)
		}
		for i := range row {
			if out.Columns[i].Type == "" {
				out.Columns[i].Type = storage(row[i])
			}
			row[i] = fromSQLite(row[i], types[i].DatabaseTypeName())
		}
		if more, err = out.add(row); err != nil {
			return nil, err
		}
	}
	return out, liteFault(all.Err())
}

// bound is a parameter as SQLite takes it: a number that is whole as an integer.
func bound(p any) any {
	n, ok := p.(json.Number)
	if !ok {
		return p
	}
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return f
}

// authorize denies whatever is no reading of a listed table, by the codes of
// https://sqlite.org/c3ref/c_alter_table.html. A masked column reads as NULL, wherever in
// the statement it stands. Where no column is read (count(*)), SQLite asks by the name in
// FROM, which may be one that the statement itself made: a name that is no table's.
func (l *lite) authorize(there map[string]bool) sqlite.AuthorizerFn {
	listed, masked := map[string]bool{"json_each": true, "json_tree": true}, map[string]bool{}
	for _, t := range l.set.Tables {
		listed[bare(t)] = true
	}
	for t, columns := range l.set.Mask {
		for _, c := range columns {
			masked[bare(t)+"\x00"+strings.ToLower(c)] = true
		}
	}
	return func(action sqlite.AuthorizerActionCode, arg1, arg2, db, _ string) sqlite.AuthorizerReturnCode {
		allowed := false
		switch name := strings.ToLower(arg1); action {
		case sqlite.AuthSelect, sqlite.AuthRecursive:
			allowed = true
		case sqlite.AuthFunction:
			allowed = l.judge.Calls(strings.ToLower(arg2)) || arg2 == "->" || arg2 == "->>"
		case sqlite.AuthRead:
			made := arg2 == "" && !there[name] && !strings.HasPrefix(name, "sqlite_")
			allowed = made || listed[name] && (db == "main" || db == "")
			if allowed && masked[name+"\x00"+strings.ToLower(arg2)] {
				return sqlite.AuthorizerIgnore
			}
		default:
		}
		if allowed {
			return sqlite.AuthorizerOK
		}
		return sqlite.AuthorizerDeny
	}
}

// bare is the name of a listed table without main, folded as SQLite does.
func bare(t string) string { return strings.TrimPrefix(strings.ToLower(t), "main.") }

// masksHold refuses a mask of a column that is not there, which may have another name by now,
// and a table with a mask that has a column made of others: nobody would be asked when it
// reads a masked one.
func (l *lite) masksHold(ctx context.Context, c *sql.Conn) error {
	for t, columns := range l.set.Mask {
		there, err := firstColumn(ctx, c, `SELECT name FROM pragma_table_xinfo(?)`, bare(t))
		if err != nil {
			return liteFault(err)
		}
		for _, masked := range columns {
			if !slices.ContainsFunc(there, func(c string) bool { return strings.EqualFold(c, masked) }) {
				return fmt.Errorf("the column %s of %s is masked and not there: its operator has to name it as it is called now", masked, t)
			}
		}
		made, err := firstColumn(ctx, c, `SELECT name FROM pragma_table_xinfo(?) WHERE hidden IN (2, 3)`, bare(t))
		if err != nil {
			return liteFault(err)
		}
		for _, m := range made {
			if !slices.ContainsFunc(columns, func(c string) bool { return strings.EqualFold(c, m) }) {
				return fmt.Errorf("the column %s of %s is generated and may show what is masked: its operator has to add it to mask", m, t)
			}
		}
	}
	return nil
}

// liteFault is an error with SQLite's own words, which name what the statement names.
func liteFault(err error) error {
	var said *sqlite.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &said):
		return errors.New("the database gave no answer")
	case lacksMemory(said): // which may be one of SQLITE_IOERR, and none of the file
		return said
	case said.Code()&0xff == sqlite3.SQLITE_AUTH:
		return errors.New("the statement reads something that is not allowed (SQLITE_AUTH)")
	case said.Code()&0xff == sqlite3.SQLITE_CANTOPEN, said.Code()&0xff == sqlite3.SQLITE_NOTADB, said.Code()&0xff == sqlite3.SQLITE_IOERR:
		return errNoFile
	}
	return said
}

// lacksMemory tells whether an error is SQLite's that there is no memory. It may be denied
// some that it can do without (https://sqlite.org/malloc.html), and end by something else.
func lacksMemory(err error) bool {
	said, ok := errors.AsType[*sqlite.Error](err)
	return ok && (said.Code()&0xff == sqlite3.SQLITE_NOMEM || said.Code() == sqlite3.SQLITE_IOERR_NOMEM || strings.Contains(said.Error(), "out of memory"))
}
