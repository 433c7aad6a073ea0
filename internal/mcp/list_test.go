package mcp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

func TestPage(t *testing.T) {
	var got []string
	keep := func(raw []byte) error { got = append(got, string(raw)); return nil }
	cursor, err := mcp.Page(gate.Tool, []byte(`{"nextCursor":"c\u0031","tools": [ {"name":"a"} , {"name":"b"} ],"prompts":[{}]}`), keep)
	if d := cmp.Diff([]string{`{"name":"a"}`, `{"name":"b"}`}, got); d != "" || cursor != "c1" || err != nil {
		t.Error(d, cursor, err)
	}
	for raw, want := range map[string]bool{
		`{"tools":[]}`: true, `{"tools":[],"nextCursor":null}`: true, `{}`: false, `{"tools":{}}`: false, `{"tools":[1]}`: true,
		`{"tools":[null]}`: true, `{"tools":[],"nextCursor":1}`: false, `[]`: false, `null`: false, `{"Tools":[]}`: false,
		`{"tools":[],"nextCursor":"` + strings.Repeat("x", 9000) + `"}`: false,
	} {
		if cursor, err := mcp.Page(gate.Tool, []byte(raw), keep); (err == nil) != want || cursor != "" {
			t.Errorf("%.60s: %q, %v", raw, cursor, err)
		}
	}
	stop := errors.New("stop")
	if _, err := mcp.Page(gate.Template, []byte(`{"resourceTemplates":[{}]}`), func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	if _, err := mcp.Page(gate.Server, []byte(`{"":[]}`), keep); err == nil {
		t.Error("a kind without a list has a page")
	}
}

func TestNameOf(t *testing.T) {
	for _, tc := range []struct {
		kind gate.ItemKind
		raw  string
		want string // empty: refused
	}{
		{gate.Tool, `{"name":"Gr\u00fc\u00dfe"}`, "Grüße"},
		{gate.Prompt, `{"name":"a b"}`, "a b"},
		{gate.Resource, `{"name":"x","uri":"file:///a"}`, "file:///a"},
		{gate.Template, `{"uriTemplate":"file:///{p}"}`, "file:///{p}"},
		{gate.Tool, `{}`, ""},
		{gate.Tool, `{"name":1}`, ""},
		{gate.Tool, `{"name":""}`, ""},
		{gate.Tool, `{"name":"a\u200bb"}`, ""},
		{gate.Tool, `{"name":"a\u202eb"}`, ""},
		{gate.Tool, `{"name":"a\ufeff"}`, ""},
		{gate.Tool, `{"name":"a\nb"}`, ""},
		{gate.Tool, `{"name":"a\u0000"}`, ""},
		{gate.Tool, `{"name":"a\u00a0b"}`, ""},
		{gate.Tool, `{"name":"a\ufe0f"}`, ""},
		{gate.Tool, `{"name":"a\u3164"}`, ""},
		{gate.Tool, `{"name":"` + strings.Repeat("x", 257) + `"}`, ""},
		{gate.Resource, `{"uri":"` + strings.Repeat("x", 2049) + `"}`, ""},
		{gate.Server, `{"name":"x"}`, ""},
	} {
		got, err := mcp.NameOf(tc.kind, []byte(tc.raw))
		if (err == nil) != (tc.want != "") || err == nil && got != tc.want {
			t.Errorf("%.60s: %q, %v", tc.raw, got, err)
		}
	}
}

func TestList(t *testing.T) {
	items := []gate.Item{
		{Kind: gate.Tool, Name: "a", Shown: "w.a", Raw: []byte(`{"title":{"name":1}, "name":"a","v":1.0}`)},
		{Kind: gate.Tool, Name: "b", Shown: "b", Raw: []byte(`{"name":"b"}`)},
	}
	old, _ := mcp.RevisionOf(mcp.V20251125)
	got := string(mcp.List(gate.Tool, items, old, mcp.Frame{TTL: time.Minute, ServerInfo: []byte(`{}`)}))
	if want := `{"tools":[{"title":{"name":1}, "name":"w.a","v":1.0},{"name":"b"}]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	now, _ := mcp.RevisionOf(mcp.V20260728)
	got = string(mcp.List(gate.Prompt, nil, now, mcp.Frame{Cursor: `"`, TTL: time.Minute, ServerInfo: []byte(`{"name":"d"}`)}))
	want := `{"prompts":[],"nextCursor":"\"","resultType":"complete","ttlMs":60000,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"}}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	frame := mcp.Frame{ServerInfo: []byte(`{"name":"d"}`), Unavailable: []string{"a", `b"`}}
	for _, tc := range []struct {
		rev  mcp.Revision
		want string
	}{
		{old, `{"resources":[],"_meta":{"doorward/unavailable":["a","b\""]}}`},
		{now, `{"resources":[],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"d"},"doorward/unavailable":["a","b\""]}}`},
	} {
		if got := string(mcp.List(gate.Resource, nil, tc.rev, frame)); got != tc.want {
			t.Errorf("%s: got  %s\nwant %s", tc.rev.Version, got, tc.want)
		}
	}
}

func TestShowItem(t *testing.T) {
	const text = `{"name":"a","outputSchema":{"type":"string"},"x":1}`
	for _, tc := range []struct {
		name, version string
		item          gate.Item
		want          string
	}{
		{"no object", mcp.V20251125, gate.Item{Kind: gate.Tool, Name: "a", Shown: "w.a", Raw: []byte(text)}, `{"name":"w.a","x":1}`},
		{"no object, own name", mcp.V20241105, gate.Item{Kind: gate.Tool, Name: "a", Shown: "a", Raw: []byte(text)}, `{"name":"a","x":1}`},
		{"no object, stateless", mcp.V20260728, gate.Item{Kind: gate.Tool, Name: "a", Shown: "a", Raw: []byte(text)}, text},
		{"object", mcp.V20251125, gate.Item{Kind: gate.Tool, Name: "a", Raw: []byte(`{"outputSchema":{"type":"object"}}`)}, `{"outputSchema":{"type":"object"}}`},
		{"true", mcp.V20251125, gate.Item{Kind: gate.Tool, Name: "a", Raw: []byte(`{"outputSchema":true}`)}, `{}`},
		{"none", mcp.V20251125, gate.Item{Kind: gate.Tool, Name: "a", Raw: []byte(`{}`)}, `{}`},
		{"no tool", mcp.V20251125, gate.Item{Kind: gate.Prompt, Name: "a", Raw: []byte(text)}, text},
	} {
		rev, ok := mcp.RevisionOf(tc.version)
		if !ok {
			t.Fatal(tc.version)
		}
		before := string(tc.item.Raw)
		if got := string(mcp.ShowItem(&tc.item, rev)); got != tc.want || string(tc.item.Raw) != before {
			t.Errorf("%s: got  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func TestTaskSupport(t *testing.T) {
	for raw, want := range map[string]string{
		`{"execution":{"taskSupport":"required"}}`: "required", `{"execution":{"taskSupport":"optional"}}`: "optional",
		`{"execution":{"taskSupport":"forbidden"}}`: "forbidden", `{"execution":{"taskSupport":"x"}}`: "",
		`{"execution":{"taskSupport":1}}`: "", `{"execution":"required"}`: "", `{"taskSupport":"required"}`: "", `{}`: "", ``: "",
	} {
		if got := mcp.TaskSupport([]byte(raw)); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	got := string(mcp.ForwardedCapabilities([]byte(`{"tasks":{},"elicitation":{"url":{}},"sampling":{"tools":{}},"extensions":{},"roots":{"listChanged":true},"experimental":{}}`)))
	if want := `{"roots":{"listChanged":true},"sampling":{"tools":{}},"elicitation":{"url":{}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(mcp.ForwardedCapabilities([]byte(`{"roots":true}`))); got != `{}` {
		t.Errorf("got %s", got)
	}
	got = string(mcp.ServerCapabilities([]byte(`{"tools":{"listChanged":true},"experimental":{}}`), []byte(`{"tools":{},"resources":{"subscribe":true,"listChanged":false}}`), []byte(`{"logging":{},"tasks":{}}`), nil))
	if want := `{"logging":{},"resources":{"subscribe":true},"tools":{"listChanged":true}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, tc := range []struct {
		caps, method, params string
		want                 bool
	}{
		{`{}`, "roots/list", ``, false},
		{`{"roots":{}}`, "roots/list", ``, true},
		{`{"roots":true}`, "roots/list", ``, false},
		{`{"sampling":{}}`, "sampling/createMessage", `{}`, true},
		{`{"sampling":{}}`, "sampling/createMessage", `{"tools":[]}`, false},
		{`{"sampling":{"tools":{}}}`, "sampling/createMessage", `{"tools":[]}`, true},
		{`{"elicitation":{}}`, "elicitation/create", `{}`, true},
		{`{"elicitation":{}}`, "elicitation/create", `{"mode":"url"}`, false},
		{`{"elicitation":{"url":{}}}`, "elicitation/create", `{"mode":"url","url":"https://a.example/"}`, true},
		{`{"elicitation":{"form":{}}}`, "elicitation/create", `{"mode":"url","url":"https://a.example/"}`, false},
		{`{"elicitation":{}}`, "elicitation/create", `{"mode":1}`, false},
		{`{"elicitation":{"url":{}}}`, "elicitation/create", `{}`, false},
		{`{"elicitation":{"form":{},"url":{}}}`, "elicitation/create", `{"mode":"form"}`, true},
		{`{"elicitation":{"form":{},"url":{}}}`, "elicitation/create", `{"mode":"x"}`, false},
		{`{"tools":{}}`, "tools/list", ``, false},
		{``, "ping", ``, true},
	} {
		if got := mcp.MayAsk([]byte(tc.caps), tc.method, []byte(tc.params)); got != tc.want {
			t.Errorf("%s %s %s: %v", tc.caps, tc.method, tc.params, got)
		}
	}
}
