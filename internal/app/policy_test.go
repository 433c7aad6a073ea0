package app_test

import (
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gatetest"
)

// A refused argument is one call's end, not the connection's: the official client
// reads why, and goes on.
func TestRefusedArgumentsLeaveTheClientConnected(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateful server": false, "stateless server": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := gatetest.SDKServer(t, stateless)
			gw := gatetest.Gateway(t, `
upstreams: {sdk: {url: "`+url+`", arguments: {text: path}}}
roles: {user: {allow: [{tools: ["sdk/*"], where: {path: {under: [/srv]}}}]}}`, nil)
			gw.Approve("sdk")
			for _, name := range []string{"alice", "bob"} {
				session := gw.SDKClient(gw.Key(name, "user"), nil)
				for range 3 {
					if res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: gatetest.Said{Text: "../etc/passwd"}}); err == nil {
						t.Fatalf("%s: the path was let through: %+v", name, res)
					} else {
						t.Logf("%s: the client reads: %v", name, err)
					}
					if res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__echo", Arguments: gatetest.Said{Text: "/srv/x"}}); err != nil || res.IsError {
						t.Fatalf("%s: a good call after it: %+v, %v", name, res, err)
					}
				}
			}
		})
	}
}

// A header that repeats a parameter which no schema annotates was judged by nobody:
// where a rule judges the arguments, it stays behind.
func TestUnjudgedHeadersStayBehind(t *testing.T) {
	t.Parallel()
	ups := map[string]*gatetest.UP{"db": gatetest.Upstream(t, gatetest.ParseScript(t, []byte(
		`{"tools":[{"name":"query","inputSchema":{"type":"object","properties":{"sql":{"type":"string"}}}}]}`)))}
	gw := gatetest.Gateway(t, `
upstreams: {db: {url: "${db}", arguments: {sql: sql}}}
roles: {user: {allow: [{tools: ["db/*"], where: {sql: {tables: [orders]}}}]}}`, ups)
	gw.Approve("db")
	alice := gw.As("alice", "user").Open("2026-07-28")
	if r := alice.Call("db__query", `{"sql":"select id from orders"}`, "Mcp-Param-Sql", "select * from secret", "Mcp-Param-Other", "x"); !r.OK() {
		t.Fatal(r)
	}
	for name := range ups["db"].Seen("tools/call")[0].Header {
		if strings.HasPrefix(name, "Mcp-Param-") {
			t.Errorf("the upstream got %s", name)
		}
	}
}
