package upstream_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// Bounds of what warm.go keeps.
const (
	warmEach = 2
	warmAll  = 16
)

// warm is a pool whose upstream has a process for each call, with a secret of the
// gateway's in it.
func warm(t *testing.T, mode string, change func(*upstream.Config)) (*upstream.Pool, *meter) {
	t.Helper()
	m := &meter{}
	cfg := upstream.Config{
		Meter: m, Secret: func(name string) (upstream.Secret, error) {
			if name == "quick" {
				return known("atexit_sleep_ms=0"), nil
			}
			return known("value-1-of-the-secret"), nil
		},
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand(mode), Timeout: time.Minute, PerCall: true, Env: map[string]string{"GORACE": "quick", "KEY": "secret"}}},
	}
	if change != nil {
		change(&cfg)
	}
	return newPool(t, cfg), m
}

// stocked waits until so many processes wait for calls.
func stocked(t *testing.T, p *upstream.Pool, n int) {
	t.Helper()
	eventually(t, 20*time.Second, fmt.Sprint(n, " unused processes"), func() bool { return upstream.Unused(p) == n })
}

// who calls the tool that tells which process it was, and wants the first call of that.
func who(t *testing.T, p *upstream.Pool, session *gate.Session) *gate.Message {
	t.Helper()
	raw := call("who", `{}`)
	if session == nil {
		raw = modernCall("who", `{}`)
	}
	ex := exchange(t, session, "up", raw)
	it, ok, err := p.Find(t.Context(), ex, "up", gate.Tool, "who")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	ex.Target.Item = &it
	got, err := forward(t, p, ex)
	if err != nil || len(got) != 1 || field(t, got[0], "calls") != "1" || field(t, got[0], "heard") != "true" {
		t.Fatalf("got %v, error %v", got, err)
	}
	return got[0]
}

// A call takes a process that waits, which has had no other, and another one is started
// in its place. Whoever comes next gets none that was started for somebody else, and the
// end of a session is that of its processes.
func TestWarm_NothingIsShared(t *testing.T) {
	t.Parallel()
	for _, pair := range perCallPairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			p, m := warm(t, pair.mode, nil)
			mine, other := newSession("a"), newSession("b")
			if pair.modern {
				mine = nil
			}
			var pids []string
			for n := range 2 {
				pid := field(t, who(t, p, mine), "pid")
				if slices.Contains(pids, pid) {
					t.Error("a process had two calls")
				}
				pids = append(pids, pid)
				stocked(t, p, warmEach)
				if hits, misses := m.of("warm_hit"), m.of("warm_miss"); hits != n || misses < 1 {
					t.Errorf("%d hits and %d misses after %d calls", hits, misses, n+1)
				}
			}
			misses := m.of("warm_miss")
			who(t, p, other)
			if m.of("warm_hit") != 1 || m.of("warm_miss") == misses {
				t.Error("a call of somebody else's had a process that was started for another")
			}
			stocked(t, p, 2*warmEach)
			if pair.mode == "who" { // a stateless server has no sessions
				p.CloseSession(other)
				stocked(t, p, warmEach)
			}
			upstream.Expire(p, time.Now().Add(3*time.Minute))
			stocked(t, p, 0)
			eventually(t, 10*time.Second, "the lists' processes alone are left", func() bool { return p.Status()[0].Children <= 2 })
		})
	}
}

// A process serves no call once another would be started: with another value of a secret,
// or when the lock has come to refuse it.
func TestWarm_AsItWouldBeStartedNow(t *testing.T) {
	t.Parallel()
	var rotated atomic.Bool
	var refused atomic.Bool
	p, m := warm(t, "who", func(c *upstream.Config) {
		before := c.Secret
		c.Secret = func(name string) (upstream.Secret, error) {
			if name == "secret" && rotated.Load() {
				return known("value-2-of-the-secret"), nil
			}
			return before(name)
		}
		c.Pins = &laterPins{refused: &refused}
	})
	session := newSession("a")
	if got := field(t, who(t, p, session), "key"); got != `"`+digestOf("value-1-of-the-secret")+`"` {
		t.Errorf("started with %s", got)
	}
	stocked(t, p, warmEach)
	rotated.Store(true)
	if got := field(t, who(t, p, session), "key"); got != `"`+digestOf("value-2-of-the-secret")+`"` || m.of("warm_hit") != 0 {
		t.Errorf("started with %s, %d hits", got, m.of("warm_hit"))
	}
	refused.Store(true)
	_, err := forward(t, p, exchange(t, session, "up", call("who", `{}`)))
	wantCode(t, err, gate.CodeUpstreamHeld)
}

