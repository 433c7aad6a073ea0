package mcp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// reads is the exchange of a request for what has that URI or name.
func reads(t *testing.T, method, name string) *gate.Exchange {
	t.Helper()
	r, ok := mcp.Lookup(method)
	if !ok {
		t.Fatal(method)
	}
	return &gate.Exchange{Call: gate.Call{Route: r, Name: name}}
}

func result(body string) string { return `{"jsonrpc":"2.0","id":1,"result":` + body + `}` }

func failure(body string) string { return `{"jsonrpc":"2.0","id":1,"error":` + body + `}` }

func TestForStateful(t *testing.T) {
	for _, tc := range []struct {
		name, method, in string
		want             string // empty: the message itself
	}{
		{"plain", "tools/call", result(`{"content":[]}`), ""},
		{
			"all of it", "resources/read",
			result(`{"resultType":"complete","contents":[ {"resultType":"x","ttlMs":1} ],"ttlMs":1e3,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{},"v":9007199254740993}}`),
			result(`{"contents":[ {"resultType":"x","ttlMs":1} ],"_meta":{"v":9007199254740993}}`),
		},
		{"serverInfo alone", "tools/call", result(`{"_meta":{"io.modelcontextprotocol/serverInfo":{}},"content":[]}`), result(`{"_meta":{},"content":[]}`)},
		{"questions beside a complete result", "tools/call", result(`{"content":[],"inputRequests":{"a":{"method":"roots/list"}},"requestState":"s"}`), result(`{"content":[]}`)},
		{"no object", "tools/call", result(`[1]`), ""},
		{"notification", "tools/call", `{"jsonrpc":"2.0","method":"notifications/message","params":{"resultType":"x"}}`, ""},
		{"other error", "tools/call", failure(`{"code":-32602,"message":"not found"}`), ""},
		{"vendor error", "resources/read", failure(`{"code":-1,"message":"not found"}`), ""},
		{"invalid params", "resources/read", failure(`{"code":-32602,"message":"uri is malformed","data":{"uri":"file:///other"}}`), ""},
		{"not found by its URI", "resources/read", failure(`{"code":-32602,"message":"m","data":{"uri":"file:\/\/\/a","v":1.0}}`), failure(`{"code":-32002,"message":"m","data":{"uri":"file:\/\/\/a","v":1.0}}`)},
		{"not found by its words", "resources/read", failure(`{"message":"Resource Not Found","code":-32602}`), failure(`{"message":"Resource Not Found","code":-32002}`)},
		{"header mismatch", "tools/call", failure(`{"code":-32020,"message":"m"}`), failure(`{"code":-32603,"message":"m"}`)},
		{"missing capability", "tools/call", failure(`{"code":-32021,"message":"m","data":{"requiredCapabilities":{}}}`), failure(`{"code":-32603,"message":"m","data":{"requiredCapabilities":{}}}`)},
		{"version", "tools/call", failure(`{"code":-32022,"message":"m"}`), failure(`{"code":-32603,"message":"m"}`)},
		{"URLs that nobody judged", "tools/call", failure(`{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","url":"javascript:x"}]}}`), failure(`{"code":-32603,"message":"m"}`)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := upstream(t, tc.in)
			got, err := mcp.ForStateful(reads(t, tc.method, "file:///a"), m)
			if err != nil {
				t.Fatal(err)
			}
			checkReread(t, m, got, tc.want)
		})
	}
	for _, kind := range []string{`"input_required"`, `"task"`, `""`, `null`, `1`, `["complete"]`} {
		m := upstream(t, result(`{"resultType":`+kind+`}`))
		if got, err := mcp.ForStateful(reads(t, "tools/call", "x"), m); err == nil {
			t.Errorf("resultType %s became %s", kind, got.Raw)
		}
	}
}

