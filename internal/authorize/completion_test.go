package authorize_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/authorize"
	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/policy"
	"doorward/internal/policy/paths"
)

// completing is a completion by one who may read everything in docs but what is
// secret, and no prompt but docs/*.
func completing(t *testing.T, it gate.Item, params string) (*authorize.Stage, *gate.Exchange) {
	t.Helper()
	p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{"reader": {
		Allow: []policy.Rule{{Resources: []string{"docs://**"}, Prompts: []string{"docs/*"}}},
		Deny:  []policy.Rule{{Resources: []string{"docs://secret", "docs://secret/**", "docs://*/secret*"}}},
	}}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m, err := mcp.ParseClient(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{},%s}}`, params))
	if err != nil {
		t.Fatal(err)
	}
	route, _ := mcp.Lookup("completion/complete")
	it.Upstream = "docs"
	return authorize.New(p), &gate.Exchange{
		Principal: &gate.Principal{Subject: "s", Roles: []string{"reader"}},
		Call:      gate.Call{Route: route, Item: it.Kind, Name: it.Name, Message: m},
		Target:    gate.Target{Upstream: "docs", Item: &it},
	}
}

func answer(t *testing.T, result string) *gate.Message {
	t.Helper()
	m, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","id":1,"result":` + result + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func values(all ...string) string {
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return `{"completion":{"values":` + string(text) + `,"total":7,"hasMore":true}}`
}

// What cannot be used looks, to a completion, like what is not there.
func TestCompletionOnWhatMayNotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		it   gate.Item
		want gate.Code
	}{
		{gate.Item{Kind: gate.Prompt, Name: "p"}, ""},
		{gate.Item{Kind: gate.Prompt, Name: "a/p"}, gate.CodeUnknownPrompt},
		{gate.Item{Kind: gate.Template, Name: "docs://{x}"}, ""},
		{gate.Item{Kind: gate.Template, Name: "docs://secret/{x}"}, gate.CodeUnknownResource},
		{gate.Item{Kind: gate.Template, Name: "file:///{x}"}, gate.CodeUnknownResource},
		{gate.Item{Kind: gate.Resource, Name: "docs://secret"}, gate.CodeUnknownResource},
		{gate.Item{Kind: gate.Resource, Name: "docs://a/../b"}, gate.CodeUnknownResource},
	} {
		s, ex := completing(t, tc.it, `"argument":{"name":"x","value":""}`)
		v, err := s.Judge(t.Context(), ex)
		if err != nil || v.Code != tc.want || (v.Effect == gate.Continue) != (tc.want == "") {
			t.Errorf("%s: %+v, %v, want %q", tc.it.Name, v, err, tc.want)
		}
		if want := map[gate.Code]string{gate.CodeUnknownPrompt: "no such prompt", gate.CodeUnknownResource: "no such resource"}[v.Code]; v.Public != want {
			t.Errorf("%s: the client reads %q, want %q", tc.it.Name, v.Public, want)
		}
		if tc.want != "" && v.Reason == "" {
			t.Errorf("%s: the operator reads nothing", tc.it.Name)
		}
	}
}

