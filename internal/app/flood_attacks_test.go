package app_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

const toolsChanged = "notifications/tools/list_changed"

// The flood of RES-07: 10,000 changes a second, for floodFor.
const (
	floodFor   = 3 * time.Second
	floodEvery = 5 * time.Millisecond
	floodBurst = 50
)

// flood says that the tools changed, and returns how often.
func flood(k *talker) (n int) {
	start := time.Now()
	tick := time.NewTicker(floodEvery)
	defer tick.Stop()
	for time.Since(start) < floodFor {
		k.say(floodBurst, toolsChanged, "")
		n += floodBurst
		<-tick.C
	}
	return n
}

// RES-07: an upstream whose list changes without end is read at most once a
// second, its clients hear of it at most once a second and always of the last
// change, and the calls to its neighbour take no longer.
func TestRES07_FloodOfChanges(t *testing.T) {
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			k := talking(t, p.stateless, gatetest.Script{Tools: rawTools("echo", "gone")})
			calm := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
			gw := gatetest.Gateway(t, `upstreams: {loud: {url: "`+k.URL()+`"}, calm: {url: "${calm}"}}
limits: {per_address: off, per_principal: off}`, map[string]*gatetest.UP{"calm": calm})
			gw.Approve("")
			alice, bob := gw.As("alice").Open(p.version), gw.As("bob").Open(p.version)
			for _, c := range []*gatetest.Client{alice, bob} {
				if got := toolNames(t, c); !slices.Equal(got, []string{"calm__echo", "loud__echo", "loud__gone"}) {
					t.Fatalf("%s is shown %v", c.Name, got)
				}
			}
			events := watchTools(t, gw, alice, k)
			alone := pace(t, bob, nil)
			k.mu.Lock()
			k.reads = nil
			k.mu.Unlock()

			over := make(chan struct{})
			var during sync.WaitGroup
			during.Go(func() { // what a client does that hears of a change
				for lists := 0; ; lists++ {
					select {
					case <-over:
						t.Logf("%d lists during the flood", lists)
						return
					default:
					}
					if r := alice.Post(alice.Request("1", "tools/list", "")); !r.OK() {
						t.Errorf("listing: %s", r)
					}
				}
			})
			var beside time.Duration
			during.Go(func() { beside = pace(t, bob, over) })
			began := time.Now()
			n := flood(k)
			told := len(events)
			k.mu.Lock()
			reads := len(k.reads)
			k.mu.Unlock()
			took := time.Since(began) // until they were counted
			close(over)
			during.Wait()
			t.Logf("%d changes in %s: %d reads, %d events; p99 of the neighbour %s, was %s", n, took, reads, told, beside, alone)
			most := 1 + int(took/time.Second) // one at its beginning, and one in each second
			if n < 100*most {
				t.Errorf("%d changes are no flood", n)
			}
			if told > most {
				t.Errorf("the client heard of it %d times, want at most %d", told, most)
			} else if reads > most+1 { // the one before is not paced
				t.Errorf("the upstream was read %d times, want at most %d", reads, most+1)
			}
			if most := max(500*time.Millisecond, 20*alone); beside > most {
				t.Errorf("calls to the neighbour take %s, want at most %s", beside, most)
			}
			eventually(t, "the client heard of the flood", func() bool { return len(events) > 0 })

			k.Set(gatetest.Script{Tools: rawTools("echo")})
			k.say(1, toolsChanged, "")
			until(t, alice, events, []string{"calm__echo", "loud__echo"})
		})
	}
}

// until lists each time that the client hears of a change, and no more often,
// until the list is what it should be.
func until(t *testing.T, c *gatetest.Client, events <-chan heard, want []string) {
	t.Helper()
	for {
		if h := next(t, events); h.Method != toolsChanged {
			t.Fatalf("the client was sent %s", h.raw)
		}
		if slices.Equal(toolNames(t, c), want) {
			return
		}
	}
}

// pace is the 99th percentile of 100 calls to the neighbour, or of those that are
// made until over.
func pace(t *testing.T, c *gatetest.Client, over <-chan struct{}) time.Duration {
	watch := gatetest.Start(t)
	defer watch.Stop()
	var took []time.Duration
	for over != nil || len(took) < 100 {
		select {
		case <-over:
			over = nil
		default:
		}
		start := watch.Read()
		if r := c.Call("calm__echo", `{}`); !r.OK() {
			t.Errorf("calling the neighbour: %s", r)
			return limit
		}
		took = append(took, watch.Read()-start)
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// shaped is a tool whose result must have a member of a type.
func shaped(name, member, kind string) json.RawMessage {
	return fmt.Appendf(nil, `{"name":%q,"inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{%q:{"type":%q}},"required":[%q]}}`, name, member, kind, member)
}

// RES-08: a call that is under way when its tool changes ends as what was
// approved when it began; the next one is refused.
func TestRES08_ChangedDuringACall(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string // of the call under way
		code   string
	}{
		"an answer of the old kind": {`{"content":[{"type":"text","text":"old"}],"structuredContent":{"old":"x"}}`, ""},
		"an answer of the new kind": {`{"content":[{"type":"text","text":"new"}],"structuredContent":{"new":1}}`, "result.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inPairs(t, func(t *testing.T, p pair) {
				answers := map[string]json.RawMessage{"slow": json.RawMessage(tc.answer)}
				k := talking(t, p.stateless, gatetest.Script{Tools: []json.RawMessage{shaped("slow", "old", "string"), loose("echo")}, Answers: answers})
				gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+k.URL()+`"}}`, nil)
				gw.Approve("")
				alice, bob := gw.As("alice").Open(p.version), gw.As("bob").Open(p.version)
				for _, c := range []*gatetest.Client{alice, bob} {
					if r := c.Call("up__echo", `{}`); !r.OK() {
						t.Fatalf("an ordinary call: %s", r)
					}
				}
				events := watchTools(t, gw, alice, k)
				started, release := k.Hold("slow")
				running := make(chan *gatetest.Reply, 1)
				go func() { running <- alice.Call("up__slow", `{}`) }()
				<-started
				k.Set(gatetest.Script{Tools: []json.RawMessage{shaped("slow", "new", "integer"), loose("echo")}, Answers: answers})
				k.say(1, toolsChanged, "")
				if h := next(t, events); h.Method != toolsChanged {
					t.Fatalf("the client was sent %s", h.raw)
				}
				for range 2 {
					if r := alice.Call("up__slow", `{}`); r.OK() || r.Refusal != "tool.changed" {
						t.Errorf("a call after the change: %s", r)
					}
				}
				// What one client's look has found holds for all.
				if r := bob.Call("up__slow", `{}`); r.OK() || r.Refusal != "tool.changed" {
					t.Errorf("another principal's call after the change: %s", r)
				}
				release()
				if r := <-running; r.OK() != (tc.code == "") || r.Refusal != tc.code {
					t.Errorf("the call under way: %s, want %q", r, tc.code)
				}
				if n := k.Count("tools/call"); n != 3 { // two of echo
					t.Errorf("the upstream was called %d times, want 3", n)
				}
				if r := alice.Call("up__echo", `{}`); !r.OK() {
					t.Errorf("a tool that did not change: %s", r)
				}
			})
		})
	}
}
