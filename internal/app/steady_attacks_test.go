package app_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"doorward/internal/gatetest"
)

// RES-07 with a tenth of the flood: a list that changes a thousand times a second
// is read no more often, by each session that asks for it, than one that changes
// ten thousand times.
func TestRES07_SteadyChanges(t *testing.T) {
	const clients, seconds = 4, 2
	for _, p := range pairs() {
		t.Run(p.String(), func(t *testing.T) {
			k := talking(t, p.stateless, gatetest.Script{Tools: rawTools("echo")})
			gw := gatetest.Gateway(t, `upstreams: {up: {url: "`+k.URL()+`"}}`, nil)
			gw.Approve("")
			var all []*gatetest.Client
			for i := range clients {
				c := gw.As(fmt.Sprint("client", i)).Open(p.version)
				toolNames(t, c)
				watchTools(t, gw, c, k)
				all = append(all, c)
			}
			k.listening(t, clients)
			k.mu.Lock()
			k.reads = nil
			k.mu.Unlock()
			over := make(chan struct{})
			var listing sync.WaitGroup
			for _, c := range all {
				listing.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
						}
						if r := c.Post(c.Request("1", "tools/list", "")); !r.OK() {
							t.Errorf("listing: %s", r)
						}
					}
				})
			}
			tick := time.NewTicker(floodEvery)
			defer tick.Stop()
			start := time.Now()
			for time.Since(start) < seconds*time.Second {
				k.say(floodBurst/10, toolsChanged, "")
				<-tick.C
			}
			k.mu.Lock()
			reads := len(k.reads)
			k.mu.Unlock()
			took := time.Since(start) // until they were counted
			close(over)
			listing.Wait()
			if most := clients * (4 + int(took/time.Second)); reads > most { // a few at once, and then one a second, for each session
				t.Errorf("the upstream was read %d times in %s, want at most %d", reads, took, most)
			}
		})
	}
}
