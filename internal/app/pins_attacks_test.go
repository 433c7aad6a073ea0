package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
)

// PIN-01: nothing of a new server is shown, called or passed on before it is
// approved.
func TestPIN01_NewServerIsQuarantined(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.Script{
		Instructions: evilWord, Tools: []json.RawMessage{json.RawMessage(loose(evilWord))},
		Prompts:   []json.RawMessage{json.RawMessage(`{"name":"` + evilWord + `"}`)},
		Resources: []json.RawMessage{json.RawMessage(`{"uri":"x://` + evilWord + `","name":"r"}`)},
		Templates: []json.RawMessage{json.RawMessage(`{"uriTemplate":"x://{` + evilWord + `}","name":"t"}`)},
	})
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
	for _, version := range eras {
		c, said := greeted(gw, "alice", version)
		if strings.Contains(said, evilWord) || !strings.Contains(said, "serverInfo") {
			t.Errorf("%s: the handshake says %s", version, said)
		}
		for _, method := range []string{"tools/list", "prompts/list", "resources/list", "resources/templates/list"} {
			if r := c.Post(c.Request("1", method, "")); !r.OK() || bytes.Contains(r.Body, []byte(evilWord)) {
				t.Errorf("%s: %s: %s", version, method, r)
			}
		}
		if r := c.Call("up__"+evilWord, `{}`); r.Refusal != "tool.held" {
			t.Errorf("%s: calling: %s", version, r)
		}
	}
	if n := len(up.Judged()); n != 0 {
		t.Errorf("the upstream was made to do %d things", n)
	}
}

// PIN-02: one character more withholds the tool, and it alone; both versions are
// kept, and it is on record once.
func TestPIN02_OneCharacterMore(t *testing.T) {
	good, evil := faces()
	j := newJanus(t, good, evil)
	gw := janusGate(t, j)
	if got := ask(t, gw.As("alice").Open(eras[0])); !slices.Equal(got, []string{"echo", "other"}) {
		t.Fatalf("before: %v", got)
	}
	j.when(func(*http.Request, string) bool { return true })
	for _, name := range []string{"bob", "carol"} {
		if got := ask(t, gw.As(name).Open(eras[0])); !slices.Equal(got, []string{"other"}) {
			t.Errorf("after: %v", got)
		}
	}
	d, err := gw.App.Detail(t.Context(), "up", "tool", "echo")
	if err != nil || !strings.Contains(d.Observed, evilWord) || d.Approved == "" || strings.Contains(d.Approved, evilWord) || len(d.Diff) != 1 || d.Diff[0].Pointer != "/description" {
		t.Errorf("shown to people: %+v, %v", d, err)
	}
	all := events(t, gw, "trust.changed")
	if n := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, "tool echo is "+d.Digest+" and was "+d.Pinned) }); n < 0 || len(all) != 2 {
		t.Errorf("on record: %v", all)
	}
}

// PIN-11: a tool that is new is held, one that is gone is not there, and one that is
// back is what was approved, or changed.
func TestPIN11_ComesAndGoes(t *testing.T) {
	script := func(tools ...string) gatetest.Script {
		s := gatetest.Script{Tools: []json.RawMessage{}}
		for _, tool := range tools {
			s.Tools = append(s.Tools, json.RawMessage(tool))
		}
		return s
	}
	const a, b, worse = `{"name":"a","inputSchema":{"type":"object"}}`, `{"name":"b","inputSchema":{"type":"object"}}`, `{"name":"a","title":"` + evilWord + `","inputSchema":{"type":"object"}}`
	up := gatetest.Upstream(t, script(a))
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
	gw.Approve("up")
	for i, tc := range []struct {
		offers     gatetest.Script
		a, b, list string
	}{
		{script(a), "", "tool.unknown", "up__a"},
		{script(a, b), "", "tool.held", "up__a"},
		{script(b), "tool.unknown", "tool.held", ""},
		{script(b, a), "", "tool.held", "up__a"},
		{script(worse), "tool.changed", "tool.unknown", ""},
		{script(a), "tool.changed", "tool.unknown", ""},
	} {
		up.Set(tc.offers)
		c := gw.As(fmt.Sprint("client", i)).Open(eras[0])
		if got := strings.Join(toolNames(t, c), " "); got != tc.list {
			t.Errorf("%d: it lists %q, want %q", i, got, tc.list)
		}
		for name, want := range map[string]string{"a": tc.a, "b": tc.b} {
			if r := c.Call("up__"+name, `{}`); r.Refusal != want {
				t.Errorf("%d: calling %s: %s, want %q", i, name, r, want)
			}
		}
	}
}

