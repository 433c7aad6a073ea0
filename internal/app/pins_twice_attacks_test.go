package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"doorward/internal/gatetest"
)

// PIN-08: a server that sends an approved tool twice, once as it was approved and
// once not, has changed it: visibly, and until a person decides, also across a
// restart.
func TestPIN08_SentTwice(t *testing.T) {
	const good, other = `{"name":"a","inputSchema":{"type":"object"}}`, `{"name":"b","inputSchema":{"type":"object"}}`
	for what, second := range map[string]string{
		"another text":         `{"name":"a","description":"` + evilWord + `","inputSchema":{"type":"object"}}`,
		"a header that is odd": `{"name":"a","inputSchema":{"type":"object","properties":{"x":{"type":"object","x-mcp-header":"bad name"}}}}`,
	} {
		t.Run(what, func(t *testing.T) {
			script := func(tools ...string) gatetest.Script {
				s := gatetest.Script{}
				for _, tool := range tools {
					s.Tools = append(s.Tools, json.RawMessage(tool))
				}
				return s
			}
			up := gatetest.Upstream(t, script(good, other))
			config := "upstreams: {up: {url: \"" + up.URL() + "\"}}\n"
			gw := gatetest.Gateway(t, config, nil)
			gw.Approve("up")
			if got := toolNames(t, gw.As("alice").Open(eras[0])); len(got) != 2 {
				t.Fatalf("before: %v", got)
			}
			up.Set(script(good, other, second))
			if got := toolNames(t, gw.As("bob").Open(eras[0])); !slices.Equal(got, []string{"up__b"}) {
				t.Errorf("while it is sent twice: %v", got)
			}
			up.Set(script(good, other))
			after := func(gw *gatetest.GW, name string) {
				t.Helper()
				c := gw.As(name).Open(eras[0])
				if got := toolNames(t, c); !slices.Equal(got, []string{"up__b"}) {
					t.Errorf("afterwards: %v", got)
				}
				if r := c.Call("up__a", `{}`); r.Refusal != "tool.changed" {
					t.Errorf("calling it: %s", r)
				}
				if s := states(t, gw); s["tool a"] != "changed" || s["tool b"] != "approved" {
					t.Errorf("states: %v", s)
				}
			}
			after(gw, "carol")
			if n := len(events(t, gw, "trust.changed")); n != 1 {
				t.Errorf("%d changes on record", n)
			}
			gw.Stop()
			gw = gatetest.Again(t, gw, config, nil)
			after(gw, "dave")
			gw.Approve("up")
			if got := toolNames(t, gw.As("erin").Open(eras[0])); len(got) != 2 {
				t.Errorf("once decided: %v", got)
			}
		})
	}
}

// PIN-10: a server that says it is another one, and then the old one again, is not
// used until a person decides, also across a restart.
func TestPIN10_AnotherServerAndBack(t *testing.T) {
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			script := func(name string) gatetest.Script {
				return gatetest.Script{Info: json.RawMessage(`{"name":"` + name + `","version":"1"}`), Tools: []json.RawMessage{json.RawMessage(loose("echo"))}}
			}
			up := gatetest.Upstream(t, script("notes"))
			config := "upstreams: {up: {url: \"" + up.URL() + "\"}}\n"
			gw := gatetest.Gateway(t, config, nil)
			gw.Approve("up")
			calls := func(gw *gatetest.GW, want string) {
				t.Helper()
				if r := gw.As(fmt.Sprint("client", up.Posts())).Open(version).Call("up__echo", `{}`); r.Refusal != want || r.OK() != (want == "") {
					t.Errorf("calling: %s, want %q", r, want)
				}
			}
			calls(gw, "")
			up.Set(script("evil"))
			calls(gw, "upstream.held")
			up.Set(script("notes"))
			calls(gw, "upstream.held")
			gw.Stop()
			gw = gatetest.Again(t, gw, config, nil)
			calls(gw, "upstream.held")
			gw.Approve("up")
			calls(gw, "")
		})
	}
}
