package mcp_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func client(t *testing.T, raw string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseClient([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func upstream(t *testing.T, raw string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseUpstream([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestForClient(t *testing.T) {
	call := `{"jsonrpc":"2.0","id":"a\u0031","method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p"}}}`
	listen := `{"jsonrpc":"2.0","id":"7","method":"subscriptions/listen","params":{}}`
	for _, tc := range []struct {
		name    string
		request string
		action  gate.Action
		reply   string
		shown   string
		want    string
	}{
		{"result", call, gate.Relay, ` { "result" : {"x":1.0,"vendor":9007199254740993} , "id" : 17, "jsonrpc":"2.0"}`, "", ` { "result" : {"x":1.0,"vendor":9007199254740993} , "id" : "a\u0031", "jsonrpc":"2.0"}`},
		{"error", call, gate.Relay, `{"jsonrpc":"2.0","id":17,"error":{"code":-1,"message":"m"}}`, "", `{"jsonrpc":"2.0","id":"a\u0031","error":{"code":-1,"message":"m"}}`},
		{"error without id", call, gate.Relay, `{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}`, "", `{"id":"a\u0031","jsonrpc":"2.0","error":{"code":-1,"message":"m"}}`},
		{"progress", call, gate.Relay, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken": 99 ,"progress":1e0}}`, "", `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken": "p" ,"progress":1e0}}`},
		{"log", call, gate.Relay, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}`, "", `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}`},
		{"ask", call, gate.Relay, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`, `"s-1"`, `{"jsonrpc":"2.0","id":"s-1","method":"roots/list"}`},
		{"ask withdrawn", call, gate.Relay, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`, `"s-1"`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"s-1"}}`},
		{"listen acknowledged", listen, gate.Listen, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":5,"v":1}}}`, "", `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"7","v":1}}}`},
		{"listen untagged", listen, gate.Listen, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, "", `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"7"}}}`},
		{"listen ends", listen, gate.Listen, `{"jsonrpc":"2.0","id":3,"result":{"resultType":"complete"}}`, "", `{"jsonrpc":"2.0","id":"7","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"7"}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := &gate.Exchange{Call: gate.Call{Message: client(t, tc.request), Route: gate.Route{Action: tc.action}}}
			m := upstream(t, tc.reply)
			if tc.shown != "" {
				m.ShownID = []byte(tc.shown)
			}
			before := string(m.Raw)
			if got := string(mcp.ForClient(ex, m)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if got := string(bytes.Join(mcp.PiecesForClient(ex, m), nil)); got != tc.want {
				t.Errorf("in pieces %s\nwant %s", got, tc.want)
			}
			if string(m.Raw) != before {
				t.Errorf("the message became %s", m.Raw)
			}
		})
	}
}

func TestForClientKeepsBytes(t *testing.T) {
	m := upstream(t, `{"jsonrpc":"2.0","id":1,"result":{}}`)
	ex := &gate.Exchange{Call: gate.Call{Message: client(t, `{"jsonrpc":"2.0","id":1,"method":"ping"}`)}}
	if got := mcp.ForClient(ex, m); &got[0] != &m.Raw[0] {
		t.Error("copied what it does not change")
	}
	if got := mcp.ForClient(&gate.Exchange{}, m); &got[0] != &m.Raw[0] {
		t.Error("changed without a request")
	}
}

func TestReference(t *testing.T) {
	m := request(t, "completion/complete", `{"ref": {"type":"ref\/prompt" , "name" : "p\u0031"},"argument":{}}`)
	got, err := mcp.Reference(m)
	if err != nil || got.Kind != gate.Prompt || got.Name != "p1" || string(m.Bytes(got.At)) != `"p\u0031"` {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = mcp.Reference(request(t, "completion/complete", `{"ref":{"type":"ref/resource","uri":"a:{b}"}}`))
	if err != nil || got.Kind != gate.Template || got.Name != "a:{b}" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, params := range []string{`{}`, `{"ref":"x"}`, `{"ref":{"type":"ref/tool","name":"x"}}`, `{"ref":{"type":"ref/prompt"}}`, `{"ref":{"type":"ref/prompt","name":1}}`, `{"ref":{"type":"ref/prompt","name":""}}`} {
		if got, err := mcp.Reference(request(t, "completion/complete", params)); err == nil {
			t.Errorf("%s: %+v", params, got)
		}
	}
}

// What Doorward builds, its own strict parser reads back as the same message.
func TestBuild(t *testing.T) {
	for _, m := range []*gate.Message{
		mcp.NewResult([]byte(`"a"`), []byte(`{"x":1,"_meta":{"k":2}}`)),
		mcp.NewResult([]byte(`1`), []byte(`{}`)),
		mcp.NewError([]byte(`1`), mcp.CodeHeaderMismatch, "quote \" and\nline", []byte(`{"a":[]}`)),
		mcp.NewError(nil, mcp.CodeParseError, "m", nil),
		mcp.NewRequest([]byte(`2`), "tools/list", []byte(`{"cursor":"c","_meta":{"progressToken":1}}`)),
		mcp.NewRequest([]byte(`2`), "ping", nil),
		mcp.NewNotification("notifications/initialized", nil),
	} {
		p, err := mcp.ParseUpstream(m.Raw)
		if err != nil {
			t.Errorf("%s: %v", m.Raw, err)
			continue
		}
		if p.Kind != m.Kind || p.Method != m.Method || p.ID != m.ID || p.Params != m.Params || p.Result != m.Result || p.Error != m.Error ||
			p.MetaSpan != m.MetaSpan || len(p.Fields) != len(m.Fields) || len(p.Meta) != len(m.Meta) {
			t.Errorf("%s\nbuilt %+v\nread  %+v", m.Raw, m, p)
		}
		for i := range p.Fields {
			if p.Fields[i] != m.Fields[i] {
				t.Errorf("%s: field %+v, read %+v", m.Raw, m.Fields[i], p.Fields[i])
			}
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := string(mcp.OneLine([]byte(" \n{\r\n\"a\":\n1} \t\r\n"))); got != `{  "a": 1}` {
		t.Errorf("got %q", got)
	}
	b := []byte(`{"a":"\n"}`)
	if got := mcp.OneLine(b); &got[0] != &b[0] {
		t.Error("copied a line")
	}
}

func TestSplit(t *testing.T) {
	item := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]" }
	for raw, want := range map[string]int{
		list(1): 1, list(100): 100, list(101): 0, "[]": 0, "[[]]": 0, "[" + item: 0, list(1) + list(1): 0,
		`[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]`:    0,
		`[{"jsonrpc":"2.0","id":1,"meth\u006fd":"\u0069nitialize"}]`:      0,
		`[` + item + `,{"jsonrpc":"2.0","id":1,"result":"initialize"},7]`: 3,
	} {
		items, err := mcp.Split([]byte(raw))
		if len(items) != want || (err == nil) != (want > 0) {
			t.Errorf("%.80s: %d items, %v, want %d", raw, len(items), err, want)
		}
		if err != nil {
			if _, ok := errors.AsType[*mcp.Fault](err); !ok {
				t.Errorf("%T is no fault", err)
			}
		}
	}
}

func BenchmarkCall(b *testing.B) {
	raw := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"w.echo","arguments":{"text":"hello"},"_meta":{` + v2026 + "," + caps + `,"progressToken":3}}}`)
	h := headers("MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "w.echo")
	it := &gate.Item{Kind: gate.Tool, Name: "echo", Shown: "w.echo"}
	b.ReportAllocs()
	for b.Loop() {
		m, err := mcp.ParseClient(raw)
		if err != nil {
			b.Fatal(err)
		}
		r, _ := mcp.Lookup(m.Method)
		_, _, v := mcp.Detect(h, m)
		named, err := mcp.Name(r, m)
		if err != nil || v.Effect != gate.Continue || mcp.CheckHeaders(h, r, m, named.Name).Effect != gate.Continue {
			b.Fatal(v, err)
		}
		ex := gate.Exchange{Call: gate.Call{Message: m, Name: named.Name, NameAt: named.At}, Target: gate.Target{Item: it}}
		if len(mcp.ToStateful(&ex, mcp.Outgoing{ID: []byte("1234"), Progress: []byte("1234")})) == 0 {
			b.Fatal()
		}
	}
}
