package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"doorward/internal/gatetest"
)

// TestPIN10_AnotherServerIsNotUsed: once a server is approved, another name, or
// none, holds all of it; a new version does not.
func TestPIN10_AnotherServerIsNotUsed(t *testing.T) {
	var info atomic.Pointer[string]
	say := func(s string) { info.Store(&s) }
	say(`{"name":"notes","version":"1"}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		id := "0"
		if _, rest, ok := strings.Cut(string(body), `"id":`); ok {
			id = rest[:strings.IndexAny(rest, ",}")]
		}
		result := ""
		switch {
		case r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		case strings.Contains(string(body), `"initialize"`):
			w.Header().Set("Mcp-Session-Id", "s")
			result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":` + *info.Load() + `}`
		case strings.Contains(string(body), `"tools/list"`):
			result = `{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`
		case strings.Contains(string(body), `"tools/call"`):
			result = `{"content":[]}`
		case strings.Contains(string(body), `"server/discover"`):
			w.WriteHeader(http.StatusBadRequest)
			return
		default:
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
	}))
	t.Cleanup(server.Close)
	gw := gatetest.Gateway(t, "upstreams: {up: {url: "+server.URL+"}}\n", nil)
	gw.Approve("up")
	for i, tc := range []struct{ info, code string }{
		{`{"name":"notes","version":"1"}`, ""},
		{`{"name":"notes","version":"2"}`, ""},
		{`{"name":"other","version":"1"}`, "upstream.held"},
		{`{"version":"1"}`, "upstream.held"},
		{`{}`, "upstream.held"},
		{`null`, "upstream.held"},
		{`"notes"`, "upstream.held"},
		{`["notes"]`, "upstream.held"},
	} {
		say(tc.info)
		c := gw.As(fmt.Sprint("client", i)).Open("2025-11-25")
		r := c.Call("up__echo", "{}")
		if held := strings.Contains(string(r.Body), "upstream.held"); held != (tc.code != "") {
			t.Errorf("%s: %s", tc.info, r)
		}
	}
}
