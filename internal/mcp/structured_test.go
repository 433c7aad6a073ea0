package mcp_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func TestStructuredContent(t *testing.T) {
	const some = `"content":[{"type":"text","text":"x"}]`
	text := func(s string) string { return `"content":[{"type":"text","text":` + s + `}]` }
	object := &gate.Item{Kind: gate.Tool, Raw: []byte(`{"outputSchema":{"type":"object"}}`)}
	other := &gate.Item{Kind: gate.Tool, Raw: []byte(`{"outputSchema":{"type":["object","null"]}}`)}
	for _, tc := range []struct {
		name, version string
		item          *gate.Item
		in, want      string
	}{
		{"object", mcp.V20251125, object, `{` + some + `,"structuredContent":{"a":1.0}}`, `{` + some + `,"structuredContent":{"a":1.0}}`},
		{"object without text", mcp.V20250618, object, `{"structuredContent":{"a":1},"content":[ ]}`, `{"structuredContent":{"a":1},"content":[ ]}`},
		{"object, older", mcp.V20250326, object, `{` + some + `,"structuredContent":{"a":1}}`, `{` + some + `,"structuredContent":{"a":1}}`},
		{"object without text, older", mcp.V20250326, object, `{"structuredContent":{"a":"\""},"content":[ ]}`, `{"structuredContent":{"a":"\""},` + text(`"{\"a\":\"\\\"\"}"`) + `}`},
		{"object without content, oldest", mcp.V20241105, nil, `{"structuredContent":{}}`, `{"structuredContent":{},` + text(`"{}"`) + `}`},
		{"list", mcp.V20251125, nil, `{"structuredContent":[1],` + some + `,"v":1e0}`, `{` + some + `,"v":1e0}`},
		{"list without text", mcp.V20251125, nil, `{"structuredContent":[1, "b"],"content":[],"isError":false}`, `{` + text(`"[1, \"b\"]"`) + `,"isError":false}`},
		{"string without content", mcp.V20250618, nil, `{"structuredContent":"s"}`, `{` + text(`"\"s\""`) + `}`},
		{"null content", mcp.V20251125, nil, `{"content":null,"structuredContent":1e400}`, `{` + text(`"1e400"`) + `}`},
		{"schema that was not shown", mcp.V20251125, other, `{` + some + `,"structuredContent":{"a":1}}`, `{` + some + `}`},
		{"schema that was not shown, no text", mcp.V20251125, other, `{"content":[],"structuredContent":{"a":1}}`, `{` + text(`"{\"a\":1}"`) + `}`},
		{"stateless", mcp.V20260728, other, `{"structuredContent":[1],"content":[]}`, `{"structuredContent":[1],"content":[]}`},
		{"none", mcp.V20241105, other, `{"content":[]}`, `{"content":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := calling(t, `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}`, tc.item)
			ex.Call.Era, ex.Call.Version = mcp.EraOf(tc.version), tc.version
			m := upstream(t, result(tc.in))
			before := string(m.Raw)
			want := `{"jsonrpc":"2.0","id":7,"result":` + tc.want + `}`
			if d := cmp.Diff(want, string(mcp.ForClient(ex, m))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(want, string(bytes.Join(mcp.PiecesForClient(ex, m), nil))); d != "" {
				t.Errorf("in pieces: %s", d)
			}
			if string(m.Raw) != before {
				t.Errorf("the message became %s", m.Raw)
			}
			upstream(t, want)
		})
	}
	ex := calling(t, `{"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"x"}}`, nil)
	ex.Call.Era, ex.Call.Session = gate.Stateful, &gate.Session{Version: mcp.V20241105}
	if got := string(mcp.ForClient(ex, upstream(t, result(`{"structuredContent":1}`)))); got != `{"jsonrpc":"2.0","id":7,"result":{"structuredContent":1}}` {
		t.Errorf("a prompt became %s", got)
	}
}
