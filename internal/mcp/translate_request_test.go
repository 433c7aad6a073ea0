package mcp_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// calling is the exchange of a client's request.
func calling(t *testing.T, raw string, it *gate.Item) *gate.Exchange {
	t.Helper()
	m := client(t, raw)
	r, _ := mcp.Lookup(m.Method)
	ex := &gate.Exchange{Call: gate.Call{Message: m, Route: r}, Target: gate.Target{Item: it}}
	if m.Kind == gate.Request {
		named, err := mcp.Name(r, m)
		if err != nil {
			t.Fatal(err)
		}
		ex.Call.Name, ex.Call.NameAt = named.Name, named.At
	}
	return ex
}

func TestToStateless(t *testing.T) {
	const version = `"io.modelcontextprotocol/protocolVersion":"2026-07-28"`
	tool := &gate.Item{Kind: gate.Tool, Name: `x"y`, Shown: "n.x"}
	for _, tc := range []struct {
		name, raw string
		item      *gate.Item
		out       mcp.Outgoing
		want      string
	}{
		{
			"nothing given", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"}}}`, nil,
			mcp.Outgoing{},
			`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"_meta":{` + version + `,"io.modelcontextprotocol/clientCapabilities":{}}}}`,
		},
		{
			"no params", `{"jsonrpc":"2.0","id":1,"method":"tools/list"} `, nil,
			mcp.Outgoing{ID: []byte("9"), Capabilities: []byte(`{"roots":{}}`)},
			`{"jsonrpc":"2.0","id":9,"method":"tools/list","params":{"_meta":{` + version + `,"io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}} `,
		},
		{
			"everything", ` {"jsonrpc":"2.0", "id":100,"params":{"arguments":{"id":1,"name":"n.x","requestState":"s","big":9007199254740993, "f":1.0},"name":"n\u002ex","_meta":{"v":{"progressToken":1},"progressToken":"p","traceparent":"00-1"}},"method":"tools/call"}`,
			tool,
			mcp.Outgoing{ID: []byte("7"), Progress: []byte("8"), Capabilities: []byte(`{}`), ClientInfo: []byte(`{"name":"c"}`), LogLevel: "info", Inputs: []byte(`{"a":{}}`), State: []byte(`"t"`)},
			` {"jsonrpc":"2.0", "id":7,"params":{"arguments":{"id":1,"name":"n.x","requestState":"s","big":9007199254740993, "f":1.0},"name":"x\"y","_meta":{"v":{"progressToken":1},"progressToken":8,"traceparent":"00-1",` + version +
				`,"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"info"},"inputResponses":{"a":{}},"requestState":"t"},"method":"tools/call"}`,
		},
		{
			"what the client says in Doorward's place", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"requestState":"forged","name":"n.x","inputResponses":{"a":{"action":"accept"}},"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"root"},"io.modelcontextprotocol/logLevel":"debug","io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/related-task":{}}}}`,
			tool,
			mcp.Outgoing{Name: []byte(`"z"`)},
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"z","_meta":{"io.modelcontextprotocol/clientCapabilities":{},` + version + `}}}`,
		},
		{
			"a progress token that was not asked for", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}`,
			&gate.Item{Kind: gate.Template, Name: "a:{x}"},
			mcp.Outgoing{Progress: []byte("8"), Name: []byte(`"z"`)},
			`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","_meta":{` + version + `,"io.modelcontextprotocol/clientCapabilities":{}}}}`,
		},
		{
			"notification", `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{"io.modelcontextprotocol/x":1,"v":2}}}`, nil,
			mcp.Outgoing{ID: []byte("8"), LogLevel: "info"},
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{"v":2}}}`,
		},
		{
			"answer", `{"jsonrpc":"2.0","id":"s-1","result":{"requestState":"x","_meta":{"progressToken":1}}}`, nil,
			mcp.Outgoing{ID: []byte("3"), Progress: []byte("8"), State: []byte(`"s"`)},
			`{"jsonrpc":"2.0","id":3,"result":{"requestState":"x","_meta":{"progressToken":1}}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := calling(t, tc.raw, tc.item)
			if d := cmp.Diff(tc.want, string(mcp.ToStateless(ex, tc.out))); d != "" {
				t.Error(d)
			}
			if string(ex.Call.Message.Raw) != tc.raw {
				t.Error("the client's message was changed")
			}
			client(t, tc.want)
		})
	}
}