func TestCompletionValues(t *testing.T) {
	const x = `"argument":{"name":"x","value":""}`
	for _, tc := range []struct {
		name, template, params string
		values, kept           []string
	}{
		{"all may be read", "docs://{x}", x, []string{"a", "b c", "ü"}, []string{"a", "b c", "ü"}},
		{"one may not", "docs://{x}", x, []string{"a", "secret", "b"}, []string{"a", "b"}},
		{"in another spelling", "docs://{+x}", x, []string{"s%65cret", "secret/a", "SECRET", "a"}, []string{"a"}},
		{"none may", "file:///{x}", x, []string{"a", "b"}, []string{}},
		{"what could be read in two ways", "docs://{x}", x, []string{"..", "a/b", "a\\b", "%2e%2e", "a\n", "a"}, []string{"a"}},
		{"climbing", "docs://d/{+x}", x, []string{"../secret", "./a", "a/../b", "a"}, []string{"a"}},
		{"after what was chosen", "docs://{d}/{x}", x + `,"context":{"arguments":{"d":"hr"}}`, []string{"a", "secrets"}, []string{"a"}},
		{"after a choice that is denied", "docs://{d}/{x}", x + `,"context":{"arguments":{"d":"secret"}}`, []string{"a", "b"}, []string{}},
		{"after what was not chosen", "docs://{d}/{x}", x, []string{"a", "b"}, []string{}},
		{"before what was not chosen", "docs://{x}/{d}", x, []string{"a", "secret"}, []string{"a"}},
		{"before what was chosen", "docs://{x}/{d}", x + `,"context":{"arguments":{"d":"secret"}}`, []string{"a", "b"}, []string{}},
		{"a choice that is no text", "docs://{d}/{x}", x + `,"context":{"arguments":{"d":1}}`, []string{"a"}, []string{}},
		{"a choice of its own", "docs://{x}", x + `,"context":{"arguments":{"x":"a"}}`, []string{"a", "secret"}, []string{"a"}},
		{"in a query", "docs://a{?x,y}", x, []string{"1", "2"}, []string{"1", "2"}},
		{"cut by the template", "docs://{x:3}", x, []string{"abcdef"}, []string{}},
		{"no variable of that name", "docs://{y}", x, []string{"a"}, []string{}},
		{"no argument", "docs://{x}", `"argument":1`, []string{"a"}, []string{}},
		{"no template", "docs://{x", x, []string{"a"}, []string{}},
		{"too many variables", "docs://{x}" + strings.Repeat("{y}", 40), x, []string{"a"}, []string{}},
		{"a value that no URI can hold", "docs://{x}", x, []string{strings.Repeat("a", 2049), "a"}, []string{"a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, ex := completing(t, gate.Item{Kind: gate.Template, Name: tc.template}, tc.params)
			m := answer(t, values(tc.values...))
			got, v, err := s.Review(t.Context(), ex, m)
			if err != nil || v.Effect != gate.Continue {
				t.Fatalf("Review = %+v, %v", v, err)
			}
			if len(tc.kept) == len(tc.values) {
				if got != nil {
					t.Errorf("the answer was changed to %s", got.Raw)
				}
				return
			}
			if got == nil {
				t.Fatal("the answer was kept whole")
			}
			var r struct{ Completion map[string]json.RawMessage }
			if err := json.Unmarshal(got.Bytes(got.Result), &r); err != nil {
				t.Fatal(err)
			}
			var kept []string
			if err := json.Unmarshal(r.Completion["values"], &kept); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.kept, kept); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			if len(r.Completion) != 1 {
				t.Errorf("total or hasMore still count what was taken out: %s", got.Raw)
			}
		})
	}
}

// What is not taken out is as it was, byte for byte.
func TestCompletionKeepsTheRest(t *testing.T) {
	s, ex := completing(t, gate.Item{Kind: gate.Template, Name: "docs://{x}"}, `"argument":{"name":"x","value":""}`)
	m := answer(t, `{"z": 1.0,"completion":{"total":2,"v/w":{"n":1.00},"values":["secret","\u0061"]},"_meta":{"a/b": 9007199254740993}}`)
	got, v, err := s.Review(t.Context(), ex, m)
	if err != nil || v.Effect != gate.Continue || got == nil {
		t.Fatalf("Review = %v, %+v, %v", got, v, err)
	}
	want := `{"jsonrpc":"2.0","id":1,"result":{"z": 1.0,"completion":{"v/w":{"n":1.00},"values":["\u0061"]},"_meta":{"a/b": 9007199254740993}}}`
	if string(got.Raw) != want {
		t.Errorf("got  %s\nwant %s", got.Raw, want)
	}
}

// An upstream that sends more values than MCP allows has the rest left out.
func TestCompletionIsBounded(t *testing.T) {
	s, ex := completing(t, gate.Item{Kind: gate.Template, Name: "docs://{x}"}, `"argument":{"name":"x","value":""}`)
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	got, _, err := s.Review(t.Context(), ex, answer(t, values(many...)))
	if err != nil || got == nil || !strings.HasSuffix(string(got.Raw), `"98","99"]}}}`) {
		t.Errorf("%v, want the first 100 values", err)
	}
}

func TestCompletionsThatAreRefusedOrPass(t *testing.T) {
	template := gate.Item{Kind: gate.Template, Name: "docs://{x}"}
	for _, tc := range []struct {
		name   string
		it     gate.Item
		result string
		want   gate.Code
	}{
		{"values of a prompt", gate.Item{Kind: gate.Prompt, Name: "p"}, values("secret"), ""},
		{"no completion", template, `{"resultType":"input_required"}`, ""},
		{"no values", template, `{"completion":{}}`, ""},
		{"no object", template, `{"completion":[]}`, gate.CodeReply},
		{"no array", template, `{"completion":{"values":{}}}`, gate.CodeReply},
		{"a number", template, `{"completion":{"values":["a",1]}}`, gate.CodeReply},
		{"null", template, `{"completion":{"values":[null]}}`, gate.CodeReply},
		{"an object", template, `{"completion":{"values":[{"secret":1}]}}`, gate.CodeReply},
	} {
		s, ex := completing(t, tc.it, `"argument":{"name":"x","value":""}`)
		got, v, err := s.Review(t.Context(), ex, answer(t, tc.result))
		if err != nil || got != nil || v.Code != tc.want || (v.Effect == gate.Continue) != (tc.want == "") {
			t.Errorf("%s: %v, %+v, %v, want %q", tc.name, got, v, err, tc.want)
		}
	}
	s, ex := completing(t, template, `"argument":{"name":"x","value":""}`)
	ex.Target.Item = nil
	if _, v, err := s.Review(t.Context(), ex, answer(t, values("a"))); err == nil || v.Effect != gate.Deny {
		t.Errorf("nothing resolved: %+v, %v", v, err)
	}
	ex.Call.Route, _ = mcp.Lookup("tools/call")
	if got, v, err := s.Review(t.Context(), ex, answer(t, values("secret"))); err != nil || got != nil || v.Effect != gate.Continue {
		t.Errorf("a tool's result: %v, %+v, %v", got, v, err)
	}
}

