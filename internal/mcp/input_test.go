package mcp_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// questions is an inputRequests object of n questions.
func questions(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"q` + strconv.Itoa(i) + `":{"method":"roots/list"}`)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestInputRequests(t *testing.T) {
	m := upstream(t, result(`{"resultType":"input_\u0072equired","inputRequests":{"b":{"params":{"x":1.0},"method":"elicitation/create"},"a":{"method":"roots/list"}},"requestState":"s\u0031"}`))
	list, state, required, err := mcp.InputRequests(m)
	want := []mcp.InputRequest{{Key: "b", Method: "elicitation/create", Params: []byte(`{"x":1.0}`)}, {Key: "a", Method: "roots/list"}}
	if d := cmp.Diff(want, list); d != "" || string(state) != `"s\u0031"` || !required || err != nil {
		t.Error(d, string(state), required, err)
	}
	for _, tc := range []struct {
		name, raw string
		required  bool
		n         int
		state     string
		bad       bool
	}{
		{"complete", result(`{"resultType":"complete","inputRequests":{"a":{"method":"roots/list"}}}`), false, 0, "", false},
		{"absent", result(`{"content":[]}`), false, 0, "", false},
		{"no object", result(`"input_required"`), false, 0, "", false},
		{"error", failure(`{"code":1,"message":"m","resultType":"input_required"}`), false, 0, "", false},
		{"state alone", result(`{"resultType":"input_required","requestState":""}`), true, 0, `""`, false},
		{"no questions", result(`{"resultType":"input_required","inputRequests":{}}`), true, 0, "", false},
		{"as many as may be", result(`{"resultType":"input_required","inputRequests":` + questions(mcp.MaxInputRequests) + `}`), true, mcp.MaxInputRequests, "", false},
		{"neither", result(`{"resultType":"input_required"}`), true, 0, "", true},
		{"too many", result(`{"resultType":"input_required","inputRequests":` + questions(mcp.MaxInputRequests+1) + `}`), true, 0, "", true},
		{"null questions", result(`{"resultType":"input_required","inputRequests":null,"requestState":"s"}`), true, 0, "", true},
		{"state no string", result(`{"resultType":"input_required","inputRequests":{},"requestState":1}`), true, 0, "", true},
		{"a list", result(`{"resultType":"input_required","inputRequests":[]}`), true, 0, "", true},
		{"no method", result(`{"resultType":"input_required","inputRequests":{"a":{}}}`), true, 0, "", true},
		{"empty method", result(`{"resultType":"input_required","inputRequests":{"a":{"method":""}}}`), true, 0, "", true},
		{"no request", result(`{"resultType":"input_required","inputRequests":{"a":"roots/list"}}`), true, 0, "", true},
		{"params no object", result(`{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list","params":null}}}`), true, 0, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list, state, required, err := mcp.InputRequests(upstream(t, tc.raw))
			if required != tc.required || len(list) != tc.n || string(state) != tc.state || (err != nil) != tc.bad {
				t.Errorf("%v, %q, %v, %v", list, state, required, err)
			}
		})
	}
}

func TestNewInputRequired(t *testing.T) {
	list := []mcp.InputRequest{{Key: `k"`, Method: "elicitation/create", Params: []byte(`{"x":1}`)}, {Key: "l", Method: "roots/list", Params: []byte("{}")}}
	for _, tc := range []struct {
		list  []mcp.InputRequest
		state string
		info  []byte
		want  string
	}{
		{list, `a"b`, []byte(`{"name":"d"}`), `{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{"k\"":{"method":"elicitation/create","params":{"x":1}},"l":{"method":"roots/list","params":{}}},"requestState":"a\"b","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"}}}}`},
		{nil, "s", nil, `{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":"s"}}`},
		{list[1:], "", nil, `{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{"l":{"method":"roots/list","params":{}}}}}`},
	} {
		m := mcp.NewInputRequired([]byte("7"), tc.list, tc.state, tc.info)
		if d := cmp.Diff(tc.want, string(m.Raw)); d != "" {
			t.Error(d)
		}
		got, state, required, err := mcp.InputRequests(upstream(t, string(m.Raw)))
		if d := cmp.Diff(tc.list, got); d != "" || !required || err != nil || (state != nil) != (tc.state != "") {
			t.Error(d, required, err)
		}
	}
}

func TestInputResponse(t *testing.T) {
	var b []byte
	b = mcp.AppendInputResponse(b, `a"`, []byte(`{"action":"accept"}`))
	b = append(mcp.AppendInputResponse(b, "b", []byte(`{}`)), '}')
	if want := `{"a\"":{"action":"accept"},"b":{}}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	if got := string(mcp.AppendInputResponse([]byte("{"), "b", []byte(`{}`))); got != `{"b":{}` {
		t.Errorf("got %s", got)
	}
	m := client(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","inputResponses":{"l":[],"s":"x","n":null,"a\u0062":{"v":1.0}}}}`)
	if got, ok := mcp.InputResponse(m, "ab"); !ok || string(got) != `{"v":1.0}` {
		t.Errorf("got %s, %v", got, ok)
	}
	for _, key := range []string{"l", "s", "n", "x", ""} {
		if got, ok := mcp.InputResponse(m, key); ok {
			t.Errorf("%q: got %s", key, got)
		}
	}
	for _, params := range []string{`{}`, `{"inputResponses":[{}]}`, `{"inputResponses":null}`} {
		if got, ok := mcp.InputResponse(request(t, "tools/call", params), "a"); ok {
			t.Errorf("%s: got %s", params, got)
		}
	}
}

