package pgvector_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"doorward/internal/docs"
	"doorward/internal/docs/docstest"
	"doorward/internal/docs/pgvector"
	"doorward/internal/store/storetest"
)

// server starts a PostgreSQL with pgvector, and returns its URL. It is PGlite: PostgreSQL 18
// compiled to WebAssembly, with the real extension, over the real protocol.
func server(t *testing.T) string {
	t.Helper()
	packages, err := filepath.Abs(filepath.Join("..", "..", "..", "testdata", "npm", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(packages, "@electric-sql", "pglite-pgvector")); err != nil {
		t.Fatal("testdata/npm/node_modules/@electric-sql is missing: run scripts/parts first (make test does)")
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(packages, ".bin", "node"), filepath.Join("testdata", "pglite.mjs"), packages)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // the context of the test may have killed it
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("PGlite did not start: ", err)
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", strings.TrimSpace(port))
}

func open(t *testing.T, url, schema string) *pgvector.Index {
	t.Helper()
	x, err := pgvector.New(pgvector.Config{DSN: func() (string, error) { return url, nil }, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func description() docs.Description {
	return docs.Description{Embedder: "lexical", Model: "words-1", Dimensions: 4, Metric: docs.Metric, Chunker: "text 1"}
}

func TestB1_Conformance(t *testing.T) {
	t.Parallel()
	url := server(t)
	var schemas atomic.Int64
	docstest.Index(t, func(*testing.T, int) docstest.Store {
		schema := fmt.Sprintf(`docs "of" %d`, schemas.Add(1))
		return docstest.Store{Words: true, Hold: func(t *testing.T) func() int { return hold(t, url, schema) }, Open: func(t *testing.T) docs.Writable { return open(t, url, schema) }}
	})
	t.Run("changed tables", func(t *testing.T) { changedTables(t, url) })
	t.Run("generation that cannot be removed yet", func(t *testing.T) { generationIsHeld(t, url) })
	t.Run("turn of a writer that is gone", func(t *testing.T) { turnOfOneGone(t, url) })
}

// hold keeps generations from being removed, until what it returns is called.
func hold(t *testing.T, url, schema string) func() int {
	t.Helper()
	of := pgx.Identifier{schema}.Sanitize()
	do(t, url, fmt.Sprintf(`CREATE FUNCTION %[1]s.kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''2BP01''; END';
 CREATE TRIGGER kept BEFORE DELETE ON %[1]s.generations EXECUTE FUNCTION %[1]s.kept()`, of))
	return func() (n int) {
		do(t, url, fmt.Sprintf("DROP TRIGGER IF EXISTS kept ON %s.generations", of))
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		if err := c.QueryRow(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s.generations", of), pgx.QueryExecModeSimpleProtocol).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// do runs a statement of the test's own.
func do(t *testing.T, url, statement string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

// changedTables: tables of a later version, and of another, are refused.
func changedTables(t *testing.T, url string) {
	x := open(t, url, "changed")
	defer func() { _ = x.Close() }()
	w, err := x.Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Finish(t.Context(), description()), w.Close()); err != nil {
		t.Fatal(err)
	}
	do(t, url, "INSERT INTO changed.migrations (number, sum) VALUES (2, 'later')")
	if _, err := x.State(t.Context()); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("tables of a later version: %v", err)
	}
	do(t, url, "DELETE FROM changed.migrations; INSERT INTO changed.migrations (number, sum) VALUES (1, 'other')")
	if _, err := x.Begin(t.Context(), description()); err == nil || !strings.Contains(err.Error(), "other statements") {
		t.Errorf("tables made by other statements: %v", err)
	}
}

// generationIsHeld: a generation that somebody still uses keeps none from being finished, is
// never gone on with, and is removed by the next writer that can.
func generationIsHeld(t *testing.T, url string) {
	x := open(t, url, "held")
	defer func() { _ = x.Close() }()
	isHeld := false
	finish := func() string {
		w, err := x.Begin(t.Context(), description())
		if err != nil {
			t.Fatal(err)
		}
		if held, err := w.Held(t.Context(), "a"); err != nil || len(held) > 0 {
			t.Errorf("it goes on with %d documents, %v", len(held), err)
		}
		d := docs.Document{URI: "docs://a/b", Source: "a"}
		if err := w.Put(t.Context(), &d, nil, nil); err != nil {
			t.Fatal(err)
		}
		err = w.Finish(t.Context(), description())
		if left, ok := errors.AsType[*docs.LeftError](err); ok != isHeld || err != nil && !ok || ok && !strings.Contains(left.Error(), "depends on its tables (2BP01)") {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		state, err := x.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return state.Generation
	}
	first := finish()
	do(t, url, "CREATE VIEW held.kept AS SELECT * FROM held.passages_1")
	isHeld = true
	if second, third := finish(), finish(); second == first || third == second {
		t.Errorf("the generations are %s, %s and %s", first, second, third)
	}
	do(t, url, "SELECT FROM held.passages_1; DROP VIEW held.kept")
	w, err := x.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	do(t, url, "CREATE TABLE held.passages_1 (); CREATE TABLE held.passages_2 ()") // of these names there are none
}

// turnOfOneGone: a writer that did not renew its turn is followed by the next, and writes no
// more.
func turnOfOneGone(t *testing.T, url string) {
	x := open(t, url, "gone")
	defer func() { _ = x.Close() }()
	first, err := x.Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Begin(t.Context(), description()); !errors.Is(err, docs.ErrBusy) {
		t.Fatalf("beside the first: %v", err)
	}
	do(t, url, "UPDATE gone.writer SET until = clock_timestamp() - interval '1 second'")
	second, err := x.Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Remove(t.Context(), []string{"docs://a/b/c"}); err == nil || !strings.Contains(err.Error(), "by now") {
		t.Errorf("the first writes on: %v", err)
	}
	if err := errors.Join(first.Close(), second.Remove(t.Context(), nil), second.Close()); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// TestB1_WithoutTheExtension: a PostgreSQL 15 that has no pgvector says what is missing.
func TestB1_WithoutTheExtension(t *testing.T) {
	t.Parallel()
	x := open(t, storetest.NewPostgres(t).DSN(), "docs")
	defer func() { _ = x.Close() }()
	if _, err := x.Begin(t.Context(), description()); err == nil || !strings.Contains(err.Error(), "CREATE EXTENSION vector") {
		t.Errorf("got %v", err)
	}
	if _, err := x.State(t.Context()); !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("the state: %v", err)
	}
}

func TestB1_RefusedURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"host=127.0.0.1 user=x password=sesame":                         "must be a URL",
		"postgres://x:sesame@db.example/docs":                           "sslmode=verify-full",
		"postgres://x:sesame@db.example/docs?sslmode=require":           "sslmode=verify-full",
		"postgres://x:sesame@127.0.0.1,db.example/docs?sslmode=disable": "sslmode=verify-full",
		"postgres://x:sesame@127.0.0.1/docs?sslmode=sesame":             "no such URL",
		"mysql://x:sesame@127.0.0.1/docs":                               "must be a URL",
	} {
		_, err := pgvector.New(pgvector.Config{DSN: func() (string, error) { return url, nil }, Schema: "docs"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
}

// TestB1_UnreachableSaysNoHost: what cannot be reached is told without host, role or password.
func TestB1_UnreachableSaysNoHost(t *testing.T) {
	t.Parallel()
	x := open(t, "postgres://somebody:sesame@127.0.0.1:1/docs?sslmode=disable", "docs")
	defer func() { _ = x.Close() }()
	_, err := x.State(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "somebody") {
		t.Errorf("got %v", err)
	}
}
