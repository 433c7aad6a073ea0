package sql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	own "doorward/internal/builtin/sql"
)

// caller is a client of a server.
type caller struct {
	t       *testing.T
	session *mcp.ClientSession
	canary  func() string // what must stay the same
}

func newCaller(t *testing.T, set func(*own.Settings)) *caller {
	t.Helper()
	s := own.Settings{Name: "orders", Tables: []string{"orders", "customers", "items", "products", "events"}, Timeout: 20 * time.Second, Rows: 1000, Bytes: 1 << 20, Version: "1"}
	set(&s)
	server, stop, err := own.New(s)
	if err != nil {
		t.Fatal(err)
	}
	here, there := mcp.NewInMemoryTransports()
	if _, err := server.Connect(t.Context(), there, nil); err != nil {
		t.Fatal(err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close(); stop() })
	return &caller{t: t, session: session}
}

// ask returns what a tool gives, or the text of its error.
func (c *caller) ask(tool string, arguments any) (string, error) {
	r, err := c.session.CallTool(c.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return "", err
	}
	text := r.Content[0].(*mcp.TextContent).Text
	if r.IsError {
		return "", errors.New(text)
	}
	if again, err := json.Marshal(r.StructuredContent); err != nil || !json.Valid(again) {
		c.t.Errorf("structured content: %v", err)
	}
	return text, nil
}

func (c *caller) call(tool string, arguments any) string {
	c.t.Helper()
	got, err := c.ask(tool, arguments)
	if err != nil {
		c.t.Fatalf("%s: %v", tool, err)
	}
	return got
}

func query(stmt string, params []any) map[string]any {
	if params == nil {
		return map[string]any{"sql": stmt}
	}
	return map[string]any{"sql": stmt, "params": params}
}

func (c *caller) want(stmt string, params []any, want string) {
	c.t.Helper()
	if got, err := c.ask("query", query(stmt, params)); err != nil || got != want {
		c.t.Errorf("%s: %v\n got %s\nwant %s", stmt, err, got, want)
	}
}

// refused wants an error with a text in it, and nothing of what must not be in one.
func (c *caller) refused(stmt, why string) {
	c.t.Helper()
	got, err := c.ask("query", query(stmt, nil))
	if err == nil || !strings.Contains(err.Error(), why) {
		c.t.Errorf("%.120s: %.200s, %v; not %q", stmt, got, err, why)
	}
}

// unfit wants a statement refused with a word that says what the database is unfit by, and nothing of
// why; that the operator is told. of makes a caller.
func unfit(t *testing.T, of func(set func(*own.Settings)) *caller, set func(*own.Settings), word, why string) {
	t.Helper()
	var told []string
	c := of(func(in *own.Settings) {
		if set != nil {
			set(in)
		}
		in.Health = func(err error) { told = append(told, fmt.Sprint(err)) }
	})
	for _, tool := range []string{"query", "schema"} {
		told = nil
		got, err := c.ask(tool, map[string]map[string]any{"query": query("SELECT 1", nil), "schema": {}}[tool])
		if err == nil || !strings.Contains(err.Error(), "("+word+")") || strings.Contains(err.Error(), why) {
			t.Errorf("%s: %.200s, %v; want %s and nothing of %q", tool, got, err, word, why)
		}
		if len(told) != 1 || !strings.Contains(told[0], why) {
			t.Errorf("%s: the operator is told %q, not %q", tool, told, why)
		}
	}
}

