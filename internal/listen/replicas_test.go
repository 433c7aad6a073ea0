package listen

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// agreed is a state in memory that gateways of a test share.
type agreed struct {
	mu     sync.Mutex
	down   error
	deaf   error         // what End fails with
	slow   time.Duration // how long Use takes
	asked  int
	known  map[string]time.Time // when they end
	holder map[string]string
}

func (c *agreed) as(name string) Replicas { return member{c, name} }

type member struct {
	*agreed
	name string
}

func (m member) Begin(_ context.Context, id string, keep time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down == nil {
		m.known[id] = time.Now().Add(keep)
	}
	return m.down
}

func (m member) Use(_ context.Context, id string, keep time.Duration, alone bool) (bool, error) {
	m.mu.Lock()
	slow := m.slow
	defer func() { time.Sleep(slow) }()
	defer m.mu.Unlock()
	m.asked++
	if m.down != nil || !time.Now().Before(m.known[id]) || m.holder[id] != "" && m.holder[id] != m.name {
		return false, m.down
	}
	if m.known[id] = time.Now().Add(keep); alone {
		m.holder[id] = m.name
	}
	return true, nil
}

func (m member) End(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down == nil && m.deaf == nil {
		delete(m.known, id)
	}
	return errors.Join(m.down, m.deaf)
}

func (c *agreed) deafen(deaf error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = deaf
}

func (c *agreed) hang(slow time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow = slow
}

func (c *agreed) set(down error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *agreed) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
}

var errAway = errors.New("away")

// two are gateways before one state.
type two struct {
	t    *testing.T
	both *agreed
	a, b *Server
}

func newTwo(t *testing.T) *two {
	t.Helper()
	w := &two{t: t, both: &agreed{known: map[string]time.Time{}, holder: map[string]string{}}}
	w.a, w.b = w.server("a", [32]byte{1}), w.server("b", [32]byte{1})
	return w
}

func (w *two) server(name string, key [32]byte) *Server {
	w.t.Helper()
	s, err := New(Config{
		Serve: func(context.Context, *gate.Exchange, gate.Client) {}, Settings: func() *Settings { return &Settings{} },
		SessionKey: key, Replicas: w.both.as(name), Moves: func(profile string) bool { return profile != "commands" },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *two) stop(all ...*Server) {
	w.t.Helper()
	for _, s := range append(all, w.a, w.b) {
		if err := s.Shutdown(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	}
}

func of(subject, profile string) *gate.Exchange {
	return &gate.Exchange{Principal: &gate.Principal{Realm: "r", Tenant: "acme", Subject: subject}, Inbound: gate.Inbound{Transport: transportHTTP, Profile: profile}}
}

const talks = `{"roots":{"listChanged":true},"elicitation":{}}`

func (w *two) begin(s *Server, profile, capabilities string) *gate.Session {
	w.t.Helper()
	gs, err := s.Begin(w.t.Context(), of("alice", profile), gate.Session{
		Profile: profile, Version: mcp.V20250326, Capabilities: []byte(capabilities), ClientInfo: []byte(`{"name":"test"}`),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	s.sessions.commit(gs)
	return gs
}

// find is the session of an id at a server, and the code of a refusal.
func (w *two) find(s *Server, ex *gate.Exchange, id string) (*gate.Session, gate.Code) {
	w.t.Helper()
	gs, err := s.Find(w.t.Context(), ex, id)
	if err != nil {
		return gs, gate.CodeOf(err)
	}
	return gs, gate.CodeUnset
}

// DUR-37, TEN-11: a session goes on at another gateway as it began, and for nobody else.
func TestDUR37_ASessionGoesOnElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		defer w.stop()
		began := w.begin(w.a, "", talks)
		for range 10 {
			for _, s := range []*Server{w.b, w.a} {
				gs, code := w.find(s, of("alice", ""), began.ID)
				if gs == nil || code != gate.CodeUnset {
					t.Fatalf("it does not go on: %q", code)
				}
				if gs.ID != began.ID || gs.Owner != began.Owner || gs.Version != mcp.V20250326 ||
					!bytes.Equal(gs.Capabilities, began.Capabilities) || !bytes.Equal(gs.ClientInfo, began.ClientInfo) {
					t.Fatalf("it goes on as %+v", gs)
				}
				time.Sleep(time.Second)
			}
		}
		if w.both.asked > 20 {
			t.Errorf("replicas were asked %d times in 20 s", w.both.asked)
		}
		if err := w.a.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if gs, _ := w.find(w.b, of("alice", ""), began.ID); gs == nil {
			t.Error("a gateway that stops takes its sessions with it")
		}
	})
}

// Every way in which an id of another gateway must not be taken.
func TestTEN11_SessionsThatDoNotGoOn(t *testing.T) {
	end := func(w *two, gs *gate.Session) {
		if err := w.a.Forward(w.t.Context(), &gate.Exchange{Call: gate.Call{Session: gs, Route: gate.Route{Action: gate.Close}}}, nil); err != nil {
			w.t.Error(err)
		}
	}
	for _, tc := range []struct {
		name, profile, capabilities string
		who                         *gate.Exchange
		first                       func(w *two, gs *gate.Session)
		want                        gate.Code
	}{
		{name: "another principal", who: of("bob", "")},
		{name: "another tenant", who: &gate.Exchange{Principal: &gate.Principal{Realm: "r", Tenant: "umbrella", Subject: "alice"}, Inbound: gate.Inbound{Transport: transportHTTP}}},
		{name: "another realm", who: &gate.Exchange{Principal: &gate.Principal{Realm: "q", Tenant: "acme", Subject: "alice"}, Inbound: gate.Inbound{Transport: transportHTTP}}},
		{name: "nobody", who: &gate.Exchange{Inbound: gate.Inbound{Transport: transportHTTP}}},
		{name: "another profile", who: of("alice", "review")},
		{name: "another transport", who: &gate.Exchange{Principal: of("alice", "").Principal, Inbound: gate.Inbound{Transport: "websocket"}}},
		{name: "a profile with commands", profile: "commands", who: of("alice", "commands")},
		{name: "more than an id has room for", capabilities: `{"x":"` + strings.Repeat("x", 700) + `"}`},
		{name: "DELETE", first: end},
		{name: "its credential was revoked", first: func(w *two, gs *gate.Session) { w.a.CloseThose(everySession); synctest.Wait() }},
		{name: "nobody used it", first: func(*two, *gate.Session) { time.Sleep(35 * time.Minute) }},
		{name: "it is old", first: func(w *two, gs *gate.Session) {
			for range 100 {
				time.Sleep(15 * time.Minute)
				w.find(w.a, of("alice", ""), gs.ID)
			}
		}},
		{name: "it is kept", first: func(w *two, gs *gate.Session) {
			if err := w.a.Keep(w.t.Context(), gs); err != nil {
				w.t.Error(err)
			}
		}},
		{name: "the memory was lost", first: func(w *two, _ *gate.Session) { w.both.forget() }},
		{name: "the memory is away", first: func(w *two, _ *gate.Session) { w.both.set(errAway) }, want: gate.CodeSessionDown},
		{name: "it ended while the memory was away", first: func(w *two, gs *gate.Session) {
			w.both.set(errAway)
			w.a.CloseThose(everySession)
			time.Sleep(5 * time.Second)
			w.both.set(nil)
			time.Sleep(2 * tellAgain)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwo(t)
				defer w.stop()
				gs := w.begin(w.a, tc.profile, tc.capabilities+talks[len(talks)*min(len(tc.capabilities), 1):])
				if tc.first != nil {
					tc.first(w, gs)
				}
				who := tc.who
				if who == nil {
					who = of("alice", "")
				}
				if got, code := w.find(w.b, who, gs.ID); got != nil || code != tc.want {
					t.Errorf("it is taken: %+v, %q", got, code)
				}
				if len(w.b.sessions.byID) != 0 {
					t.Error("something of it is left")
				}
			})
		})
	}
}

func TestSessionsOfAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		other, none := w.server("c", [32]byte{2}), w.server("d", [32]byte{})
		defer w.stop(other, none)
		gs := w.begin(w.a, "", talks)
		for _, s := range []*Server{other, none} {
			if got, code := w.find(s, of("alice", ""), gs.ID); got != nil || code != gate.CodeUnset {
				t.Errorf("it is taken: %+v, %q", got, code)
			}
		}
	})
}

// What ended at one gateway ends at another that serves it too, within five seconds of use.
func TestSessionsThatEndElsewhere(t *testing.T) {
	for _, how := range []string{"DELETE", "kept"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwo(t)
				defer w.stop()
				gs := w.begin(w.a, "", talks)
				there, _ := w.find(w.b, of("alice", ""), gs.ID)
				if there == nil {
					t.Fatal("it does not go on")
				}
				var err error
				if how == "kept" {
					err = w.b.Keep(t.Context(), there)
				} else {
					err = w.b.finish(t.Context(), there)
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(askAgain)
				if got, code := w.find(w.a, of("alice", ""), gs.ID); got != nil || code != gate.CodeUnset {
					t.Errorf("it goes on: %q", code)
				}
				if got, _ := w.find(w.b, of("alice", ""), gs.ID); (got != nil) != (how == "kept") {
					t.Errorf("where that was done: %+v", got)
				}
			})
		})
	}
}

// DUR-23: without an answer of the state nothing is done, from the moment that it must be asked.
func TestDUR23_SessionsWithoutTheirState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		defer w.stop()
		gs := w.begin(w.a, "", talks)
		w.both.set(errAway)
		if _, err := w.a.Begin(t.Context(), of("alice", ""), gate.Session{Version: mcp.V20250326}); gate.CodeOf(err) != gate.CodeSessionDown {
			t.Errorf("a session begins: %v", err)
		}
		if len(w.a.sessions.byID) != 1 {
			t.Error("something is left of a session that did not begin")
		}
		if err := w.a.Keep(t.Context(), gs); gate.CodeOf(err) != gate.CodeSessionDown {
			t.Errorf("it is kept: %v", err)
		}
		time.Sleep(askAgain)
		for range 2 {
			if got, code := w.find(w.a, of("alice", ""), gs.ID); got != nil || code != gate.CodeSessionDown {
				t.Errorf("it goes on: %q", code)
			}
		}
		if err := w.a.finish(t.Context(), gs); gate.CodeOf(err) != gate.CodeSessionDown {
			t.Errorf("its end is told: %v", err)
		}
		w.both.set(nil)
		time.Sleep(2 * tellAgain)
		if got, code := w.find(w.b, of("alice", ""), gs.ID); got != nil || code != gate.CodeUnset {
			t.Errorf("it has not ended elsewhere: %q", code)
		}
	})
}

// A stream keeps a session known without requests, and ends with it.
func TestStreamsKeepSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		defer w.stop()
		gs := w.begin(w.a, "", talks)
		se := w.a.sessions.get(gs.ID)
		se.streaming(+1)
		time.Sleep(2 * time.Hour)
		there, _ := w.find(w.b, of("alice", ""), gs.ID)
		if there == nil {
			t.Fatal("the session of an open stream is forgotten")
		}
		if err := w.b.finish(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		select {
		case <-se.ended:
		default:
			t.Error("the stream goes on")
		}
	})
}
