package sql_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	own "doorward/internal/builtin/sql"
)

// sample is what the tests' databases hold, in a form that both dialects take.
const sample = `CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, country text);
CREATE TABLE products (id integer PRIMARY KEY, category text);
CREATE TABLE orders (id integer PRIMARY KEY, status text, "delete" text, total numeric(10, 2), created_at TIMESTAMP, customer_id integer REFERENCES customers (id), data JSONTYPE, big bigint, raw BYTES, day date, ok boolean);
CREATE TABLE items (id integer PRIMARY KEY, order_id integer REFERENCES orders (id), product_id integer REFERENCES products (id), qty integer, price numeric(10, 2), card text);
CREATE TABLE events (id integer PRIMARY KEY, customer_id integer);
CREATE TABLE secret (pw text);
CREATE TABLE canary (n integer);
INSERT INTO customers VALUES (1, 'Ada', 'it'), (2, 'Zoë', NULL);
INSERT INTO products VALUES (1, 'tea');
INSERT INTO orders VALUES (1, 'paid', 'x', 10.50, '2026-11-01 10:20:30', 1, '{"k": "v"}', 9007199254740993, HEX, '2026-11-02', true), (2, 'open', NULL, NULL, NULL, 2, NULL, 7, NULL, NULL, false);
INSERT INTO items VALUES (1, 1, 1, 3, 2.25, '4111');
INSERT INTO events VALUES (1, 1);
INSERT INTO secret VALUES ('CANARY');
INSERT INTO canary VALUES (1);
CREATE VIEW revealed AS SELECT pw FROM secret;`

// sqliteFile makes a database of SQLite.
func sqliteFile(t *testing.T, more ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "orders.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	text := strings.NewReplacer("JSONTYPE", "text", "BYTES", "blob", "HEX", "x'00ff'").Replace(sample)
	for _, stmt := range append([]string{text}, more...) {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func onSQLite(t *testing.T, set func(*own.Settings), more ...string) *caller {
	t.Helper()
	path := sqliteFile(t, more...)
	c := newCaller(t, func(s *own.Settings) {
		s.DSN = func() (string, error) { return "sqlite:" + path, nil }
		if set != nil {
			set(s)
		}
	})
	c.canary = func() string {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		var all string
		if err := db.QueryRow(`SELECT (SELECT group_concat(n) FROM canary) || (SELECT count(*) FROM orders) || (SELECT group_concat(name) FROM sqlite_schema)`).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	return c
}

func TestSQLiteValues(t *testing.T) {
	c := onSQLite(t, nil)
	c.want(`SELECT id, total, created_at, big, raw, day, ok, "delete" FROM orders ORDER BY id`, nil,
		`{"columns":[{"name":"id","type":"integer"},{"name":"total","type":"numeric(10, 2)"},{"name":"created_at","type":"timestamp"},{"name":"big","type":"bigint"},{"name":"raw","type":"blob"},{"name":"day","type":"date"},{"name":"ok","type":"boolean"},{"name":"delete","type":"text"}],`+
			`"rows":[[1,10.5,"2026-11-01T10:20:30Z","9007199254740993","AP8=","2026-11-02",1,"x"],[2,null,null,7,null,null,0,null]],"truncated":false}`)
	c.want("SELECT count(*) AS n, 'a' || ? AS t, ? + 1 AS i, 1.5 AS f;", []any{"b", 41},
		`{"columns":[{"name":"n","type":"integer"},{"name":"t","type":"text"},{"name":"i","type":"integer"},{"name":"f","type":"real"}],"rows":[[1,"ab",42,1.5]],"truncated":false}`)
	c.want("SELECT id FROM orders WHERE id > 9", nil, `{"columns":[{"name":"id","type":"integer"}],"rows":[],"truncated":false}`)
	c.want("WITH x AS (SELECT 1) SELECT count(*) AS n FROM x -- made by the statement", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[1]],"truncated":false}`)
	c.want(`SELECT value FROM json_each('[1,2]')`, nil, `{"columns":[{"name":"value","type":"integer"}],"rows":[[1],[2]],"truncated":false}`)
}

func TestSQLiteSchema(t *testing.T) {
	c := onSQLite(t, func(s *own.Settings) { s.Mask = map[string][]string{"items": {"card"}} })
	got := c.call("schema", map[string]any{})
	for _, part := range []string{`"dialect":"sqlite"`, `{"name":"items","columns":[{"name":"id","type":"integer","primary_key":1},{"name":"order_id","type":"integer","nullable":true,"references":"orders(id)"}`, `{"name":"card","type":"text","nullable":true,"masked":true}`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "canary") {
		t.Errorf("a table that is not listed: %s", got)
	}
}

// What a statement reads is decided where SQLite reads it: with the judge away, too.
func TestPOL28SQLiteMask(t *testing.T) {
	c := onSQLite(t, func(s *own.Settings) { s.Mask = map[string][]string{"items": {"card"}} })
	c.want("SELECT card, upper(card) AS u, (SELECT max(card) FROM items) AS m FROM items WHERE card IS NULL ORDER BY card", nil,
		`{"columns":[{"name":"card","type":""},{"name":"u","type":""},{"name":"m","type":""}],"rows":[[null,null,null]],"truncated":false}`)
	for _, join := range []string{
		"WITH RECURSIVE n(card) AS (SELECT 0 UNION ALL SELECT card + 1 FROM n LIMIT 1000) SELECT items.id, n.card FROM n JOIN items USING (card)",
		"SELECT items.id, n.card FROM (SELECT 'x' AS card) n NATURAL JOIN items",
	} {
		c.refused(join, "")
	}
	gone := onSQLite(t, func(s *own.Settings) { s.Mask = map[string][]string{"items": {"card"}} }, `ALTER TABLE items RENAME COLUMN card TO card_no`)
	gone.refused("SELECT card_no FROM items", "not there")
	made := onSQLite(t, func(s *own.Settings) { s.Mask = map[string][]string{"items": {"card"}} }, `ALTER TABLE items ADD COLUMN shown text AS (card || '!')`)
	made.refused("SELECT shown FROM items", "is generated")
	view := onSQLite(t, func(s *own.Settings) { s.Tables = append(s.Tables, "revealed") })
	view.refused("SELECT * FROM revealed", "SQLITE_AUTH")
	view.refused("SELECT count(*) FROM revealed", "SQLITE_AUTH")
}

// A statement that never ends is ended, before its first row and after it.
func TestSQLiteRunsOut(t *testing.T) {
	c := onSQLite(t, func(s *own.Settings) { s.Timeout = 50 * time.Millisecond })
	for _, stmt := range []string{
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i = 1 OR i < 0",
	} {
		c.refused(stmt, "longer than it may")
	}
}

func TestPOL27SQLite(t *testing.T) {
	c := onSQLite(t, nil)
	if failed := c.answers(legitimate(t, "sqlite")); len(failed) > 0 {
		t.Errorf("not answered: %s", strings.Join(failed, "\n"))
	}
}