func TestAskFor(t *testing.T) {
	ask := func(method, params string) mcp.InputRequest {
		return mcp.InputRequest{Key: "k", Method: method, Params: []byte(params)}
	}
	for _, tc := range []struct {
		name, version string
		r             mcp.InputRequest
		id            string
		want          string // of the params; "-" for none; empty: no such question
	}{
		{"form", mcp.V20250618, ask("elicitation/create", `{"message":"m", "requestedSchema":{}}`), "e", `{"message":"m", "requestedSchema":{}}`},
		{"form in the last revision", mcp.V20251125, ask("elicitation/create", `{"mode":"form"}`), "e", `{"mode":"form"}`},
		{"url", mcp.V20251125, ask("elicitation/create", `{"mode":"url","url":"https://a.example/","elicitationId":"theirs"}`), `e"1`, `{"mode":"url","url":"https://a.example/","elicitationId":"e\"1"}`},
		{"url too early", mcp.V20250618, ask("elicitation/create", `{"mode":"url"}`), "e", ""},
		{"url without an id", mcp.V20251125, ask("elicitation/create", `{"mode":"url"}`), "", ""},
		{"elicitation too early", mcp.V20250326, ask("elicitation/create", `{}`), "e", ""},
		{"roots", mcp.V20241105, mcp.InputRequest{Key: "k", Method: "roots/list"}, "", "-"},
		{"sampling", mcp.V20241105, ask("sampling/createMessage", `{"messages":[]}`), "", `{"messages":[]}`},
		{"sampling with tools", mcp.V20251125, ask("sampling/createMessage", `{"tools":[]}`), "", `{"tools":[]}`},
		{"sampling with tools too early", mcp.V20250618, ask("sampling/createMessage", `{"tools":[]}`), "", ""},
		{"what is not the client's", mcp.V20251125, ask("sampling/createMessage", `{"_meta":{"progressToken":1,"io.modelcontextprotocol/related-task":{},"v":1},"task":{"ttl":1},"x":2}`), "", `{"_meta":{"v":1},"x":2}`},
		{"no params of a request", mcp.V20251125, ask("roots/list", `{"_meta":null}`), "", ""},
		{"a key that reads like another", mcp.V20251125, ask("sampling/createMessage", `{"Mode":"x"}`), "", ""},
		{"stateless", mcp.V20260728, ask("roots/list", `{}`), "", ""},
		{"unknown revision", "2025-01-01", ask("roots/list", `{}`), "", ""},
		{"ping", mcp.V20251125, ask("ping", `{}`), "", ""},
		{"a client's method", mcp.V20251125, ask("tools/call", `{}`), "", ""},
		{"unknown method", mcp.V20251125, ask("x/y", `{}`), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := mcp.AskFor(tc.version, tc.r, tc.id)
			if tc.want == "" {
				if m != nil {
					t.Errorf("got %s", m.Raw)
				}
				return
			}
			if m == nil {
				t.Fatal("nil")
			}
			want := strings.TrimPrefix(tc.want, "-")
			if m.Method != tc.r.Method || string(m.Bytes(m.Params)) != want || !m.ID.Present() || m.Kind != gate.Request {
				t.Errorf("got %s, want params %s", m.Raw, want)
			}
			m.ShownID = []byte(`"s-1"`)
			if got := string(mcp.ForClient(&gate.Exchange{}, m)); !strings.Contains(got, `"id":"s-1"`) {
				t.Errorf("the client reads %s", got)
			}
		})
	}
}

