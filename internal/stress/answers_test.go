//go:build linux

package stress_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestRES13_OwnAnswersOnly is promise 6 of the first part: many clients that all use
// the same id, answers in any order, and everybody gets their own. Nobody is turned away: where
// the machine is slow for seconds, as many may wait as there are clients.
func TestRES13_OwnAnswersOnly(t *testing.T) {
	web := newWeb(t, true)
	g := newGateway(t, fmt.Sprintf(`
upstreams:
  web: {url: %q, limits: {concurrency: 256, queue: 256, timeout: 60s}}
  child: {command: %s, sandbox: {lifetime: shared}, limits: {concurrency: 256, queue: 256, timeout: 60s}}
profiles:
  web: {upstreams: [web], names: plain}
  child: {upstreams: [child], names: plain}
`, web.url, stdioCommand(t, "", "")))
	g.start()
	keys := g.keys(20)
	calls := times(t, "CRASH_CALLS", 20) // of each of the 200 clients
	for _, part := range []struct {
		profile string
		calls   int
	}{
		{"web", calls * 7 / 10},
		{"child", calls * 3 / 10},
	} {
		began := time.Now()
		crowd{profile: part.profile, clients: 200, calls: part.calls, keys: keys}.run(t, g)
		n := 200 * part.calls
		t.Logf("%s: %d calls in %s, %.0f a second", part.profile, n, time.Since(began).Round(time.Millisecond), float64(n)/time.Since(began).Seconds())
	}
	if want := int64(200 * (calls * 7 / 10)); web.calls.Load() != want {
		t.Errorf("the upstream executed %d calls, want %d", web.calls.Load(), want)
	}
	if len(web.shared) > 0 {
		t.Errorf("%d upstream sessions carried the calls of several clients, such as %s", len(web.shared), web.shared[0])
	}
	g.stop()
	g.verify()
}

// crowd are clients that call at the same time, one call at a time each.
type crowd struct {
	profile string
	clients int
	calls   int // of each
	keys    []string
}

func (c crowd) run(t *testing.T, g *gateway) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range c.clients {
		version := stateful
		if i%4 == 3 {
			version = stateless
		}
		cl := g.client(fmt.Sprintf("%s-%d", c.profile, i), c.keys[i%len(c.keys)], version, c.profile)
		wg.Go(func() {
			defer cl.close()
			if err := cl.open(); err != nil {
				t.Errorf("%s: %v", cl.name, err)
				return
			}
			for n := range c.calls {
				// Every client, in every call, uses the same id.
				if _, err := cl.echo("1", fmt.Sprintf("%s/%d", cl.name, n)); err != nil {
					t.Errorf("%s, call %d: %v", cl.name, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
