package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

const (
	updated      = "notifications/resources/updated"
	acknowledged = "notifications/subscriptions/acknowledged"
	subscription = "io.modelcontextprotocol/subscriptionId"
)

func resource(uri string) json.RawMessage { return fmt.Appendf(nil, `{"uri":%q,"name":"n"}`, uri) }

const docsRoles = `
upstreams: {docs: {url: "%s"}}
roles:
  reader: {allow: [{tools: ["*/**"], resources: ["docs://**"]}], deny: [{resources: ["docs://closed", "docs://tenant-b/**"]}]}
  other: {allow: [{resources: ["docs://tenant-b/**"]}]}
`

// docs is a gateway before one upstream with resources, of which alice may read
// one: the others are denied to her, or not approved.
func docs(t *testing.T, stateless bool) (*gatetest.GW, *talker) {
	t.Helper()
	s := gatetest.Script{Tools: rawTools("echo"), Resources: []json.RawMessage{resource("docs://open"), resource("docs://closed"), resource("docs://tenant-b/plan")}}
	k := talking(t, stateless, s)
	gw := gatetest.Gateway(t, fmt.Sprintf(docsRoles, k.URL()), nil)
	gw.Approve("")
	s.Resources = append(s.Resources, resource("docs://new"))
	k.Set(s)
	return gw, k
}

// asked are the URIs that the upstream was asked to watch.
func (k *talker) asked() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.Clone(k.filters)
	for _, s := range k.Seen("resources/subscribe") {
		all = append(all, string(s.Params))
	}
	return strings.Join(all, " ")
}

// MHB-17: a listen is acknowledged first, with what the client may have of what
// it asked for, and brings nothing else, whatever the upstream sends.
func TestMHB17_OnlyWhatWasAsked(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw, k := docs(t, stateless)
			alice := gw.As("alice", "reader").Open(modern)
			events := watch(t, gw, alice, `"my \u0069d"`, `{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["docs://open","docs://closed","docs://tenant-b/plan","docs://new","docs://none"]}`)
			first := next(t, events)
			if first.Method != acknowledged || string(first.Params.Notifications) != `{"toolsListChanged":true,"resourceSubscriptions":["docs://open"]}` {
				t.Fatalf("first came %s", first.raw)
			}
			k.listening(t, 1)
			for range 2 {
				k.nonsense()
				k.say(1, updated, `"uri":"docs://open"`)
				h := next(t, events)
				if h.Method == toolsChanged { // asked for, and first told of
					t.Fatalf("the client was sent %s before anything changed", h.raw)
				}
				if h.Method != updated || h.Params.URI != "docs://open" {
					t.Errorf("the client was sent %s", h.raw)
				}
			}
			k.say(1, toolsChanged, "")
			if h := next(t, events); h.Method != toolsChanged {
				t.Errorf("the client was sent %s", h.raw)
			} else if got := string(h.Params.Meta[subscription]); got != `"my \u0069d"` && got != `"my id"` {
				t.Errorf("tagged with %s", got)
			}
			if got := k.asked(); !strings.Contains(got, "docs://open") || strings.Count(got, "docs://") != strings.Count(got, "docs://open") {
				t.Errorf("the upstream was asked for %s", got)
			}
			if r := alice.Call("docs__echo", `{}`); !r.OK() {
				t.Errorf("G7: a call beside the listen: %s", r)
			}
		})
	}
}

// nonsense is what an upstream sends that nobody asked it for.
func (k *talker) nonsense() {
	for _, uri := range []string{"docs://closed", "docs://tenant-b/plan", "docs://new", "docs://none", "docs://open/", "DOCS://open"} {
		k.say(1, updated, fmt.Sprintf(`"uri":%q`, uri))
	}
	k.say(1, updated, `"uri":7`)
	k.say(1, "notifications/prompts/list_changed", "")
	k.say(1, "notifications/resources/list_changed", "")
	k.say(1, "notifications/message", `"level":"error","data":"canary"`)
	k.say(1, "notifications/progress", `"progressToken":1,"progress":1`)
	k.say(1, "notifications/elicitation/complete", `"elicitationId":"1"`)
	k.say(1, "notifications/frob", "")
	k.say(1, "notifications/initialized", "")
	k.mu.Lock()
	defer k.mu.Unlock()
	for s := range k.streams {
		s.say(1, `{"jsonrpc":"2.0","id":"ask","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}`)
	}
}

