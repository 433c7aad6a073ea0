package upstream_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// ears are a client of an era that is subscribed to the resource a:b of a changing upstream.
type ears struct {
	p       *upstream.Pool
	session *gate.Session

	mu    sync.Mutex
	heard []string // the methods of what it was told, and the URIs
}

func (e *ears) hear(m *gate.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at, ok := m.Field("uri"); ok {
		e.heard = append(e.heard, string(m.Bytes(at)))
	} else if m.Method == "notifications/tools/list_changed" {
		e.heard = append(e.heard, m.Method)
	}
}

// since is what was heard since it was asked last.
func (e *ears) since() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.heard
	e.heard = nil
	return all
}

// subscribe subscribes a session to a resource.
func (e *ears) subscribe(t *testing.T, uri string) {
	t.Helper()
	if _, err := forward(t, e.p, exchange(t, e.session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":%q}}`, uri))); err != nil {
		t.Fatal(err)
	}
}

func subscribed(t *testing.T, c *changing, client gate.Era) *ears {
	t.Helper()
	e := &ears{}
	e.p, _, _ = wayPool(t, &way{}, func(cfg *upstream.Config) {
		cfg.Upstreams[0].Wire = c
		cfg.MayRead = func(*gate.Exchange, string, string) bool { return true }
		cfg.Unsolicited = func(_ *gate.Session, _ string, m *gate.Message) { e.hear(m) }
	})
	if client == gate.Stateful {
		e.session = newSession("a")
		if _, err := forward(t, e.p, exchange(t, e.session, "up", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)); err != nil {
			t.Fatal(err)
		}
		e.subscribe(t, "a:b")
	} else {
		ctx, leave := context.WithCancel(t.Context())
		over := make(chan struct{})
		listen := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]},`+meta+`}}`)
		go func() {
			defer close(over)
			_ = e.p.Forward(ctx, listen, func(_ context.Context, m *gate.Message) error { e.hear(m); return nil })
		}()
		t.Cleanup(func() { leave(); <-over })
	}
	time.Sleep(time.Second)
	if _, _, err := e.p.Items(t.Context(), exchange(t, e.session, "up", call("first", `{}`)), "up", gate.Tool); client == gate.Stateful && err != nil {
		t.Fatal(err)
	}
	return e
}

// Whoever is subscribed to a resource hears once, after a stream has ended on which its upstream says what changes, that
// it may have changed: nobody can tell. Streams that end again and again do not have clients told each time.
func TestResourceUpdatedWhileAStreamWasDown(t *testing.T) {
	t.Parallel()
	everyPair(t, func(t *testing.T, client, up gate.Era) {
		c := newChanging(up)
		e := subscribed(t, c, client)
		if got := e.since(); len(got) != 0 {
			t.Errorf("before anything has ended the client hears %q", got)
		}
		c.cut(false)
		time.Sleep(2 * time.Minute)
		if got := e.since(); !slices.Equal(got, []string{`"a:b"`}) {
			t.Errorf("after a stream has ended the client hears %q", got)
		}
		const minutes = 3
		for range minutes * 60 / 5 {
			c.cut(false)
			time.Sleep(5 * time.Second)
		}
		if n := len(e.since()); n == 0 || n > 4*(minutes+1) {
			t.Errorf("in %d minutes of streams that end the client hears %d times of its resource", minutes, n)
		}
	})
}

// An upstream that has lost its session has the session's client subscribed again when that is begun anew, and told of
// its resources, whether the upstream takes that or not.
func TestResourceUpdatedWithTheSession(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		takes string
		asked []string // in the second session
	}{
		{"", []string{"session-2 a:b", "session-2 a:c"}},
		{"none", []string{"session-2 a:b", "session-2 a:c"}},
		{"late", []string{"session-2 a:b"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newChanging(gate.Stateful)
			e := subscribed(t, c, gate.Stateful)
			e.subscribe(t, "a:c")
			c.cut(true)
			c.mu.Lock()
			c.takes, c.watched = tc.takes, nil
			c.mu.Unlock()
			time.Sleep(time.Minute)
			if _, err := forward(t, e.p, exchange(t, e.session, "up", call("first", `{}`))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if got := e.since(); !slices.Contains(got, `"a:b"`) || !slices.Contains(got, `"a:c"`) || len(got) > 4 {
				t.Errorf("%q: in %d sessions the client hears %q", tc.takes, c.sessions, got)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if !slices.Equal(c.watched, tc.asked) {
				t.Errorf("%q: after the session was lost the upstream is asked for %q", tc.takes, c.watched)
			}
		})
	}
}

// A listen in whose place another comes, as its client subscribes to more, has not broken: the upstream agrees to the new
// one before the old one ends, so that nothing is missed, no list is read and nobody is told.
func TestAListenThatIsRenewedHasNotBroken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(gate.Stateless)
		e := subscribed(t, c, gate.Stateful)
		opened := func() int {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.opened
		}
		before, streams := c.listed(), opened()
		e.subscribe(t, "a:c")
		c.mu.Lock()
		c.tool = "second"
		c.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if got := e.since(); c.listed() != before || len(got) != 0 {
			t.Errorf("a listen was renewed: the list was read %d times, and the client hears %q", c.listed()-before, got)
		}
		if n := opened() - streams; n != 1 {
			t.Errorf("%d listens were begun, want 1", n)
		}
		c.cut(false)
		time.Sleep(2 * time.Minute)
		got := e.since()
		slices.Sort(got)
		if !slices.Equal(got, []string{`"a:b"`, `"a:c"`, "notifications/tools/list_changed"}) {
			t.Errorf("after a break the client hears %q", got)
		}
	})
}

// A listen ends when nothing is wanted of it any more, also where more was wanted just before.
func TestAListenEndsWithWhatIsWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newChanging(gate.Stateless)
		p, _, _ := wayPool(t, &way{}, func(cfg *upstream.Config) { cfg.Upstreams[0].Wire = c })
		open := func() int {
			synctest.Wait()
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.streams)
		}
		var mu sync.Mutex
		next := [][]string{{"a:b"}} // what is wanted each time that somebody asks; the last for good
		run, wake := upstream.Listen(p, func() []string {
			mu.Lock()
			defer mu.Unlock()
			now := next[0]
			if len(next) > 1 {
				next = next[1:]
			}
			return now
		})
		ctx, leave := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); run(ctx) }()
		if n := open(); n != 1 {
			t.Errorf("%d listens are open for what is wanted", n)
		}
		mu.Lock()
		next = [][]string{{"a:b", "a:c"}, nil}
		mu.Unlock()
		wake()
		if n := open(); n != 0 {
			t.Errorf("%d listens are open for nothing", n)
		}
		leave()
		<-over
	})
}
