package listen_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// TestEveryCodeHasARow reads the codes from the source that declares them.
func TestEveryCodeHasARow(t *testing.T) {
	rows := map[gate.Code]listen.RefusalRow{}
	for _, r := range listen.Refusals() {
		if _, twice := rows[r.Code]; twice {
			t.Errorf("%s has two rows", r.Code)
		}
		rows[r.Code] = r
		if r.JSONRPC <= 0 && (r.JSONRPC < -32768 || r.JSONRPC > -32000) {
			t.Errorf("%s: %d is neither Doorward's own nor one of the protocol's", r.Code, r.JSONRPC)
		}
		if r.Text == "" || r.HTTP < 200 || r.Stateless < 200 {
			t.Errorf("%s: incomplete row %+v", r.Code, r)
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "../gate/verdict.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		lit, isLit := spec.Values[0].(*ast.BasicLit)
		if !isLit {
			return true
		}
		code, _ := strconv.Unquote(lit.Value)
		if _, has := rows[gate.Code(code)]; !has && code != "" {
			t.Errorf("%s (%q) has no row in refusals.go", spec.Names[0].Name, code)
		}
		found++
		return true
	})
	if found < 40 {
		t.Errorf("found %d codes only", found)
	}
}

func TestRefusals(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	var verdict gate.Verdict
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		ex.Call.Item, ex.Call.Name = gate.Tool, "x"
		_ = c.Refuse(ctx, ex, gate.Outcome{Verdict: verdict})
	}
	p.does["resources/read"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		ex.Call.Item, ex.Call.Name = gate.Resource, "x://y"
		_ = c.Refuse(ctx, ex, gate.Outcome{Verdict: verdict})
	}
	sessions := map[string]string{
		mcp.V20250618: begin(t, addr, mcp.V20250618, "alice"),
		mcp.V20251125: begin(t, addr, mcp.V20251125, "alice"),
	}
	for _, tc := range []struct {
		version, method string
		code            gate.Code
		status          int
		want            string
	}{
		{mcp.V20251125, "tools/call", gate.CodeDenied, 200, `"code":4030`},
		{mcp.V20260728, "tools/call", gate.CodeHeldTool, 200, `"code":4031`},
		{mcp.V20251125, "tools/call", gate.CodeMethod, 200, `"code":-32601`},
		{mcp.V20260728, "tools/call", gate.CodeMethod, 404, `"code":-32601`},
		{mcp.V20260728, "tools/call", gate.CodeVersion, 400, `"supported":["2026-07-28","2025-11-25"`},
		{mcp.V20260728, "tools/call", gate.CodeHeaderMismatch, 400, `"code":-32020`},
		{mcp.V20250618, "tools/call", gate.CodeArguments, 200, `"code":-32602`},
		{mcp.V20251125, "tools/call", gate.CodeArguments, 200, `"isError":true,"_meta"`},
		{mcp.V20260728, "tools/call", gate.CodeArguments, 200, `"isError":true,"resultType":"complete"`},
		{mcp.V20251125, "resources/read", gate.CodeUnknownResource, 200, `"code":-32002`},
		{mcp.V20260728, "resources/read", gate.CodeUnknownResource, 200, `"code":-32602`},
		{mcp.V20260728, "resources/read", gate.CodeUnknownResource, 200, `"uri":"x://y"`},
		{mcp.V20251125, "tools/call", "no.such.code", 200, `"code":"internal"`},
		{mcp.V20251125, "tools/call", gate.CodeShuttingDown, 503, `"code":"gateway.stopping"`},
	} {
		verdict = gate.Refuse(tc.code, "secret reason", "public\r\nSet-Cookie: x\x1b[0m")
		h := []string{"Mcp-Protocol-Version: " + tc.version}
		if id := sessions[tc.version]; id != "" {
			h = append(h, "Mcp-Session-Id: "+id)
		}
		resp := send(t, "POST", "http://"+addr+"/mcp", `{"jsonrpc":"2.0","id":"q","method":"`+tc.method+`","params":{}}`, h...)
		body := text(t, resp)
		if resp.StatusCode != tc.status || !strings.Contains(body, tc.want) || !strings.Contains(body, `"id":"q"`) {
			t.Errorf("%s %s %s: status %d %s, want %d %s", tc.version, tc.method, tc.code, resp.StatusCode, body, tc.status, tc.want)
		}
		if strings.Contains(body, "secret") || strings.ContainsAny(body, "\r\n\x1b") || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s", tc.code, body)
		}
		if !strings.Contains(body, `"exchange":"`+resp.Header.Get("Doorward-Exchange")+`"`) || !json.Valid([]byte(body)) {
			t.Errorf("%s: no exchange id in %s", tc.code, body)
		}
	}
}

func TestUpstreamErrorsHaveTheirStatus(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	code := 0
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = c.Deliver(ctx, ex, mcp.NewError([]byte("99"), code, "no", nil))
	}
	for status, c := range map[int]int{404: -32601, 400: -32021, 200: -32602} {
		code = c
		resp := send(t, "POST", "http://"+addr+"/mcp", call, "Mcp-Protocol-Version: 2026-07-28")
		if body := text(t, resp); resp.StatusCode != status || !strings.Contains(body, `"id":7`) {
			t.Errorf("%d: status %d %s", c, resp.StatusCode, body)
		}
	}
}