// hostile are statements of the cases POL-17 to POL-29.
func hostile(more ...string) []string {
	return append([]string{
		"SELECT 1; COMMIT; DROP TABLE canary", "SELECT 1;;", "", ";", "SELECT 1; --", "SELECT 1) AS x; DELETE FROM canary; --", "SELECT 1) x LIMIT 1; UPDATE canary SET n = 2; SELECT * FROM (SELECT 1",
		"/**/DELETE FROM canary", "--x\nDELETE FROM canary", "/* /* */ */ DELETE FROM canary", "/*!50000 DELETE */ FROM canary", "SELECT 1 /*",
		"WITH x AS (DELETE FROM canary RETURNING *) SELECT * FROM x", "WITH a AS (WITH b AS (INSERT INTO canary VALUES (2) RETURNING *) SELECT * FROM b) SELECT * FROM a", "INSERT INTO orders VALUES (9)", "UPDATE orders SET id = 9", "DELETE FROM orders", "REPLACE INTO canary VALUES (2)",
		"SELECT load_extension('x')", "SELECT writefile('/tmp/x', 'y')", "SELECT wipe()", "SELECT lower.wipe FROM lower('x')",
		"COPY canary TO PROGRAM 'id'", "SELECT * INTO t9 FROM orders", "CREATE TEMP TABLE t AS SELECT 1", "SELECT 1 INTO OUTFILE '/tmp/x'",
		"EXPLAIN ANALYZE DELETE FROM canary", "TABLE secret", "VALUES ((SELECT pw FROM secret))",
		"DO $$begin end$$", "CALL p()", "PREPARE x AS SELECT 1", "SET ROLE owner", "SET default_transaction_read_only = off", "SET TRANSACTION READ WRITE", "RESET ALL", "BEGIN", "COMMIT", "LOCK TABLE orders", "LISTEN x", "VACUUM", "SELECT * FROM orders FOR UPDATE", "DISCARD ALL", "TRUNCATE canary", "DROP TABLE canary", "SAVEPOINT a",
		"ATTACH DATABASE '/tmp/x' AS x", "PRAGMA writable_schema = 1", "PRAGMA query_only = 0", "VACUUM INTO '/tmp/x'", "SELECT * FROM sqlite_master", "SELECT * FROM pragma_database_list", "SELECT count(*) FROM sqlite_schema",
		`SELECT '\'; DELETE FROM canary; --'`, "SELECT 'open", "SELECT $q$;", "SELECT U&'\\0027'",
		"SELECT * FROM secret", "SELECT count(*) FROM secret", "SELECT pw FROM main.secret", "SELECT * FROM orders JOIN secret ON true", "SELECT (SELECT pw FROM secret)", "SELECT 1 FROM orders ORDER BY (SELECT pw FROM secret)", "SELECT * FROM secret AS orders", "WITH orders AS (SELECT * FROM secret) SELECT * FROM orders", "WITH secret AS (SELECT * FROM secret) SELECT * FROM secret", "SELECT * FROM revealed", "SELECT * FROM information_schema.tables", `SELECT * FROM "secret"`, "SELECT 1 WHERE 1 IN secret",
		"SELECT 1\x00", "\ufeffSELECT 1", "SELECT 1；SELECT 2", "SELEСT 1", "SELECT '" + strings.Repeat("x", 1<<20) + "'", "SELECT " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000),
	}, more...)
}

// attack runs every hostile statement: none is answered, nothing changes, and nothing of
// the credential or of what is not listed is told.
func (c *caller) attack(statements []string, secrets ...string) {
	c.t.Helper()
	before := c.canary()
	for _, stmt := range statements {
		got, err := c.ask("query", query(stmt, nil))
		if err == nil {
			c.t.Errorf("answered: %.120q: %.200s", stmt, got)
			continue
		}
		for _, s := range append(secrets, "CANARY") {
			if strings.Contains(err.Error(), s) {
				c.t.Errorf("%.120q: the error has %s: %v", stmt, s, err)
			}
		}
	}
	if after := c.canary(); after != before {
		c.t.Errorf("changed: %s, was %s", after, before)
	}
	if _, err := c.ask("query", query("SELECT id FROM orders", nil)); err != nil {
		c.t.Errorf("afterwards: %v", err)
	}
}

