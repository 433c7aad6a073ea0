package mcp_test

import (
	"net/http"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

const (
	v2026 = `"io.modelcontextprotocol/protocolVersion":"2026-07-28"`
	caps  = `"io.modelcontextprotocol/clientCapabilities":{}`
)

func meta(members string) string { return `{"name":"t","_meta":{` + members + `}}` }

func TestDetect(t *testing.T) {
	version := func(v string) http.Header { return headers("MCP-Protocol-Version", v) }
	for _, tc := range []struct {
		name    string
		header  http.Header // nil: stdio
		method  string
		params  string
		era     gate.Era
		version string
		want    gate.Code
	}{
		{"both say modern", version("2026-07-28"), "tools/call", meta(v2026 + "," + caps), gate.Stateless, "2026-07-28", fine},
		{"modern with a session id", headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Session-Id", "x"), "tools/call", meta(v2026 + "," + caps), gate.Stateless, "2026-07-28", fine},
		{"nothing says anything", headers(), "tools/call", meta(""), gate.Stateful, "", fine},
		{"stateful header", version("2025-11-25"), "tools/call", meta(""), gate.Stateful, "2025-11-25", fine},
		{"initialize", headers(), "initialize", `{}`, gate.Stateful, "", fine},
		{"initialize with a stateful header", version("2025-06-18"), "initialize", `{}`, gate.Stateful, "2025-06-18", fine},
		{"initialize with a modern header", version("2026-07-28"), "initialize", `{}`, 0, "", gate.CodeHeaderMismatch},
		{"_meta alone", headers(), "tools/call", meta(v2026 + "," + caps), 0, "", gate.CodeHeaderMismatch},
		{"_meta and an empty header", version(""), "tools/call", meta(v2026 + "," + caps), 0, "", gate.CodeVersion},
		{"header alone", version("2026-07-28"), "tools/call", meta(caps), 0, "", gate.CodeMeta},
		{"header alone, no _meta", version("2026-07-28"), "tools/list", "", 0, "", gate.CodeMeta},
		{"header older than _meta", version("2025-11-25"), "tools/call", meta(v2026 + "," + caps), 0, "", gate.CodeHeaderMismatch},
		{"header newer than _meta", version("2099-01-01"), "tools/call", meta(v2026 + "," + caps), 0, "", gate.CodeHeaderMismatch},
		{"unknown in both", version("2099-01-01"), "tools/call", meta(`"io.modelcontextprotocol/protocolVersion":"2099-01-01",` + caps), 0, "", gate.CodeVersion},
		{"unknown header", version("2099-01-01"), "tools/call", meta(""), 0, "", gate.CodeVersion},
		{"header before release", version("2024-10-07"), "tools/call", meta(""), 0, "", gate.CodeVersion},
		{"no version at all", version("latest"), "tools/call", meta(""), 0, "", gate.CodeVersion},
		{"stateful version in _meta", version("2025-11-25"), "tools/call", meta(`"io.modelcontextprotocol/protocolVersion":"2025-11-25",` + caps), 0, "", gate.CodeVersion},
		{"header twice", headers("MCP-Protocol-Version", "2025-11-25", "MCP-Protocol-Version", "2026-07-28"), "tools/call", meta(""), 0, "", gate.CodeHeaderMismatch},
		{"header twice, the same", headers("MCP-Protocol-Version", "2026-07-28", "MCP-Protocol-Version", "2026-07-28"), "tools/call", meta(v2026 + "," + caps), 0, "", gate.CodeHeaderMismatch},
		{"header a list", version("2025-11-25, 2026-07-28"), "tools/call", meta(""), 0, "", gate.CodeHeaderMismatch},
		{"white space around the header", version(" 2026-07-28\t"), "tools/call", meta(v2026 + "," + caps), gate.Stateless, "2026-07-28", fine},
		{"stdio modern", nil, "tools/call", meta(v2026 + "," + caps), gate.Stateless, "2026-07-28", fine},
		{"stdio stateful", nil, "tools/call", meta(""), gate.Stateful, "", fine},
		{"stdio unknown", nil, "tools/call", meta(`"io.modelcontextprotocol/protocolVersion":"2099-01-01",` + caps), 0, "", gate.CodeVersion},
		{"version a number", nil, "tools/call", meta(`"io.modelcontextprotocol/protocolVersion":20260728,` + caps), 0, "", gate.CodeMeta},
		{"version null", version("2026-07-28"), "tools/call", meta(`"io.modelcontextprotocol/protocolVersion":null,` + caps), 0, "", gate.CodeMeta},
		{"no capabilities", nil, "tools/call", meta(v2026), 0, "", gate.CodeMeta},
		{"capabilities a list", nil, "tools/call", meta(v2026 + `,"io.modelcontextprotocol/clientCapabilities":[]`), 0, "", gate.CodeMeta},
		{"client a string", nil, "tools/call", meta(v2026 + "," + caps + `,"io.modelcontextprotocol/clientInfo":"x"`), 0, "", gate.CodeMeta},
		{"log level", nil, "tools/call", meta(v2026 + "," + caps + `,"io.modelcontextprotocol/logLevel":"info"`), gate.Stateless, "2026-07-28", fine},
		{"log level unknown", nil, "tools/call", meta(v2026 + "," + caps + `,"io.modelcontextprotocol/logLevel":"loud"`), 0, "", gate.CodeMeta},
		{"progress token an object", nil, "tools/call", meta(v2026 + "," + caps + `,"progressToken":{}`), 0, "", gate.CodeMeta},
		{"progress token a fraction", nil, "tools/call", meta(v2026 + "," + caps + `,"progressToken":1.5`), 0, "", gate.CodeMeta},
		{"progress token", nil, "tools/call", meta(v2026 + "," + caps + `,"progressToken":-7`), gate.Stateless, "2026-07-28", fine},
	} {
		t.Run(tc.name, func(t *testing.T) {
			era, got, v := mcp.Detect(tc.header, request(t, tc.method, tc.params))
			check(t, v, tc.want)
			if tc.want == fine && (era != tc.era || got != tc.version) {
				t.Errorf("got %v %q, want %v %q", era, got, tc.era, tc.version)
			}
		})
	}
}

func TestNegotiate(t *testing.T) {
	for asked, want := range map[string]string{
		"2024-11-05": "2024-11-05", "2025-03-26": "2025-03-26", "2025-06-18": "2025-06-18", "2025-11-25": "2025-11-25",
		"2026-07-28": "2025-11-25", "2024-10-07": "2025-11-25", "": "2025-11-25", "2099-01-01": "2025-11-25",
	} {
		if got := mcp.Negotiate(asked); got != want {
			t.Errorf("Negotiate(%q) = %q, want %q", asked, got, want)
		}
	}
}

// Every row of the method table can be used: known revisions, a direction, an
// action, and a name in the params wherever it names a thing.
func TestMethodTable(t *testing.T) {
	for _, method := range []string{
		"initialize", "ping", "tools/list", "tools/call", "prompts/get", "resources/read", "completion/complete",
		"server/discover", "subscriptions/listen", "logging/setLevel", "elicitation/create", "roots/list",
	} {
		r, ok := mcp.Lookup(method)
		if !ok || r.Method != method || r.Direction == gate.NoDirection || r.Action == gate.NoAction || !mcp.Known(r.Since) {
			t.Errorf("%s: %+v, %v", method, r, ok)
		}
	}
	for _, method := range []string{"", "Tools/call", "tools/call ", "tasks/list", "notifications/tasks", "rpc.discover", "tools/call\x00"} {
		if _, ok := mcp.Lookup(method); ok {
			t.Errorf("%q has a row", method)
		}
	}
	if mcp.Speaks(gate.Route{}, mcp.V20260728) {
		t.Error("a zero row is spoken")
	}
	for _, tc := range []struct {
		method string
		want   []bool // 2024-11-05 … 2026-07-28
	}{
		{"tools/call", []bool{true, true, true, true, true}},
		{"tasks/get", []bool{false, false, false, true, true}},
		{"tasks/cancel", []bool{false, false, false, true, true}},
		{"tasks/result", []bool{false, false, false, true, false}},
		{"tasks/update", []bool{false, false, false, false, true}},
		{"notifications/tasks/status", []bool{false, false, false, true, false}},
		{"initialize", []bool{true, true, true, true, false}},
		{"elicitation/create", []bool{false, false, true, true, false}},
		{"server/discover", []bool{false, false, false, false, true}},
	} {
		r, _ := mcp.Lookup(tc.method)
		versions := mcp.Versions(gate.NoEra)
		for i, want := range tc.want {
			if v := versions[len(versions)-1-i]; mcp.Speaks(r, v) != want {
				t.Errorf("Speaks(%s, %s) = %v", tc.method, v, !want)
			}
		}
		if mcp.Speaks(r, "2025-12-01") || mcp.Speaks(r, "") {
			t.Errorf("%s is spoken in no revision", tc.method)
		}
	}
}

func TestRevisions(t *testing.T) {
	for _, v := range mcp.Versions(gate.NoEra) {
		r, ok := mcp.RevisionOf(v)
		if !ok || r.Version != v || r.Era != mcp.EraOf(v) || r.Era == gate.NoEra {
			t.Errorf("%s: %+v", v, r)
		}
		if r.Batches != (v == mcp.V20250326) {
			t.Errorf("%s: batches %v", v, r.Batches)
		}
		if r.MetaRequired != (r.Era == gate.Stateless) || r.MirrorHeaders != r.MetaRequired {
			t.Errorf("%s: %+v", v, r)
		}
		if (r.ResourceNotFound == mcp.CodeInvalidParams) != (r.Era == gate.Stateless) {
			t.Errorf("%s: resource not found is %d", v, r.ResourceNotFound)
		}
	}
	if _, ok := mcp.RevisionOf("2024-10-07"); ok || mcp.Known("") || mcp.EraOf("x") != gate.NoEra {
		t.Error("an unknown revision is known")
	}
}