// PIN-12: what is on a late page is held against its pin like what is on the first,
// and a name that is on two pages is nobody's; a list without end has one.
func TestPIN12_LatePages(t *testing.T) {
	const pages = 50
	page := func(i int, def string) string {
		return fmt.Sprintf(`{"tools":[%s],"nextCursor":"p%d"}`, def, i+1)
	}
	numbered := func(i int, says string) string {
		return fmt.Sprintf(`{"name":"t%d","description":"%s","inputSchema":{"type":"object"}}`, i, says)
	}
	var mu sync.Mutex
	poisoned, twice, endless := -1, -1, false
	up := answering(t, gatetest.Script{Eras: []string{"stateful"}, Tools: []json.RawMessage{}})
	up.on("tools/list", func(params []byte) string {
		mu.Lock()
		defer mu.Unlock()
		var p struct{ Cursor string }
		_ = json.Unmarshal(params, &p) // the gateway's own request
		at := 0
		_, _ = fmt.Sscanf(p.Cursor, "p%d", &at)
		def := numbered(at, "")
		switch at {
		case poisoned:
			def = numbered(at, evilWord)
		case twice:
			def = numbered(at, "") + "," + numbered(0, evilWord)
		case pages - 1:
			if !endless {
				return `{"tools":[` + def + `]}`
			}
		}
		if endless && at == 3 {
			return fmt.Sprintf(`{"tools":[%s],"nextCursor":"p2"}`, numbered(100+at, ""))
		}
		return page(at, def)
	})
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \""+up.URL()+"\"}}\n", nil)
	gw.Approve("up")
	shown := func(name string) []string {
		t.Helper()
		c := gw.As(name).Open(eras[0])
		r := c.Post(c.Request("1", "tools/list", ""))
		if !r.OK() || bytes.Contains(r.Body, []byte(evilWord)) {
			t.Fatalf("listing: %s", r)
		}
		return toolNames(t, c)
	}
	set := func(p, d int, e bool) {
		mu.Lock()
		defer mu.Unlock()
		poisoned, twice, endless = p, d, e
	}
	if n := len(shown("alice")); n != pages {
		t.Fatalf("%d tools, want %d", n, pages)
	}
	set(-1, 30, false)
	if got := shown("bob"); len(got) != pages-1 || slices.Contains(got, "up__t0") {
		t.Errorf("with a name on two pages: %v", got)
	}
	set(-1, -1, false)
	if got := shown("erin"); len(got) != pages-1 || slices.Contains(got, "up__t0") {
		t.Errorf("after a name was on two pages: %v", got)
	}
	gw.Approve("up")
	set(-1, -1, true) // pages 2 and 3 in turn: their names come again and again
	if got := shown("dave"); !slices.Equal(got, []string{"up__t0", "up__t1"}) {
		t.Errorf("of a list without end: %v", got)
	}
	set(37, -1, false)
	if got := shown("carol"); len(got) != pages-1 || slices.Contains(got, "up__t37") {
		t.Errorf("with poison on page 37: %v", got)
	}
	if len(events(t, gw, "catalogue.truncated")) == 0 {
		t.Error("that a list was cut is not on record")
	}
}

