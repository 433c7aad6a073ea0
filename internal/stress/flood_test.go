//go:build linux

package stress_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLOG20_AFloodOfDeniedCalls sends calls that policy denies, as fast as 16 clients can,
// at the most talkative level of the log: FLOOD_CALLS of them, or 800. Every one is on
// record and counted, and the log has grown by no more than its quota of each message.
func TestLOG20_AFloodOfDeniedCalls(t *testing.T) {
	const clients = 16
	calls := 800
	if text := os.Getenv("FLOOD_CALLS"); text != "" {
		var err error
		if calls, err = strconv.Atoi(text); err != nil || calls < clients {
			t.Fatalf("FLOOD_CALLS = %q", text)
		}
	}
	calls -= calls % clients
	web := newWeb(t, false)
	g := newGateway(t, fmt.Sprintf(`
upstreams: {web: {url: %q}}
profiles: {web: {upstreams: [web], names: plain}}
roles: {reader: {allow: [{tools: ["web/echo"]}]}}
telemetry: {log: {level: debug}}
`, web.url))
	g.start()
	trail := g.trail()
	before := len(g.stderr.tail(1 << 30))
	began := time.Now()
	var wg sync.WaitGroup
	for i, key := range g.keys(clients, "reader") {
		c := g.client(fmt.Sprintf("c%d", i), key, stateless, "web")
		wg.Go(func() {
			defer c.close()
			if err := c.open(); err != nil {
				t.Error(err)
				return
			}
			for n := range calls / clients {
				r, err := c.call(strconv.Itoa(n), "alpha", "x")
				if err != nil || r.refusal() != "policy.denied" {
					t.Errorf("%s: %+v, %v", c.name, r, err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if got := g.metric(`doorward_refusals_total{code="policy.denied"}`); got != float64(calls) {
		t.Errorf("%.0f of %d refusals are counted", got, calls)
	}
	list, _, err := trail.next()
	if err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for _, r := range list {
		if r.Kind == "outcome" && r.Code == "policy.denied" {
			recorded++
		}
	}
	if recorded != calls || web.has("x") {
		t.Errorf("%d of %d are on record; executed: %t", recorded, calls, web.has("x"))
	}
	log := g.stderr.tail(1 << 30)[before:]
	windows := 1 + int(took/(10*time.Second)) + 1
	if lines := strings.Count(log, "\n"); lines > 1000*windows {
		t.Errorf("the log grew by %d lines in %d windows of 10 s", lines, windows)
	}
	t.Logf("%d denied calls in %s, %.0f a second; the log grew by %d bytes", calls, took.Round(time.Millisecond), float64(calls)/took.Seconds(), len(log))
	g.stop()
	g.verify()
}
