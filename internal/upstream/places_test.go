package upstream_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/upstream"
)

// narrow is an upstream that serves four calls at a time, until it fails them.
type narrow struct {
	*way
	slots chan struct{}
	fails atomic.Bool
	calls atomic.Int64 // that it failed
}

// takes is how long a call takes, well or badly.
const takes = 50 * time.Millisecond

func (n *narrow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Mcp-Method") != "tools/call" {
		return n.way.RoundTrip(r)
	}
	if n.fails.Load() {
		time.Sleep(takes)
		faults := [...]func(*http.Request) (*http.Response, error){
			says(http.StatusInternalServerError, ""), says(http.StatusOK, "{"), says(http.StatusUnauthorized, ""),
		}
		return faults[n.calls.Add(1)%int64(len(faults))](r)
	}
	n.slots <- struct{}{}
	defer func() { <-n.slots }()
	time.Sleep(takes)
	return n.way.RoundTrip(r)
}

// during has so many make calls for so long, one after the other, and tells how many places there are then.
func during(t *testing.T, p *upstream.Pool, callers int, d time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				_, _ = carry(t, p, echo(t))
			}
		})
	}
	all.Wait()
	return p.Status()[0].Places
}

// TestRES19_AnUpstreamThatFailsAtOnce has one that bears few calls fail them all, with a status, garbage and
// a refusal: it is given no more of them for that.
func TestRES19_AnUpstreamThatFailsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &narrow{way: &way{}, slots: make(chan struct{}, 4)}
		p, _, _ := wayPool(t, n.way, func(cfg *upstream.Config) {
			cfg.Upstreams[0].Wire, cfg.Upstreams[0].Concurrency, cfg.Upstreams[0].Queue = n, 16, 64
		})
		during(t, p, 2, time.Second)
		before := during(t, p, 20, 6*time.Second)
		n.fails.Store(true)
		if got := during(t, p, 20, 3*time.Second); before > 12 || got != before || n.calls.Load() < 100 {
			t.Errorf("%d of 16 places, and %d when it fails; %d failed", before, got, n.calls.Load())
		}
	})
}