// checkReread: an empty want is the message itself.
func checkReread(t *testing.T, m, got *gate.Message, want string) {
	t.Helper()
	if want == "" {
		if got != m {
			t.Errorf("%s became %s", m.Raw, got.Raw)
		}
		return
	}
	if d := cmp.Diff(want, string(got.Raw)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(upstream(t, want), got); d != "" {
		t.Errorf("the index is not that of the bytes: %s", d)
	}
}

func TestForStateless(t *testing.T) {
	info := []byte(`{"name":"d"}`)
	const server = `"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"}}`
	for _, tc := range []struct {
		name, method, in string
		info             []byte
		want             string
	}{
		{"plain", "tools/call", result(`{"content":[ 1.0 ]}`), info, result(`{"content":[ 1.0 ],"resultType":"complete",` + server + `}`)},
		{"without serverInfo", "prompts/get", result(`{}`), nil, result(`{"resultType":"complete"}`)},
		{"its own serverInfo", "tools/call", result(`{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"u"}}}`), info, result(`{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"u"}},"resultType":"complete"}`)},
		{"null _meta", "tools/call", result(`{"_meta":null}`), info, result(`{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"}},"resultType":"complete"}`)},
		{
			"what it must not say", "tools/call", result(`{"resultType":"complete","inputRequests":{"a":{"method":"roots/list"}},"requestState":"s","v":1,"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}`), nil,
			result(`{"resultType":"complete","v":1,"_meta":{}}`),
		},
		{
			"read", "resources/read", result(`{"contents":[],"ttlMs":99999,"cacheScope":"public"}`), nil,
			result(`{"contents":[],"ttlMs":0,"cacheScope":"private","resultType":"complete"}`),
		},
		{"a tool's own ttlMs", "tools/call", result(`{"ttlMs":5}`), nil, result(`{"ttlMs":5,"resultType":"complete"}`)},
		{"no object", "tools/call", result(`"x"`), info, ""},
		{"not found", "resources/read", failure(`{"code": -32002 ,"message":"m","data":{"uri":"a"}}`), info, failure(`{"code": -32602 ,"message":"m","data":{"uri":"a"}}`)},
		{"not found, spelled otherwise", "resources/read", failure(`{"code":-32602,"message":"not found"}`), info, ""},
		{"other error", "tools/call", failure(`{"code":-32000,"message":"m"}`), info, ""},
		{"URLs that nobody judged", "tools/call", failure(`{"code":-32042,"message":"m","data":{"elicitations":[]}}`), info, failure(`{"code":-32603,"message":"m"}`)},
		{"request", "tools/call", `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`, info, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := upstream(t, tc.in)
			got, err := mcp.ForStateless(reads(t, tc.method, "file:///a"), m, tc.info)
			if err != nil {
				t.Fatal(err)
			}
			checkReread(t, m, got, tc.want)
		})
	}
	for _, kind := range []string{`"input_required"`, `"task"`, `""`, `1`} {
		if got, err := mcp.ForStateless(reads(t, "tools/call", "x"), upstream(t, result(`{"resultType":`+kind+`}`)), nil); err == nil {
			t.Errorf("resultType %s became %s", kind, got.Raw)
		}
	}
	big := upstream(t, result(`{"a":[`+strings.TrimSuffix(strings.Repeat("1,", 999_990), ",")+`]}`))
	for i := 0; ; i++ { // members are added until the message has as many as one may have
		got, err := mcp.ForStateless(reads(t, "tools/call", "x"), big, []byte(`{"a":[`+strings.Repeat("1,", i)+`1]}`))
		if err != nil {
			break
		}
		if i > 20 {
			t.Fatalf("no bound: %d bytes", len(got.Raw))
		}
	}
}

func TestUntagged(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"tagged", `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":"7","v":1}}}`, `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"v":1}}}`},
		{"alone", `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}`, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{}}}`},
		{"untagged", `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, ""},
		{"answer", result(`{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}`), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := upstream(t, tc.in)
			checkReread(t, m, mcp.Untagged(m), tc.want)
		})
	}
}

// Properties: an answer that is translated is one that the strict parser takes,
// with the same id and kind; towards the stateful era nothing of the stateless
// one is left in it, towards the stateless era it is complete; once translated,
// it stays as it is.
func FuzzTranslateResult(f *testing.F) {
	for _, s := range []string{
		result(`{"resultType":"complete","ttlMs":1,"_meta":{"io.modelcontextprotocol/serverInfo":{}}}`), result(`{"_meta":null}`), result(`[]`),
		failure(`{"code":-32002,"message":"not found"}`), failure(`{"code":-32602,"message":"m","data":{"uri":"u"}}`), failure(`{"code":-32042,"message":"m","data":1}`),
		result(`{"r\u0065sultType":"complete","inputRequests":{}}`), `{"jsonrpc":"2.0","error":{"code":-32020,"message":""}}`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, read bool) {
		m, err := mcp.ParseUpstream(raw)
		if err != nil || !m.Final() {
			return
		}
		method := "tools/call"
		if read {
			method = "resources/read"
		}
		ex := reads(t, method, "u")
		if got, err := mcp.ForStateful(ex, m); err == nil {
			checkAnswer(t, m, got)
			for _, name := range []string{"resultType", "ttlMs", "cacheScope", "inputRequests", "requestState"} {
				if _, ok := got.Field(name); ok && got.Kind == gate.Result {
					t.Fatalf("%s became %s", raw, got.Raw)
				}
			}
			if again, err := mcp.ForStateful(ex, got); err != nil || again != got {
				t.Fatalf("%s, translated again: %v", got.Raw, err)
			}
		}
		got, err := mcp.ForStateless(ex, m, []byte(`{"name":"d"}`))
		if err != nil { // a kind of result that its era does not have
			if at, ok := m.Field("resultType"); !ok || string(m.Bytes(at)) == `"complete"` {
				t.Fatalf("%s: %v", raw, err)
			}
			return
		}
		checkAnswer(t, m, got)
		if m.Kind == gate.Result && m.Bytes(m.Result)[0] == '{' {
			at, _ := got.Field("resultType")
			if _, ok := got.MetaField(mcp.MetaServerInfo); !ok || string(got.Bytes(at)) != `"complete"` {
				t.Fatalf("%s became %s", raw, got.Raw)
			}
		}
		again, err := mcp.ForStateless(ex, got, nil)
		if err != nil || string(again.Raw) != string(got.Raw) {
			t.Fatalf("%s, translated again: %s, %v", got.Raw, again.Raw, err)
		}
	})
}

func checkAnswer(t *testing.T, m, got *gate.Message) {
	t.Helper()
	if got.Kind != m.Kind || string(got.Bytes(got.ID)) != string(m.Bytes(m.ID)) {
		t.Fatalf("%s became %s", m.Raw, got.Raw)
	}
	if _, err := mcp.ParseUpstream(got.Raw); err != nil {
		t.Fatalf("%s became %s: %v", m.Raw, got.Raw, err)
	}
}
