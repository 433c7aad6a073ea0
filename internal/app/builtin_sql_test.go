package app_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"

	_ "modernc.org/sqlite" // makes the file
)

// servedDatabase is a file of SQLite, and the configuration that serves one of its tables.
func servedDatabase(t *testing.T) (path, yaml string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "orders.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`CREATE TABLE orders (id integer PRIMARY KEY, item text); INSERT INTO orders VALUES (1, 'green tea'); CREATE TABLE secret (pw text); INSERT INTO secret VALUES ('CANARY')`); err != nil {
		t.Fatal(err)
	}
	dsn := filepath.Join(dir, "dsn")
	if err := os.WriteFile(dsn, []byte("sqlite:"+path), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, `upstreams: {orders: {builtin: sql, dsn: orders-dsn, tables: [orders]}}
secrets: {orders-dsn: {from: "file:` + dsn + `"}}`
}

// Doorward's own server of a database is an upstream like any other, to clients of both
// eras: held until it is approved, and on record. A table more is a change that waits.
func TestBuiltinSQL(t *testing.T) {
	t.Parallel()
	path, yaml := servedDatabase(t)
	gw := gatetest.Gateway(t, yaml, nil)
	if r := gw.As("early").Open(modern).Call("orders__query", `{"sql":"SELECT item FROM orders"}`); r.OK() {
		t.Errorf("called before it was approved: %s", r)
	}
	if n := gw.ApproveClean("orders"); n < 3 {
		t.Fatalf("%d definitions approved", n)
	}
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		c := gw.As("alice" + version).Open(version)
		r := c.Call("orders__query", `{"sql":"SELECT item FROM orders WHERE id = ?","params":[1]}`)
		if !r.OK() || !strings.Contains(string(r.Body), `"rows":[["green tea"]]`) {
			t.Errorf("%s: %s", version, r)
		} else if records := gw.Records(audit.Query{Exchange: r.Exchange}); len(records) != 2 {
			t.Errorf("%s: %d records", version, len(records))
		}
		if r := c.Call("orders__schema", `{}`); !r.OK() || !strings.Contains(string(r.Body), `"dialect":"sqlite"`) || strings.Contains(string(r.Body), "secret") {
			t.Errorf("%s: %s", version, r)
		}
		for _, stmt := range []string{"SELECT pw FROM secret", "DELETE FROM orders", "SELECT 1; SELECT 2"} {
			if r := c.Call("orders__query", `{"sql":"`+stmt+`"}`); !strings.Contains(string(r.Body), "the statement ") || strings.Contains(string(r.Body), "CANARY") || strings.Contains(string(r.Body), path) {
				t.Errorf("%s: %s: %s", version, stmt, r)
			}
		}
	}
	rewrite(t, gw, `tables: [orders]`, `tables: [orders, secret]`)
	if r := gw.As("bob").Open(modern).Call("orders__query", `{"sql":"SELECT pw FROM secret"}`); r.OK() || strings.Contains(string(r.Body), "CANARY") {
		t.Errorf("a server that reads more was not asked about: %s", r)
	}
}

// A database that cannot be read is an upstream that fails, to the operator: in its state,
// and in the log when that begins and when it ends, however many call meanwhile.
func TestBuiltinSQLThatFails(t *testing.T) {
	t.Parallel()
	path, yaml := servedDatabase(t)
	gw := gatetest.Gateway(t, yaml, nil)
	gw.ApproveClean("orders")
	c := gw.As("alice").Open(modern)
	call := func() bool { return c.Call("orders__query", `{"sql":"SELECT item FROM orders"}`).OK() }
	state := func() admin.UpstreamStatus {
		st, err := gw.App.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st.Upstreams[0]
	}
	if !call() || state().Transport != "builtin" || state().Error != "" {
		t.Fatalf("before: %+v", state())
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		call()
	}
	if s := state(); !strings.Contains(s.Error, "file cannot be opened") || !s.Answers {
		t.Errorf("the database is gone, and its upstream is %+v", s)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if !call() || state().Error != "" {
		t.Errorf("the database is back, and its upstream is %+v", state())
	}
	for _, line := range []string{"an upstream of Doorward's own does not work", "an upstream of Doorward's own works again"} {
		if n := strings.Count(gw.Log(), line); n != 1 {
			t.Errorf("%d lines of the log have %q", n, line)
		}
	}
}
