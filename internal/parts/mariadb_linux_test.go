package parts_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // makes the database
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin/sql/sqltest"
)

// A configuration of few lines is all that the binary needs to have agents read MariaDB, and
// they do no more than read: over TLS, with a masked column, by an account that may SELECT.
func TestServeMariaDB(t *testing.T) {
	t.Parallel()
	server := sqltest.NewMariaDB(t)
	owner, err := sql.Open("mysql", "root@unix("+server.Socket+")/?multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close() }()
	if _, err := owner.ExecContext(t.Context(), `CREATE DATABASE shop; CREATE TABLE shop.orders (id integer PRIMARY KEY, item text, card text); INSERT INTO shop.orders VALUES (1, 'green tea', '4111');
CREATE USER reader IDENTIFIED BY 'sesame' REQUIRE SSL; GRANT SELECT (id, item) ON shop.orders TO reader`); err != nil {
		t.Fatal(err)
	}
	g := directory(t, `version: 1
listen: {address: "127.0.0.1:0"}
upstreams: {shop: {builtin: sql, dsn: shop, tables: [orders], mask: {orders: [card]}}}
secrets: {shop: {from: "file:$DIR/dsn"}}
`)
	g.hide("sesame")
	g.write("dsn", server.DSN("reader:sesame", "shop", "tls=true&ca="+server.CA))
	g.serve()
	g.must("trust", "approve", "--all")
	cs := goClientOf(t, stateless, g.url, g.key("create", "ada").Key)
	defer func() { _ = cs.Close() }()
	call := func(tool string, arguments map[string]any) (text string, failed bool) {
		r, err := cs.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		if r.IsError {
			return r.Content[0].(*mcp.TextContent).Text, true
		}
		structured, err := json.Marshal(r.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		return string(structured), false
	}
	for _, tc := range []struct {
		tool, sql, want string
		failed          bool
	}{
		{"shop__schema", "", `"dialect":"mysql"`, false},
		{"shop__query", "SELECT item FROM orders WHERE id = ?", `"rows":[["green tea"]]`, false},
		{"shop__query", "SELECT card FROM orders WHERE id = ?", "account may not read", true},
		{"shop__query", "DELETE FROM orders WHERE id = ?", "the statement", true},
	} {
		arguments := map[string]any{}
		if tc.sql != "" {
			arguments = map[string]any{"sql": tc.sql, "params": []any{1}}
		}
		if text, failed := call(tc.tool, arguments); failed != tc.failed || !strings.Contains(text, tc.want) {
			t.Errorf("%s %s: %s (failed: %t), want %s", tc.tool, tc.sql, text, failed, tc.want)
		}
	}
	var rows int
	if err := owner.QueryRowContext(t.Context(), "SELECT count(*) FROM shop.orders").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows are left, %v", rows, err)
	}
	g.must("audit", "verify")
}