func TestPOL17To29SQLite(t *testing.T) {
	c := onSQLite(t, nil)
	c.attack(hostile("SELECT randomblob(1000000000)", "SELECT fts3_tokenizer('x')", "SELECT * FROM dbstat"), ".db")
}

// Limits of rows and bytes.
func TestLimits(t *testing.T) {
	c := onSQLite(t, func(s *own.Settings) { s.Rows, s.Bytes = 3, 200 })
	n := "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %d) SELECT i FROM n"
	c.want(fmt.Sprintf(n, 3), nil, `{"columns":[{"name":"i","type":"integer"}],"rows":[[1],[2],[3]],"truncated":false}`)
	c.want(fmt.Sprintf(n, 9), nil, `{"columns":[{"name":"i","type":"integer"}],"rows":[[1],[2],[3]],"truncated":true,"limit":"rows"}`)
	c.want("SELECT 'x' AS t UNION ALL SELECT replace('"+strings.Repeat("a", 100)+"', 'a', 'bb')", nil, `{"columns":[{"name":"t","type":"text"}],"rows":[["x"]],"truncated":true,"limit":"bytes"}`)
	c.refused("SELECT replace('"+strings.Repeat("a", 4000)+"', 'a', '"+strings.Repeat("b", 4000)+"')", "too big")
}

func TestArguments(t *testing.T) {
	c := onSQLite(t, nil)
	for _, in := range []any{map[string]any{}, map[string]any{"sql": 1}, map[string]any{"sql": "SELECT 1", "x": 1}, map[string]any{"sql": "SELECT ?", "params": []any{map[string]any{}}}, map[string]any{"sql": "SELECT ?", "params": make([]any, 1001)}} {
		if got, err := c.ask("query", in); err == nil {
			t.Errorf("%v: %s", in, got)
		}
	}
}

// The secret is asked for each call: what it says counts from the next one on, and an error
// holds none of it.
func TestRotation(t *testing.T) {
	dsn, failed := "sqlite:"+sqliteFile(t), error(nil)
	c := newCaller(t, func(s *own.Settings) { s.DSN = func() (string, error) { return dsn, failed } })
	c.want("SELECT count(*) AS n FROM orders", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[2]],"truncated":false}`)
	dsn = sqliteFile(t, "DELETE FROM orders")
	c.want("SELECT count(*) AS n FROM orders", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[0]],"truncated":false}`)
	for _, bad := range []string{"", "mysql://u:sesame@h/d?tls=false", "mysql://u:sesame@127.0.0.1:1/d", "mariadb://u:sesame@h", "sqlite:orders-sesame.db", "sqlite:/x-sesame.db?mode=rw", "/absent-sesame.db", "postgres://u:sesame@db.example.com/d", "postgres://u:sesame@127.0.0.1:1/d?sslmode=disable", "postgres://u:sesame@[/d", t.TempDir()} {
		dsn = bad
		if got, err := c.ask("query", query("SELECT 1", nil)); err == nil || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %s, %v", bad, got, err)
		}
	}
	failed = errors.New("sesame")
	c.refused("SELECT 1", "cannot be read")
}

// legitimate are the read statements that the judge's corpus has for a dialect.
func legitimate(t *testing.T, dialect string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../policy/statement/testdata/legitimate-" + dialect + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		stmt, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, stmt)
	}
	if len(all) < 500 {
		t.Fatalf("%d statements", len(all))
	}
	return all
}

// corpusStep is how many statements of a corpus there are for one that is asked, unless
// SQL_CORPUS is all.
const corpusStep = 20

// answers asks statements one by one, and says which are not answered.
func (c *caller) answers(all []string) (failed []string) {
	step := corpusStep
	if os.Getenv("SQL_CORPUS") == "all" {
		step = 1
	}
	for i := 0; i < len(all); i += step {
		if _, err := c.ask("query", query(all[i], nil)); err != nil {
			failed = append(failed, fmt.Sprintf("%v: %.200s", err, all[i]))
		}
	}
	return failed
}