func TestToStateful(t *testing.T) {
	for _, tc := range []struct {
		name, raw string
		item      *gate.Item
		out       mcp.Outgoing
		want      string
	}{
		{
			"everything", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{` + v2026 + `, "traceparent":"00-1","progressToken":"p","io.modelcontextprotocol/logLevel":"info","v/x":1e0},"name":"n.x","inputResponses":{"a":{}},"arguments":{"inputResponses":1},"requestState":"s"}}`,
			&gate.Item{Kind: gate.Tool, Name: "x", Shown: "n.x"},
			mcp.Outgoing{ID: []byte(`"u"`), Progress: []byte("5"), LogLevel: "info", Inputs: []byte(`{}`), State: []byte(`"s"`)},
			`{"jsonrpc":"2.0","id":"u","method":"tools/call","params":{"_meta":{"traceparent":"00-1","progressToken":5,"v/x":1e0},"name":"x","arguments":{"inputResponses":1}}}`,
		},
		{
			"empty _meta stays", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{` + v2026 + `,` + caps + `}}}`, nil,
			mcp.Outgoing{},
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{}}}`,
		},
		{
			"prompt in a reference", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"requestState":"s","ref":{"name":"n.p","type":"ref/prompt"},"argument":{"name":"n.p"}}}`,
			&gate.Item{Kind: gate.Prompt, Name: "p", Shown: "n.p"},
			mcp.Outgoing{},
			`{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"p","type":"ref/prompt"},"argument":{"name":"n.p"}}}`,
		},
		{"nothing to change", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, nil, mcp.Outgoing{}, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := calling(t, tc.raw, tc.item)
			if d := cmp.Diff(tc.want, string(mcp.ToStateful(ex, tc.out))); d != "" {
				t.Error(d)
			}
			client(t, tc.want)
		})
	}
}

// Properties: whatever request a client of one era sends, the upstream of the
// other reads a message that the strict parser takes, of the same method, with
// the same arguments byte for byte, and of the protocol's own members of _meta
// exactly those that Doorward put there.
func FuzzTranslateRequest(f *testing.F) {
	for _, params := range []string{
		``, `,"params":{}`, `,"params":{"name":"n.x","arguments":{"a":1e0},"_meta":{` + v2026 + `,` + caps + `,"progressToken":1}}`,
		`,"params":{"requestState":"s","inputResponses":{},"name":"n.x"}`, `,"params":{"_m\u0065ta":{"io.modelcontextprotocol/x":1},"uri":"a:b","n\u0061me":"x"}`,
	} {
		f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call"`+params+`}`), byte(255))
	}
	f.Fuzz(func(t *testing.T, raw []byte, with byte) {
		m, err := mcp.ParseClient(raw)
		if err != nil || m.Kind != gate.Request {
			return
		}
		ex := &gate.Exchange{Call: gate.Call{Message: m}, Target: gate.Target{Item: &gate.Item{Kind: gate.Tool, Name: "x"}}}
		if at, ok := m.Field("name"); ok {
			ex.Call.NameAt = at
		}
		out := mcp.Outgoing{ID: []byte("77"), Progress: []byte("78")}
		if with&1 != 0 {
			out.Inputs, out.State = []byte(`{"k":{}}`), []byte(`"st"`)
		}
		if with&2 != 0 {
			out.ClientInfo, out.LogLevel = []byte(`{"name":"c"}`), "error"
		}
		before := bytes.Clone(raw)
		checkTranslated(t, m, mcp.ToStateful(ex, out), map[string]string{})
		want := map[string]string{mcp.MetaVersion: `"2026-07-28"`, mcp.MetaCapabilities: "{}"}
		if with&1 != 0 {
			want["inputResponses"], want["requestState"] = `{"k":{}}`, `"st"`
		}
		if with&2 != 0 {
			want[mcp.MetaClientInfo], want[mcp.MetaLogLevel] = `{"name":"c"}`, `"error"`
		}
		checkTranslated(t, m, mcp.ToStateless(ex, out), want)
		if !bytes.Equal(raw, before) {
			t.Fatal("the client's message was changed")
		}
	})
}

// checkTranslated: own are the members of params and _meta that Doorward put.
func checkTranslated(t *testing.T, m *gate.Message, raw []byte, own map[string]string) {
	t.Helper()
	got, err := mcp.ParseUpstream(raw)
	if err != nil {
		t.Fatalf("%s became %s: %v", m.Raw, raw, err)
	}
	if got.Method != m.Method || string(got.Bytes(got.ID)) != "77" || !json.Valid(raw) {
		t.Fatalf("%s became %s", m.Raw, raw)
	}
	seen := map[string]string{}
	for _, f := range got.Meta {
		if strings.HasPrefix(f.Name, "io.modelcontextprotocol/") {
			seen[f.Name] = string(got.Bytes(f.Value))
		}
	}
	for _, name := range []string{"inputResponses", "requestState"} {
		if at, ok := got.Field(name); ok {
			seen[name] = string(got.Bytes(at))
		}
	}
	if d := cmp.Diff(own, seen); d != "" {
		t.Fatalf("%s became %s: %s", m.Raw, raw, d)
	}
	for _, f := range m.Fields {
		if f.Name == "_meta" || f.Name == "name" || f.Name == "inputResponses" || f.Name == "requestState" {
			continue
		}
		at, _ := got.Field(f.Name)
		if !bytes.Equal(got.Bytes(at), m.Bytes(f.Value)) {
			t.Fatalf("%s became %s: %s differs", m.Raw, raw, f.Name)
		}
	}
}