// laterPins come to refuse the command.
type laterPins struct {
	pins
	refused *atomic.Bool
}

func (l *laterPins) State(string, gate.ItemKind, string, gate.Digest) gate.PinState {
	return gate.Approved
}

func (l *laterPins) ReachAllowed(gate.Item) gate.Verdict {
	if l.refused.Load() {
		return gate.Verdict{Effect: gate.Deny, Code: gate.CodeUpstreamHeld}
	}
	return gate.Pass()
}

// A server that asks something as soon as it is up is asked by nobody before its call is
// there: its unused processes end, and each call starts its own.
func TestWarm_AsksBeforeItsCall(t *testing.T) {
	t.Parallel()
	p, m := warm(t, "nosy", nil)
	session := newSession("a")
	for range 2 {
		if _, err := forward(t, p, exchange(t, session, "up", call("who", `{}`))); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "no process is left", func() bool { return p.Status()[0].Children == 0 })
	}
	if m.of("warm_hit") != 0 {
		t.Errorf("%d hits", m.of("warm_hit"))
	}
}

// What waits is bounded, however many sessions there are, and ends with the upstream and
// with the gateway.
func TestWarm_Bounded(t *testing.T) {
	t.Parallel()
	p, _ := warm(t, "who", nil)
	for n := range warmAll/warmEach + 1 {
		session := newSession(fmt.Sprint(n))
		if _, err := forward(t, p, exchange(t, session, "up", call("who", `{}`))); err != nil {
			t.Fatal(err)
		}
		stocked(t, p, min(warmEach*(n+1), warmAll))
	}
	if _, err := p.Reconfigure(nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// endingPins have something happen when they are asked about a process that waits.
type endingPins struct {
	laterPins
	then atomic.Pointer[func()]
}

func (e *endingPins) ReachAllowed(it gate.Item) gate.Verdict {
	if then := e.then.Swap(nil); then != nil {
		(*then)()
	}
	return e.laterPins.ReachAllowed(it)
}

// Nothing is started for a session that ends while its call takes a process.
func TestWarm_SessionEndsMeanwhile(t *testing.T) {
	t.Parallel()
	ends := &endingPins{laterPins: laterPins{refused: &atomic.Bool{}}}
	p, m := warm(t, "who", func(c *upstream.Config) { c.Pins = ends })
	session := newSession("a")
	who(t, p, session)
	stocked(t, p, warmEach)
	end := func() { p.CloseSession(session) }
	ends.then.Store(&end)
	_, _ = forward(t, p, exchange(t, session, "up", call("who", `{}`))) // which may be answered before its process ends
	if n := upstream.Spare(p); n > 0 || m.of("warm_hit") != 1 {
		t.Errorf("%d processes are started for a session that has ended, after %d hits", n, m.of("warm_hit"))
	}
}

// BenchmarkLifetime is a call in the sandbox with a process that all share, and with one
// of its own that waits for it, at the pace of DOORWARD_BENCH_PAUSE milliseconds between
// two calls (default 50; 0 is as fast as they are answered). p50-ms is the middle of the calls.
func BenchmarkLifetime(b *testing.B) {
	pause := 50 * time.Millisecond
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_BENCH_PAUSE")); err == nil {
		pause = time.Duration(n) * time.Millisecond
	}
	for _, lifetime := range []string{"shared", "call"} {
		b.Run(lifetime, func(b *testing.B) {
			p, err := upstream.New(upstream.Config{
				Pins: approveAll(), Events: func(context.Context, gate.Event) error { return nil }, Log: slog.New(slog.DiscardHandler),
				Environment: os.Environ(), Supervised: true, Version: "test",
				Upstreams: []upstream.Settings{{
					Name: "up", Command: childCommand("who"), Shared: lifetime == "shared", PerCall: lifetime == "call",
					Sandbox: &upstream.Confinement{Given: sandbox.Given{Read: []string{filepath.Dir(servers)}, Limits: sandbox.Limits{Memory: 1 << 40}}},
				}},
			})
			if err != nil {
				b.Fatal(err)
			}
			session, took := newSession("a"), []time.Duration{}
			once := func() time.Duration {
				began := time.Now()
				err := p.Forward(b.Context(), exchange(b, session, "up", call("who", `{}`)), func(context.Context, *gate.Message) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				return time.Since(began)
			}
			once()
			time.Sleep(time.Second)
			for b.Loop() {
				took = append(took, once())
				time.Sleep(pause)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			if err := p.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
