package parts_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"doorward/internal/gatetest"
	"doorward/internal/policy/statement"
)

// databaseSession is a session of a role, to which statements are sent each by itself, as one string.
type databaseSession struct {
	conn   *pgconn.PgConn
	role   string
	warned []string // the codes of what the server told beside its answers
}

func newDatabaseSession(t *testing.T, dir, role string) *databaseSession {
	t.Helper()
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("host=%s user=%s dbname=postgres", dir, role))
	if err != nil {
		t.Fatal(err)
	}
	s := &databaseSession{role: role}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { s.warned = append(s.warned, n.Code) }
	if s.conn, err = pgconn.ConnectConfig(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close(context.Background()) })
	return s
}

// send returns every value of the statements' answers, a line each. It ends with the first
// error of the server.
func (s *databaseSession) send(ctx context.Context, statements ...string) (answer string, err error) {
	var b strings.Builder
	for _, sql := range statements {
		results, err := s.conn.Exec(ctx, sql).ReadAll()
		for _, r := range results {
			for _, row := range r.Rows {
				b.Write(bytes.Join(row, []byte("\n")))
				b.WriteByte('\n')
			}
		}
		if err != nil {
			return b.String(), err
		}
	}
	return b.String(), nil
}

// The tables of the corpus, one that it must never reach, and a role for which
// the server itself allows no more than the rule does.
const statementTables = `
CREATE TABLE orders (id int, customer_id int, status text, total numeric, created_at timestamptz, data jsonb, "delete" text);
CREATE TABLE customers (id int, name text, country text);
CREATE TABLE items (id int, order_id int, product_id int, qty int, price numeric);
CREATE TABLE products (id int, category text);
CREATE TABLE events (id int, customer_id int);
CREATE TABLE "Mixed" (id int);
CREATE TABLE secret (id int, pw text);
INSERT INTO orders VALUES (1, 1, 'paid', 10, now(), '{"k": "v"}', '');
INSERT INTO customers VALUES (1, 'a', 'DE');
INSERT INTO secret VALUES (1, 'hunter2');
CREATE ROLE reader LOGIN;
ALTER ROLE reader SET default_transaction_read_only = on;
GRANT SELECT ON orders, customers, items, products, events, "Mixed" TO reader;`

// corpus reads statements, one a line as a Go string.
func corpus(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "policy", "statement", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s, err := strconv.Unquote(lines.Text())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// spellings are ways to call a function that hide it: what the judge does not
// see, the server would run.
var spellings = []string{
	"SELECT x.pg_sleep FROM generate_series(9,9) x", "SELECT f.pg_read_file FROM lower('/etc/passwd') f",
	"SELECT (('/etc/passwd')::text).pg_read_file", "SELECT pg_sleep.pg_sleep FROM generate_series(9,9) AS pg_sleep(x)",
	"SELECT o.row_to_json FROM orders o", "SELECT o.secret FROM orders o", "SELECT (o).secret FROM orders o",
	"SELECT secret.* FROM orders", "SELECT e.value FROM jsonb_each('{}') e", "SELECT a[1] FROM (SELECT ARRAY[1] AS a) x",
	"SELECT s.pg_read_file FROM (SELECT '/etc/passwd'::text) s", "SELECT s.pg_read_file FROM (VALUES ('/etc/passwd')) s(v)",
	"SELECT j.pg_sleep FROM (generate_series(9,9) a CROSS JOIN orders) j", "WITH w AS (SELECT 9) SELECT w.pg_sleep FROM w",
	"SELECT x.pg_sleep FROM unnest(ARRAY[9], ARRAY[9]) x", "TABLE orders", "VALUES (1)", `SELECT * FROM "Mixed"`,
}

// What the judge lets pass, PostgreSQL itself finds to write nothing, to stay in
// its transaction and to need no right beyond SELECT on the allowed tables.
func TestPOL17To29PostgresAgrees(t *testing.T) {
	dir := gatetest.Postgres(t)
	if _, err := newDatabaseSession(t, dir, "owner").send(t.Context(), statementTables); err != nil {
		t.Fatal(err)
	}
	j, faults := statement.New(statement.Rule{Dialect: statement.Postgres, Tables: []string{"orders", "public.orders", "customers", "items", "products", "events", "Mixed"}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var passed []string
	for _, name := range []string{"hostile-postgres.txt", "legitimate-postgres.txt"} {
		for _, s := range corpus(t, name) {
			if j.Judge(s) == "" {
				passed = append(passed, s)
			}
		}
	}
	for _, s := range spellings {
		if j.Judge(s) == "" {
			passed = append(passed, s)
		}
	}
	ran := 0
	for _, role := range []string{"owner", "reader"} {
		session := newDatabaseSession(t, dir, role)
		for _, sql := range passed {
			if agrees(t, session, sql) {
				ran++
			}
		}
	}
	t.Logf("%d statements passed the judge; of %d runs the server finished %d", len(passed), 2*len(passed), ran)
	if ran < len(passed) {
		t.Error("the server finished less than half of the runs: the corpus says too little")
	}
}

// longest is how long a statement of the corpus may take that the judge lets pass, on a machine that lets this process
// run: the tables have a few rows, and what sleeps there does so for 9 s or more.
const longest = 2 * time.Second

// agrees runs one statement and tells whether it ran to its end.
func agrees(t *testing.T, s *databaseSession, sql string) bool {
	t.Helper()
	const mark = "still-there-and-clean"
	s.warned = nil
	watch := gatetest.Start(t)
	answer, err := s.send(t.Context(), "BEGIN", "SET LOCAL statement_timeout = '1min'", "SET LOCAL doorward.mark = 'here'", sql,
		"SELECT '"+mark+"' WHERE pg_current_xact_id_if_assigned() IS NULL AND current_setting('doorward.mark', true) = 'here'")
	if took := watch.Stop(); took > longest {
		t.Errorf("%s: allowed, and took %s: %.300q", s.role, took, sql)
	}
	fault, told := errors.AsType[*pgconn.PgError](err)
	if err != nil && !told {
		t.Fatalf("%s: %v: %.300q", s.role, err, sql)
	}
	if told {
		s.warned = append(s.warned, fault.Code)
	}
	if _, err := s.send(t.Context(), "ROLLBACK"); err != nil {
		t.Fatalf("%s: %v: %.300q", s.role, err, sql)
	}
	for _, code := range []string{"25006", "42501", "57014", "25001", "58P01"} {
		if slices.Contains(s.warned, code) {
			t.Errorf("%s: allowed, but the server says %s: %.300q", s.role, code, sql)
		}
	}
	if told {
		return false // the server does not know it: a column, a type, a form of a later version
	}
	if !strings.HasSuffix(strings.TrimSpace(answer), mark) {
		t.Errorf("%s: allowed, but it wrote or left the transaction: %.300q", s.role, sql)
	}
	if strings.Contains(answer, "hunter2") || strings.Contains(answer, "root:x:") {
		t.Errorf("%s: allowed, but it read what is not in the list: %.300q", s.role, sql)
	}
	return true
}
