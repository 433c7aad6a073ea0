package sql_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	own "doorward/internal/builtin/sql"
)

// TestPOL29SQLiteMemory: what a statement gathers, sorts and keeps is bounded, however many
// run, and no file grows in its place. What is denied leaves nothing behind.
func TestPOL29SQLiteMemory(t *testing.T) {
	t.Setenv("SQLITE_TMPDIR", "/doorward/nowhere") // where temporary files would go
	c := onSQLite(t, func(s *own.Settings) { s.Memory, s.Timeout = 4<<20, time.Minute })
	const grown = "WITH RECURSIVE r(n, s) AS (SELECT 1, '0123456789abcdef' UNION ALL SELECT n + 1, s || s FROM r WHERE n < 13), k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 200) "
	var all sync.WaitGroup
	for _, stmt := range []string{
		"SELECT length(json_group_array(s)) FROM r, k WHERE n = 13",
		"SELECT length(json_group_object(i, s)) FROM r, k WHERE n = 13",
		"SELECT count(*) FROM (SELECT DISTINCT s || i FROM r, k WHERE n = 13)",
		"SELECT s || i AS t, count(*) FROM r, k WHERE n = 13 GROUP BY 1",
		"SELECT s || i AS t FROM r, k WHERE n = 13 ORDER BY 1",
		"SELECT s || i, row_number() OVER (ORDER BY s || i) FROM r, k WHERE n = 13",
		"SELECT " + strings.Repeat("s || 1, ", 100) + "1 FROM r WHERE n = 13",
	} {
		all.Go(func() { c.refused(grown+stmt, "SQLITE_NOMEM") })
	}
	all.Wait()
	for range 3 {
		c.want(grown+"SELECT length(s) AS n FROM r ORDER BY s DESC LIMIT 1", nil, `{"columns":[{"name":"n","type":"integer"}],"rows":[[65536]],"truncated":false}`)
	}
}

// A value is at most as long as SQLite may look through without being interrupted.
func TestSQLiteLength(t *testing.T) {
	c := onSQLite(t, func(s *own.Settings) { s.Bytes = 64 << 10 })
	made := func(n int) []any { return []any{strings.Repeat("a", n), strings.Repeat("x", 1024)} }
	for _, tc := range []struct {
		stmt   string
		params []any
		why    string // none: it is answered
	}{
		{"SELECT length(replace(?, 'a', ?))", made(2049), "too big"},
		{"SELECT length(replace(?, 'a', ?))", made(2048), ""},
		{"SELECT 'x' LIKE ?", []any{strings.Repeat("x", 257)}, "too complex"},
		{"SELECT 'x' LIKE ?", []any{strings.Repeat("x", 256)}, ""},
	} {
		_, err := c.ask("query", query(tc.stmt, tc.params))
		if tc.why == "" && err != nil || tc.why != "" && (err == nil || !strings.Contains(err.Error(), tc.why)) {
			t.Errorf("%s of %d bytes: %v, not %q", tc.stmt, len(tc.params[0].(string)), err, tc.why)
		}
	}
}
