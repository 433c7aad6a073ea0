package upstream_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// ends is a listen whose stream ends before anything was said.
func ends(r *http.Request) (*http.Response, error) {
	return says(http.StatusOK, "", "Content-Type", "text/event-stream")(r)
}

// hears tells whether the client hears of a change at the upstream.
func hears(c *coming, l *listening) bool {
	before := len(l.said())
	select {
	case c.changes <- struct{}{}:
	case <-time.After(time.Minute): // nobody listens there
		return false
	}
	time.Sleep(2 * time.Second)
	got := l.said()
	return len(got) == before+1 && strings.Contains(got[before], "tools/list_changed")
}

// What a listen ends with before it is acknowledged may pass: it is tried again, whether the upstream was
// there when the client's began or came later. One that says that it cannot listen is left alone.
func TestListenIsTriedAgain(t *testing.T) {
	t.Parallel()
	failure := func(code int) func(*http.Request) (*http.Response, error) {
		return says(http.StatusOK, fmt.Sprintf(`{"jsonrpc":"2.0","id":$ID,"error":{"code":%d,"message":"no"}}`, code))
	}
	for name, tc := range map[string]struct {
		says   func(*http.Request) (*http.Response, error)
		passes bool
	}{
		"429":            {says(http.StatusTooManyRequests, ""), true},
		"500":            {says(http.StatusInternalServerError, ""), true},
		"503":            {says(http.StatusServiceUnavailable, "", "Retry-After", "100"), true},
		"403":            {says(http.StatusForbidden, ""), true},
		"an end":         {ends, true},
		"a result":       {says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete"}}`), true},
		"internal error": {failure(-32603), true},
		"no such method": {failure(-32601), false},
		"405":            {says(http.StatusMethodNotAllowed, ""), false},
	} {
		for _, there := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", name, there), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c := &coming{way: &way{}, changes: make(chan struct{})}
					c.answers(tc.says)
					c.there.Store(there)
					p, _, events := wayPool(t, c.way, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = c })
					l := listenTo(t.Context(), t, p)
					time.Sleep(10 * time.Second)
					c.there.Store(true)
					time.Sleep(time.Hour)
					got := l.said()
					if acknowledged := strings.Contains(got[0], "toolsListChanged"); acknowledged != (tc.passes || !there) {
						t.Errorf("acknowledged is %s", got[0])
					}
					if len(got) > 2 {
						t.Errorf("in an hour the client hears %d times of changes", len(got)-1)
					}
					if n := len(events("upstream.listen")); tc.passes != (n > 5) || n > 30 {
						t.Errorf("in an hour it is asked %d times", n)
					}
					c.listens.Store(nil)
					time.Sleep(10 * time.Minute)
					if got := hears(c, l); got != tc.passes {
						t.Errorf("the client hears of a change: %v", got)
					}
				})
			})
		}
	}
}

// A listen goes on at what stands in an upstream's place after a reload.
func TestListenOfAReplacedUpstream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &coming{way: &way{}, changes: make(chan struct{})}
		c.there.Store(true)
		var set upstream.Settings
		p, _, _ := wayPool(t, c.way, func(cfg *upstream.Config) {
			cfg.Upstreams[0].Wire = c
			set = cfg.Upstreams[0]
		})
		l := listenTo(t.Context(), t, p)
		time.Sleep(time.Second)
		for range 2 {
			set.Timeout += time.Second
			if _, err := p.Reconfigure([]upstream.Settings{set}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if !hears(c, l) {
				t.Errorf("after a reload, of a change: %q", l.said())
			}
		}
	})
}

// A client that does not read for a while when an upstream comes hears from it later.
func TestListenOfAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &coming{way: &way{}, changes: make(chan struct{})}
		p, _, _ := wayPool(t, c.way, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = c })
		ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
		reads, heard := make(chan struct{}), atomic.Int64{}
		go func() {
			_ = p.Forward(t.Context(), ex, func(ctx context.Context, m *gate.Message) error {
				if heard.Add(1) == 2 {
					select {
					case <-reads:
					case <-ctx.Done():
					}
				}
				return nil
			})
		}()
		time.Sleep(10 * time.Second)
		for range 2 * 256 { // more than the queue has room for
			p.Announce("up", gate.Tool)
			synctest.Wait()
		}
		c.there.Store(true)
		time.Sleep(5 * time.Minute)
		if c.asked.Load() != 0 {
			t.Error("the upstream is listened to for a client that does not read")
		}
		close(reads)
		time.Sleep(5 * time.Minute)
		before := heard.Load()
		select {
		case c.changes <- struct{}{}:
		case <-time.After(time.Minute):
			t.Fatal("nobody listens to the upstream")
		}
		time.Sleep(2 * time.Second)
		if heard.Load() != before+1 {
			t.Errorf("%d messages, %d before the change", heard.Load(), before)
		}
	})
}

// An upstream that comes later is opened for nobody from whom it was taken meanwhile, or whose credential is
// good no more; nor listened to where that came while it was opened.
func TestListenOfAnUpstreamThatWasTaken(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"upstream", "credential"} {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", what, within), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var taken atomic.Bool
					var greeted atomic.Int64
					c := &coming{way: &way{}, changes: make(chan struct{})}
					c.greeted = func() { greeted.Add(1); taken.Store(true) }
					p, _, _ := wayPool(t, c.way, func(cfg *upstream.Config) {
						cfg.Upstreams[0].Wire = c
						if what == "upstream" {
							cfg.Serves = func(*gate.Principal, string) bool { return !taken.Load() }
						} else {
							cfg.Live = func(*gate.Principal) bool { return !taken.Load() }
						}
					})
					l := listenTo(t.Context(), t, p)
					time.Sleep(6500 * time.Millisecond) // it is tried after 7 s, and the listen ended after 9 s
					if len(l.said()) != 1 {
						t.Fatalf("it says %q", l.said())
					}
					taken.Store(!within)
					c.there.Store(true)
					time.Sleep(time.Second)
					if want := map[bool]int64{true: 1}[within]; greeted.Load() != want || c.asked.Load() != 0 || len(l.said()) != 1 {
						t.Errorf("opened %d times, listened to %d times, the client hears %q", greeted.Load(), c.asked.Load(), l.said())
					}
					if err := <-l.ended; err != nil { // it may go on no longer
						t.Logf("it ended with %v", err)
					}
				})
			})
		}
	}
}
