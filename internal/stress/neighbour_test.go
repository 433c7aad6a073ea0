//go:build linux

package stress_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestNeighbour fills one upstream with calls that hang, up to all its places
// and its queue, and measures the calls of the other.
func TestNeighbour(t *testing.T) {
	stuck, lively := newWeb(t, false), newWeb(t, false)
	g := newGateway(t, fmt.Sprintf(`
upstreams:
  stuck: {url: %q, limits: {concurrency: 16, timeout: 60s}}
  lively: {url: %q}
`, stuck.url, lively.url))
	g.start()
	keys := g.keys(4)
	alone := pace(t, g, keys[0])

	var hanging sync.WaitGroup
	var all []*client
	for i := range 64 {
		c := g.client(fmt.Sprintf("hung%d", i), keys[1+i%3], stateful, "")
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		hanging.Go(func() { _, _ = c.call("1", "stuck__hang", c.name+"/0") }) // ends with its connection
	}
	within(t, patience, "every place of the hanging upstream is taken", func() bool { return stuck.calls.Load() == 16 })
	beside := pace(t, g, keys[0])
	t.Logf("p99 of the other upstream's calls: %s alone, %s beside 16 calls that hang and 48 that wait", alone, beside)
	// What a busy machine takes is in it, and it is far from the 60 s of the neighbour.
	if bound := 20 * time.Second; beside > bound {
		t.Errorf("calls beside a hanging upstream take %s, want less than %s", beside, bound)
	}
	for _, c := range all {
		c.close()
	}
	hanging.Wait()
}

// pace is the 99th percentile of 1,000 calls, eight at a time.
func pace(t *testing.T, g *gateway, key string) time.Duration {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for i := range 8 {
		c := g.client(fmt.Sprintf("quick%d", i), key, stateful, "")
		wg.Go(func() {
			defer c.close()
			if err := c.open(); err != nil {
				t.Error(err)
				return
			}
			for n := range 125 {
				began := time.Now()
				canary := fmt.Sprintf("%s/%d", c.name, n)
				if r, err := c.call("1", "lively__echo", canary); err != nil || r.text() != canary {
					t.Errorf("%s: %v %+v", canary, err, r)
					return
				}
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