func TestInputFor(t *testing.T) {
	m := upstream(t, `{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"task":{"ttl":1},"mode":"url","elicitationId":"e","url":"https://a.example/","_meta":{"progressToken":1}}}`)
	want := mcp.InputRequest{Key: "k", Method: "elicitation/create", Params: []byte(`{"mode":"url","url":"https://a.example/","_meta":{}}`)}
	if d := cmp.Diff(want, mcp.InputFor("k", m)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(mcp.InputRequest{Key: "k", Method: "roots/list"}, mcp.InputFor("k", upstream(t, `{"jsonrpc":"2.0","id":1,"method":"roots/list"}`))); d != "" {
		t.Error(d)
	}
}

func TestURLElicitations(t *testing.T) {
	const one = `{"mode":"url","url":"https://a.example/","elicitationId":"e"}`
	many := func(n int) string {
		return failure(`{"code":-32042,"message":"m","data":{"elicitations":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}}`)
	}
	got, ok := mcp.URLElicitations(upstream(t, many(2)))
	params := []byte(`{"mode":"url","url":"https://a.example/"}`)
	want := []mcp.InputRequest{{Key: "url-1", Method: "elicitation/create", Params: params}, {Key: "url-2", Method: "elicitation/create", Params: params}}
	if d := cmp.Diff(want, got); d != "" || !ok {
		t.Error(d, ok)
	}
	if got, ok := mcp.URLElicitations(upstream(t, many(mcp.MaxInputRequests))); !ok || len(got) != mcp.MaxInputRequests {
		t.Errorf("%d, %v", len(got), ok)
	}
	for _, raw := range []string{
		many(mcp.MaxInputRequests + 1), many(0),
		failure(`{"code":-32041,"message":"m","data":{"elicitations":[` + one + `]}}`),
		failure(`{"code":-32042,"message":"m"}`),
		failure(`{"code":-32042,"message":"m","data":[` + one + `]}`),
		failure(`{"code":-32042,"message":"m","data":{"elicitations":` + one + `}}`),
		failure(`{"code":-32042,"message":"m","data":{"elicitations":["x"]}}`),
		failure(`{"code":-32042,"message":"m","data":{"elicitations":[` + one + `,{"mode":"form"}]}}`),
		failure(`{"code":-32042,"message":"m","data":{"elicitations":[{"url":"https://a.example/"}]}}`),
		result(`{"code":-32042,"data":{"elicitations":[` + one + `]}}`),
	} {
		if got, ok := mcp.URLElicitations(upstream(t, raw)); ok || got != nil {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func TestParamsDigest(t *testing.T) {
	digest := func(params string) [32]byte { return mcp.ParamsDigest(request(t, "tools/call", params)) }
	first := digest(`{"name":"x","arguments":{"a":1,"b":"\u00e9"},"_meta":{"progressToken":1}}`)
	for _, same := range []string{
		`{"name":"x","arguments":{"a":1,"b":"é"}}`,
		` { "arguments" : {"b":"\u00E9","a": 1}, "requestState":"s","n\u0061me":"x", "inputResponses":{"k":{}},"_meta":{} }`,
	} {
		if digest(same) != first {
			t.Errorf("%s has another digest", same)
		}
	}
	for _, other := range []string{
		`{"name":"x","arguments":{"a":2,"b":"é"}}`, `{"name":"y","arguments":{"a":1,"b":"é"}}`, `{"name":"x","arguments":{"a":1,"b":"é"},"c":1}`,
		`{"name":"x","arguments":{"a":1,"b":"é","_meta":{}}}`, `{"name":"x","arguments":{"a":1,"b":"é","requestState":"s"}}`, `{"name":"x"}`, `{}`,
		`{"name":"x","arguments":{"a":9007199254740993,"b":"é"}}`, `{"name":"x","arguments":{"a":9007199254740992,"b":"é"}}`,
	} {
		if digest(other) == first {
			t.Errorf("%s has the same digest", other)
		}
	}
	if mcp.ParamsDigest(client(t, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)) != digest(`{"_meta":{}}`) {
		t.Error("absent params are not empty ones")
	}
}

// Properties: what InputRequests reads, NewInputRequired writes back to the
// same; every question that can be asked of a stateful client is a message that
// the strict parser takes and reads back as the same question.
func FuzzInputRequests(f *testing.F) {
	for _, s := range []string{
		`{"resultType":"input_required","inputRequests":` + questions(10) + `,"requestState":"s"}`,
		`{"resultType":"input_required","inputRequests":{"\u0000":{"method":"elicitation/create","params":{"mode":"url","elicitationId":1,"_meta":{"progressToken":1}}}}}`,
		`{"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{"task":{},"_meta":null}}}}`,
	} {
		f.Add([]byte(result(s)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := mcp.ParseUpstream(raw)
		if err != nil {
			return
		}
		list, state, required, err := mcp.InputRequests(m)
		if err != nil || !required {
			if len(list) > 0 || state != nil {
				t.Fatalf("%v, %s beside %v, %v", list, state, required, err)
			}
			return
		}
		if len(list) > mcp.MaxInputRequests {
			t.Fatalf("%d questions", len(list))
		}
		if len(list) > 0 {
			for i := range list {
				if list[i].Params == nil { // written all the same
					list[i].Params = []byte("{}")
				}
			}
			again, _, _, err := mcp.InputRequests(upstream(t, string(mcp.NewInputRequired([]byte("1"), list, "", nil).Raw)))
			if d := cmp.Diff(list, again); d != "" || err != nil {
				t.Fatal(d, err)
			}
		}
		for _, r := range list {
			ask := mcp.AskFor(mcp.V20251125, r, "e")
			if ask == nil {
				continue
			}
			back := mcp.InputFor(r.Key, upstream(t, string(ask.Raw)))
			if once := mcp.InputFor(r.Key, mcp.NewRequest([]byte("1"), r.Method, r.Params)); cmp.Diff(once, back) != "" {
				t.Fatalf("%s became %s", once.Params, back.Params)
			}
		}
	})
}
