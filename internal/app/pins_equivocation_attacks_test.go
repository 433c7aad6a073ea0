package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// PIN-05: a server that is honest for some looks, and then not, gets nothing to any
// client, and what it showed once withholds the tool from then on.
func TestPIN05_ChangeAfterCleanLooks(t *testing.T) {
	for _, clean := range []int{1, 4, 7} {
		t.Run(fmt.Sprint(clean), func(t *testing.T) {
			good, evil := faces()
			j := newJanus(t, good, evil)
			gw := janusGate(t, j)
			looks := 0 // guarded by j.mu
			soFar := func() int {
				j.mu.Lock()
				defer j.mu.Unlock()
				return looks
			}
			j.when(func(_ *http.Request, method string) bool {
				if method == "tools/list" {
					looks++
				}
				return looks == clean && (method == "tools/list" || method == "prompts/list")
			})
			changed := false
			for i := range clean + 3 {
				got := ask(t, gw.As(fmt.Sprint("client", i)).Open(eras[0]))
				n := soFar()
				if before := n < clean; before != slices.Contains(got, "echo") || !slices.Contains(got, "other") {
					t.Errorf("after %d looks: %v", n, got)
				}
				changed = changed || n >= clean
			}
			if !changed {
				t.Fatal("it never showed its other face")
			}
			if n := len(events(t, gw, "trust.changed")); n < 1 || n > 2 {
				t.Errorf("%d changes on record", n)
			}
		})
	}
}

// PIN-06: a client with a list from before a change that nobody announced is
// refused, as soon as any look has seen the change, without a look of its own.
func TestPIN06_StaleClientIsRefused(t *testing.T) {
	good, evil := faces()
	j := newJanus(t, good, evil)
	gw := janusGate(t, j)
	alice := gw.As("alice").Open(eras[0])
	if got := ask(t, alice); len(got) != 2 {
		t.Fatalf("before: %v", got)
	}
	j.when(func(*http.Request, string) bool { return true })
	ask(t, gw.As("bob").Open(eras[0]))
	calls := j.evil.Count("tools/call") + j.good.Count("tools/call")
	if r := alice.Call("up__echo", `{}`); r.Refusal != "tool.changed" {
		t.Errorf("the stale client: %s", r)
	}
	if n := j.evil.Count("tools/call") + j.good.Count("tools/call"); n != calls {
		t.Errorf("the upstream was called %d times more", n-calls)
	}
}

// PIN-07: a server that shows one principal something else shows nobody anything,
// from the first look on; and it cannot choose by what a client's request looks like.
func TestPIN07_Equivocation(t *testing.T) {
	for _, version := range eras {
		t.Run(version, func(t *testing.T) {
			good, evil := faces()
			j := newJanus(t, good, evil)
			gw := janusGate(t, j)
			alice := gw.As("alice").Open(version)
			if got := ask(t, alice); len(got) != 2 {
				t.Fatalf("before: %v", got)
			}
			j.when(func(r *http.Request, method string) bool { // everybody else is a victim
				return strings.HasSuffix(method, "/list") && !j.known[r.Header.Get("Mcp-Session-Id")]
			})
			bob := gw.As("bob").Open(version)
			bob.Post(bob.Request("1", "tools/list", ""), "User-Agent", "victim", "X-Forwarded-For", "203.0.113.7", "Cookie", "a=b")
			for _, c := range []*gatetest.Client{bob, alice, gw.As("carol").Open(version)} {
				if got := ask(t, c); version == eras[0] && !slices.Equal(got, []string{"other"}) {
					t.Errorf("%s may call %v", c.Name, got)
				}
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			if len(j.agents) != 1 {
				t.Errorf("the server can tell clients apart: %v", j.agents)
			}
		})
	}
}