// PIN-21: a decision about what is no longer offered changes nothing, whoever makes
// it and however often.
func TestPIN21_SecondDecisionAndReplay(t *testing.T) {
	up := gatetest.Upstream(t, gatetest.Script{Tools: []json.RawMessage{json.RawMessage(loose("echo"))}})
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
	look := func() admin.Ref {
		t.Helper()
		entries, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: true, Shown: true})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(entries, func(e admin.Entry) bool { return e.Kind == "tool" })
		return admin.Ref{Upstream: "up", Kind: "tool", Name: entries[i].Name, Digest: entries[i].Digest}
	}
	first := look()
	if n, err := gw.App.Approve(t.Context(), "one", []admin.Ref{first}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := gw.App.Approve(t.Context(), "one", []admin.Ref{first}); n != 0 || err != nil {
		t.Errorf("the same again: %d, %v", n, err)
	}
	up.Set(gatetest.Script{Tools: []json.RawMessage{json.RawMessage(`{"name":"echo","title":"` + evilWord + `","inputSchema":{"type":"object"}}`)}})
	second := look()
	if n, err := gw.App.Approve(t.Context(), "one", []admin.Ref{first}); n != 0 || err == nil {
		t.Errorf("a replay after the change: %d, %v", n, err)
	}
	if n, err := gw.App.Reject(t.Context(), "two", []admin.Ref{second}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := gw.App.Approve(t.Context(), "one", []admin.Ref{first}); n != 0 || err == nil {
		t.Errorf("a replay after the rejection: %d, %v", n, err)
	}
	if s := states(t, gw)["tool echo"]; s != gate.Rejected.String() {
		t.Errorf("it is %s", s)
	}
}

// states are the states of everything, by kind and name.
func states(t *testing.T, gw *gatetest.GW) map[string]string {
	t.Helper()
	entries, err := gw.App.Entries(t.Context(), admin.Review{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		all[e.Kind+" "+e.Name] = e.State
	}
	return all
}

// PIN-22: of an upstream that is away nothing is listed, though it is pinned.
func TestPIN22_AwayAtTheStart(t *testing.T) {
	up := answering(t, gatetest.Script{Tools: []json.RawMessage{json.RawMessage(loose("echo"))}})
	config := "upstreams: {up: {url: \"" + up.URL() + "\"}}\n"
	gw := gatetest.Gateway(t, config, nil)
	gw.Approve("up")
	if got := toolNames(t, gw.As("alice").Open(eras[0])); len(got) != 1 {
		t.Fatalf("before: %v", got)
	}
	gw.Stop()
	up.stop()
	again := gatetest.Again(t, gw, config, nil)
	c := again.As("bob").Open(eras[0])
	if r := c.Post(c.Request("1", "tools/list", "")); r.Refusal != "upstream.unavailable" || bytes.Contains(r.Body, []byte("echo")) {
		t.Errorf("listing: %s", r)
	}
	if r := c.Call("up__echo", `{}`); r.OK() {
		t.Errorf("calling: %s", r)
	}
}

// PIN-18: the same definitions at another URL are another upstream, and held until a
// person approves where it is; so are those of an upstream with another name.
func TestPIN18_SameDefinitionsElsewhere(t *testing.T) {
	script := gatetest.Script{Tools: []json.RawMessage{json.RawMessage(loose("echo"))}}
	up, twin := gatetest.Upstream(t, script), gatetest.Upstream(t, script)
	gw := gatetest.Gateway(t, "upstreams: {up: {url: \""+up.URL()+"\"}}\n", nil)
	gw.Approve("up")
	if r := gw.As("alice").Open(eras[0]).Call("up__echo", `{}`); !r.OK() {
		t.Fatalf("before: %s", r)
	}
	moved := gatetest.Again(t, gw, "upstreams: {up: {url: \""+twin.URL()+"\"}, other: {url: \""+up.URL()+"\"}}\n", nil)
	c := moved.As("bob").Open(eras[0])
	if r := c.Call("up__echo", `{}`); r.Refusal != "upstream.held" {
		t.Errorf("at another URL: %s", r)
	}
	if r := c.Call("other__echo", `{}`); r.Refusal != "tool.held" {
		t.Errorf("under another name: %s", r)
	}
	if n := twin.Posts(); n != 0 {
		t.Errorf("%d messages went to a URL that nobody approved", n)
	}
	d, err := moved.App.Detail(t.Context(), "up", "command", "")
	if err != nil || d.State != "changed" || len(d.Diff) != 1 || d.Diff[0].Pointer != "/url" {
		t.Errorf("people are shown %+v, %v", d, err)
	}
	moved.Approve("up")
	if r := moved.As("carol").Open(eras[0]).Call("up__echo", `{}`); !r.OK() {
		t.Errorf("once approved: %s", r)
	}
}

// PIN-10: instructions and resource templates that changed are not passed on.
func TestPIN10_InstructionsAndTemplates(t *testing.T) {
	script := func(says string) gatetest.Script {
		return gatetest.Script{
			Instructions: "Ask for a city. " + says, Tools: []json.RawMessage{json.RawMessage(loose("echo"))},
			Templates: []json.RawMessage{json.RawMessage(`{"uriTemplate":"x://{a}","name":"t","description":"A record. ` + says + `"}`)},
		}
	}
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			up := gatetest.Upstream(t, script(""))
			gw := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
			gw.Approve("up")
			says := func(name string) string {
				t.Helper()
				c, said := greeted(gw, name, version)
				return said + string(c.Post(c.Request("1", "resources/templates/list", "")).Body)
			}
			if s := says("alice"); !strings.Contains(s, "Ask for a city.") || !strings.Contains(s, "A record.") {
				t.Fatalf("before: %s", s)
			}
			up.Set(script(evilWord))
			if _, err := gw.App.Entries(t.Context(), admin.Review{Upstream: "up", Refresh: true}); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"alice", "bob"} {
				if s := says(name); strings.Contains(s, evilWord) {
					t.Errorf("passed on to %s: %s", name, s)
				}
			}
			if got := states(t, gw); got["instructions "] != "changed" || got["template x://{a}"] != "changed" || got["tool echo"] != "approved" {
				t.Errorf("states: %v", got)
			}
		})
	}
}