// FuzzCompletion: whatever template, choice and value meet, a value that is kept
// leads to no URI that the principal may not read, also as a client would make
// it that puts the value in as it is.
func FuzzCompletion(f *testing.F) {
	f.Add("docs://{d}/{x}", "d", "hr", "secret")
	f.Add("docs://{+x}", "", "", "s%65cret")
	f.Add("docs://{x}{?y}", "y", "1", "a b")
	f.Fuzz(func(t *testing.T, template, name, chosen, value string) {
		choice, err := json.Marshal(map[string]string{name: chosen})
		if err != nil || len(template) == 0 {
			return
		}
		s, ex := completing(t, gate.Item{Kind: gate.Template, Name: template}, `"argument":{"name":"x","value":""},"context":{"arguments":`+string(choice)+`}`)
		got, v, err := s.Review(t.Context(), ex, answer(t, values(value)))
		if err != nil || v.Effect != gate.Continue {
			t.Fatalf("Review = %+v, %v", v, err)
		}
		if got == nil && template == "docs://{x}" && strings.HasPrefix(value, "secret/") {
			t.Errorf("%q is kept", value)
		}
		if got == nil && !strings.HasPrefix(strings.ToLower(template), "docs:") && !strings.HasPrefix(template, "{") {
			t.Errorf("%q in %q is kept, which leads to no URI of docs", value, template)
		}
	})
}

// A completion of a prompt's argument is judged as the prompt would be called: what
// has a type or a rule is not sent where it leads out, nor shown.
func TestPromptCompletionsAreJudged(t *testing.T) {
	p, faults := policy.Compile(policy.Source{
		Roles: map[string]policy.Role{"reader": {Allow: []policy.Rule{{
			Prompts: []string{"docs/*"},
			Where:   &policy.Where{Path: &paths.Rule{Under: []string{"/srv/a"}}, Values: map[string]policy.Value{"tone": {Required: true}}},
		}}}},
		Arguments: map[string]map[string]string{"docs": {"path": "path"}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	s := authorize.New(p)
	for params, want := range map[string]bool{
		`"argument":{"name":"path","value":""}`:                                                     true,
		`"argument":{"name":"path","value":"/srv/a/"}`:                                              true,
		`"argument":{"name":"path","value":"/etc/"}`:                                                false,
		`"argument":{"name":"tone","value":"x"},"context":{"arguments":{"path":"/etc/passwd"}}`:     false,
		`"argument":{"name":"tone","value":"x"},"context":{"arguments":{"path":"/srv/a/x"}}`:        true,
		`"argument":{"name":"PATH","value":"/etc/"},"context":{"arguments":{"path":"/srv/a/x.md"}}`: false,
	} {
		_, ex := completing(t, gate.Item{Kind: gate.Prompt, Upstream: "docs", Name: "report"}, params)
		v, err := s.Judge(t.Context(), ex)
		if err != nil || (v.Effect == gate.Continue) != want {
			t.Errorf("%s: %+v, %v, want %v", params, v, err, want)
		}
	}
	_, ex := completing(t, gate.Item{Kind: gate.Prompt, Upstream: "docs", Name: "report"}, `"argument":{"name":"path","value":"/srv/a/"}`)
	m, err := mcp.ParseUpstream([]byte(`{"jsonrpc":"2.0","id":1,"result":{"completion":{"values":["/srv/a/x","/etc/passwd"],"total":2}}}`))
	if err != nil {
		t.Fatal(err)
	}
	shown, v, err := s.Review(t.Context(), ex, m)
	if err != nil || v.Effect != gate.Continue || shown == nil || strings.Contains(string(shown.Raw), "passwd") || !strings.Contains(string(shown.Raw), "/srv/a/x") {
		t.Errorf("shown %v, %+v, %v", shown, v, err)
	}
}
