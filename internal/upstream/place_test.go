package upstream_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// counter counts what happens in front of upstreams.
type counter struct {
	mu     sync.Mutex
	waited map[string]int
	shed   map[string]int
}

func newCounter() *counter { return &counter{waited: map[string]int{}, shed: map[string]int{}} }

// Waited implements upstream.QueueMeter.
func (c *counter) Waited(name string, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited[name]++
}

// Shed implements upstream.QueueMeter.
func (c *counter) Shed(name, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shed[name+" "+reason]++
}

// stuck is an upstream whose calls say that they have begun, and wait.
type stuck struct {
	began   chan struct{}
	release chan struct{}
	once    sync.Once
}

func newStuck(t *testing.T) *stuck {
	s := &stuck{began: make(chan struct{}, 100), release: make(chan struct{})}
	t.Cleanup(s.let)
	return s
}

func (s *stuck) let() { s.once.Do(func() { close(s.release) }) }

func (s *stuck) handler() http.Handler {
	sdk := sdkHandler(false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if strings.Contains(string(raw), `"tools/call"`) {
			s.began <- struct{}{}
			select {
			case <-s.release:
			case <-r.Context().Done():
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		sdk.ServeHTTP(w, r)
	})
}

// say is a call of the tool by somebody, ended by cancel.
func say(t *testing.T, p *upstream.Pool, who string) (ended chan error, cancel context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	session := newSession(who)
	session.ID += rand.Text() // its calls have the same id
	ex := exchange(t, session, "up", call("say", `{"text":"x"}`))
	go func() { ended <- p.Forward(ctx, ex, func(context.Context, *gate.Message) error { return nil }) }()
	return ended, cancel
}

// waiting returns once so many calls wait at the upstream.
func waiting(t *testing.T, p *upstream.Pool, n int) {
	t.Helper()
	eventually(t, 20*time.Second, fmt.Sprintf("%d calls to wait", n), func() bool { return p.Status()[0].Waiting == n })
}

// RES-18: what finds no place waits, in turn; what has no room to wait any more is refused, with
// the time to come back, and reaches nobody; a reload makes room and loses nobody.
func TestRES18_Places(t *testing.T) {
	t.Parallel()
	up, met := newStuck(t), newCounter()
	var set upstream.Settings
	p := httpPool(t, up.handler(), func(cfg *upstream.Config) {
		cfg.Queues = met
		cfg.Upstreams[0].Concurrency, cfg.Upstreams[0].Queue, cfg.Upstreams[0].Timeout = 1, 2, time.Minute
		set = cfg.Upstreams[0]
	})
	first, _ := say(t, p, "flood")
	<-up.began
	second, _ := say(t, p, "flood")
	waiting(t, p, 1)
	third, _ := say(t, p, "flood")
	waiting(t, p, 2)
	fourth, _ := say(t, p, "flood")
	if err := <-second; gate.CodeOf(err) != gate.CodeUpstreamQueue || err.(*gate.Error).Wait <= 0 { //nolint:errorlint,forcetypeassert // CodeOf says so
		t.Fatalf("the oldest without room: %v", err)
	}
	other, _ := say(t, p, "neighbour")
	if err := <-third; gate.CodeOf(err) != gate.CodeUpstreamQueue {
		t.Fatalf("the oldest of whoever has most: %v", err)
	}
	waiting(t, p, 2)

	left, leave := say(t, p, "neighbour") // it has as many as it may
	if err := <-left; gate.CodeOf(err) != gate.CodeUpstreamQueue {
		t.Fatalf("a second call of the neighbour: %v", err)
	}
	leave()
	set.Concurrency, set.Queue = 2, 8
	if _, err := p.Reconfigure([]upstream.Settings{set}); err != nil {
		t.Fatal(err)
	}
	<-up.began // the fourth call of the flood has one of the new places
	waiting(t, p, 1)
	gone, leave := say(t, p, "neighbour")
	waiting(t, p, 2)
	leave()
	if err := <-gone; gate.CodeOf(err) == gate.CodeUpstreamQueue || err == nil {
		t.Errorf("who has left: %v", err)
	}
	waiting(t, p, 1)
	up.let()
	for name, ended := range map[string]chan error{"the first": first, "the fourth": fourth, "the neighbour's": other} {
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	waiting(t, p, 0)
	met.mu.Lock()
	defer met.mu.Unlock()
	if got := fmt.Sprint(met.waited, met.shed); got != "map[up:2] map[up full:1 up share:2]" {
		t.Errorf("counted %s", got)
	}
}

// A call that waits for as long as it may last is refused as one that was not made; and a removed
// upstream refuses who waits.
func TestPlacesEnd(t *testing.T) {
	t.Parallel()
	up, met := newStuck(t), newCounter()
	p := httpPool(t, up.handler(), func(cfg *upstream.Config) {
		cfg.Queues = met
		cfg.Upstreams[0].Concurrency, cfg.Upstreams[0].Timeout = 1, 3*time.Second
	})
	first, _ := say(t, p, "a")
	<-up.began
	// It may get the place as the first call runs out of time, just before it does.
	second, _ := say(t, p, "b")
	if err := <-first; gate.CodeOf(err) != gate.CodeUpstreamTimeout {
		t.Errorf("the first call: %v", err)
	}
	if code := gate.CodeOf(<-second); code != gate.CodeUpstreamQueue && code != gate.CodeUpstreamTimeout {
		t.Errorf("the second call: %s", code)
	}

	still := newStuck(t)
	p = httpPool(t, still.handler(), func(cfg *upstream.Config) { cfg.Upstreams[0].Concurrency, cfg.Upstreams[0].Timeout = 1, time.Minute })
	_, _ = say(t, p, "a")
	<-still.began
	waits, _ := say(t, p, "b")
	waiting(t, p, 1)
	if _, err := p.Reconfigure(nil); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; gate.CodeOf(err) != gate.CodeUpstreamDown {
		t.Errorf("who waits for a removed upstream: %v", err)
	}
}
