package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// coming is a stateless upstream that is away until it comes, and then tells those who listen that its tools
// have changed whenever the test says so.
type coming struct {
	*way
	there   atomic.Bool
	changes chan struct{}
	greeted func()                                                      // nil, or told of each server/discover
	listens atomic.Pointer[func(*http.Request) (*http.Response, error)] // nil: it does; else what it says to that
	asked   atomic.Int64                                                // how often it was asked to
}

func (c *coming) answers(f func(*http.Request) (*http.Response, error)) { c.listens.Store(&f) }

func (c *coming) RoundTrip(r *http.Request) (*http.Response, error) {
	if !c.there.Load() {
		return refuses(r)
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	_, id, _ := strings.Cut(string(raw), `"id":`)
	id, _, _ = strings.Cut(id, ",")
	switch r.Header.Get("Mcp-Method") {
	case "server/discover":
		if c.greeted != nil {
			c.greeted()
		}
		return says(http.StatusOK, `{"jsonrpc":"2.0","id":$ID,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}}}}`)(r)
	case "subscriptions/listen":
		c.asked.Add(1)
		if f := c.listens.Load(); f != nil {
			return (*f)(r)
		}
	default:
		return c.way.RoundTrip(r)
	}
	body, out := io.Pipe()
	go func() {
		defer func() { _ = out.Close() }() // a pipe's cannot fail
		event := func(method, members string) {
			fmt.Fprintf(out, "data: {\"jsonrpc\":\"2.0\",\"method\":%q,\"params\":{%s\"_meta\":{%q:%s}}}\n\n", method, members, mcp.MetaSubscription, id)
		}
		event("notifications/subscriptions/acknowledged", `"notifications":{"toolsListChanged":true},`)
		for {
			select {
			case <-c.changes:
				event("notifications/tools/list_changed", "")
			case <-r.Context().Done():
				return
			}
		}
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}, nil
}

// listening is a listen under way, and what it has said.
type listening struct {
	mu    sync.Mutex
	heard []string
	ended chan error
}

func (l *listening) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.heard...)
}

func listenTo(ctx context.Context, t *testing.T, p *upstream.Pool) *listening {
	t.Helper()
	l := &listening{ended: make(chan error, 1)}
	ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},`+meta+`}}`)
	go func() {
		l.ended <- p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.heard = append(l.heard, string(m.Raw))
			return nil
		})
	}()
	return l
}

// An upstream that is away when a listen begins, for however long, is heard from when it has come: the listen
// is acknowledged meanwhile, the client is told that the list is another one then, and hears of each change.
func TestListenOfAnUpstreamThatComesLater(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{time.Second, time.Minute, time.Hour} {
		t.Run(away.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &coming{way: &way{}, changes: make(chan struct{})}
				p, _, _ := wayPool(t, c.way, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = c })
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				l := listenTo(ctx, t, p)
				time.Sleep(away)
				if got := l.said(); len(got) != 1 || !strings.Contains(got[0], `"notifications":{"toolsListChanged":true}`) {
					t.Fatalf("while it is away: %q", got)
				}
				c.there.Store(true)
				time.Sleep(5 * time.Minute)
				if got := l.said(); len(got) != 2 || !strings.Contains(got[1], "tools/list_changed") {
					t.Fatalf("when it has come: %q", got)
				}
				c.changes <- struct{}{}
				synctest.Wait()
				if got := l.said(); len(got) != 3 || !strings.Contains(got[2], "tools/list_changed") {
					t.Errorf("when it changes: %q", got)
				}
				leave()
				if err := <-l.ended; err != nil { // its client left
					t.Logf("it ended with %v", err)
				}
			})
		})
	}
}

// A listen that ends while its upstream is away leaves nothing behind that goes on trying.
func TestListenThatEndsBeforeItsUpstreamComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &coming{way: &way{}, changes: make(chan struct{})}
		p, _, _ := wayPool(t, c.way, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = c })
		ctx, leave := context.WithCancel(t.Context())
		l := listenTo(ctx, t, p)
		time.Sleep(10 * time.Second)
		leave()
		if err := <-l.ended; err != nil { // its client left
			t.Logf("it ended with %v", err)
		}
		c.there.Store(true)
		time.Sleep(10 * time.Minute)
		if len(l.said()) != 1 || c.asked.Load() != 0 {
			t.Errorf("it goes on: %q", l.said())
		}
	})
}