// MHB-17: each listen brings its own, also when one upstream session carries all
// of them.
func TestMHB17_EachItsOwn(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw, k := docs(t, stateless)
			alice, carol := gw.As("alice", "reader").Open(modern), gw.As("carol", "other").Open(modern)
			open := watch(t, gw, alice, "1", `{"resourceSubscriptions":["docs://open"]}`)
			none := watch(t, gw, alice, `"1"`, `{"resourceSubscriptions":["docs://tenant-b/plan"]}`)
			plan := watch(t, gw, carol, "1", `{"resourceSubscriptions":["docs://tenant-b/plan","docs://open"]}`)
			for events, want := range map[<-chan heard]string{open: "docs://open", plan: "docs://tenant-b/plan"} {
				if h := next(t, events); h.Method != acknowledged || string(h.Params.Notifications) != `{"resourceSubscriptions":["`+want+`"]}` {
					t.Fatalf("first came %s", h.raw)
				}
			}
			if h := next(t, none); h.Method != acknowledged || string(h.Params.Notifications) != `{}` {
				t.Fatalf("first came %s", h.raw)
			}
			k.listening(t, 2)
			for range 3 {
				k.say(1, updated, `"uri":"docs://tenant-b/plan"`)
				k.say(1, updated, `"uri":"docs://open"`)
			}
			for range 3 {
				for events, want := range map[<-chan heard]string{open: "docs://open", plan: "docs://tenant-b/plan"} {
					if h := next(t, events); h.Method != updated || h.Params.URI != want || string(h.Params.Meta[subscription]) != "1" {
						t.Errorf("the listen for %s was sent %s", want, h.raw)
					}
				}
			}
			select {
			case h := <-none:
				t.Errorf("a listen for nothing was sent %s", h.raw)
			default:
			}
		})
	}
}

// MHB-17: a filter that asks for too much, or is none, is refused, and nothing of
// it reaches the upstream.
func TestMHB17_FiltersThatAreRefused(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf(`"docs://%d"`, i))
	}
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw, k := docs(t, stateless)
			alice := gw.As("alice", "reader").Open(modern)
			list(t, alice, "resources/list", "") // what there is to be read has been read
			before := k.Posts()
			for _, tc := range []struct{ name, params string }{
				{"ten thousand", `"notifications":{"resourceSubscriptions":[` + strings.Join(many[:9_990], ",") + `]}`},
				{"one too many", `"notifications":{"resourceSubscriptions":[` + strings.Join(many[:257], ",") + `]}`},
				{"the same, too often", `"notifications":{"resourceSubscriptions":[` + strings.Repeat(`"docs://open",`, 256) + `"docs://open"]}`},
				{"none", ``},
				{"no object", `"notifications":true`},
				{"a flag that is none", `"notifications":{"toolsListChanged":"yes"}`},
				{"a URI that is none", `"notifications":{"resourceSubscriptions":[{"uri":"docs://open"}]}`},
			} {
				r := alice.Post(alice.Request("1", "subscriptions/listen", tc.params), "Mcp-Method", "subscriptions/listen")
				if r.Status != http.StatusBadRequest || r.Code != -32602 || r.Refusal != "params.invalid" {
					t.Errorf("%s: got %.300s", tc.name, r)
				}
				recorded := gw.Records(audit.Query{Exchange: r.Exchange, Kind: audit.KindOutcome})
				if len(recorded) != 1 || recorded[0].Code != "params.invalid" {
					t.Errorf("%s: A1: on record are %+v", tc.name, recorded)
				}
			}
			if n := k.Posts() - before; n != 0 || strings.Contains(k.asked(), "docs://") {
				t.Errorf("U0: %d requests reached the upstream, which was asked for %s", n, k.asked())
			}
		})
	}
}

// MHB-17: the stateful era's way to subscribe is judged like a read, over
// upstreams of either era.
func TestMHB17_StatefulSubscriptions(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateless upstream": true, "stateful upstream": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gw, k := docs(t, stateless)
			alice := gw.As("alice", "reader").Open("2025-11-25")
			events := watch(t, gw, alice, "", "")
			k.listening(t, 1)
			for uri, code := range map[string]string{
				"docs://closed": "policy.denied", "docs://tenant-b/plan": "policy.denied", "docs://new": "resource.held", "docs://none": "resource.unknown",
			} {
				if r := alice.Post(alice.Request("1", "resources/subscribe", `"uri":"`+uri+`"`)); r.OK() || r.Refusal != code {
					t.Errorf("%s: got %s, want %s", uri, r, code)
				}
			}
			if r := alice.Post(alice.Request("1", "resources/subscribe", `"uri":"docs://open"`)); !r.OK() {
				t.Fatalf("subscribing: %s", r)
			}
			if got := k.asked(); !strings.Contains(got, "docs://open") || strings.Count(got, "docs://") != strings.Count(got, "docs://open") {
				t.Errorf("the upstream was asked for %s", got)
			}
			k.say(1, updated, `"uri":"docs://open"`)
			if h := next(t, events); h.Method != updated || h.Params.URI != "docs://open" {
				t.Errorf("the client was sent %s", h.raw)
			}
		})
	}
}
