package upstream_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// crowd counts how many processes there are, and were at once.
type crowd struct {
	mu                   sync.Mutex
	now, most, all, left int
}

func (c *crowd) Count(_, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch what {
	case "child_start":
		c.now++
		c.all++
		c.most = max(c.most, c.now)
	case "child_exit":
		c.now--
		c.left++
	}
}

func (c *crowd) of() (now, most, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.most, c.all
}

// perCall is a pool whose upstream has a process for each call, started with the
// client's own key.
func perCall(t *testing.T, mode string, change func(*upstream.Config)) (*upstream.Pool, *crowd) {
	t.Helper()
	c := &crowd{}
	cfg := upstream.Config{
		Meter: c, Secret: func(string) (upstream.Secret, error) { return known("atexit_sleep_ms=0"), nil },
		Upstreams: []upstream.Settings{{Name: "up", Command: childCommand(mode), Timeout: time.Minute, PerCall: true, Env: startedWith("KEY")}},
	}
	if change != nil {
		change(&cfg)
	}
	return newPool(t, cfg), c
}

// startedWith are the variables of a process: the client's key where it has a name
// for that, and what makes a process with the race detector end without waiting a
// second.
func startedWith(key string) map[string]string {
	env := map[string]string{"GORACE": "quick"}
	if key != "" {
		env[key] = "request:" + keyHeader
	}
	return env
}

// The pairs of a client's era and an upstream's.
var perCallPairs = []struct {
	name, mode string
	modern     bool
}{{"stateful", "who", false}, {"stateless", "modern", true}, {"stateless client", "who", true}, {"stateful client", "modern", false}}

// I9, S2: each call has a process that has had no other, with its own client's key
// and no other, and nothing is left of it.
func TestPerCall_NothingIsShared(t *testing.T) {
	t.Parallel()
	for _, pair := range perCallPairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			p, c := perCall(t, pair.mode, func(c *upstream.Config) {
				c.Events = func(_ context.Context, e gate.Event) error {
					if e.Kind == "upstream.listen" {
						t.Error("something listens to a process that ends with its call")
					}
					return nil
				}
			})
			session := newSession("a")
			pids := map[string]bool{}
			for n := range 4 {
				key := fmt.Sprint("canary-", n)
				ex := exchange(t, session, "up", call("who", `{}`))
				if pair.modern {
					ex = exchange(t, nil, "up", modernCall("who", `{}`))
				}
				it, ok, err := p.Find(t.Context(), with(ex, key), "up", gate.Tool, "who")
				if err != nil || !ok {
					t.Fatal(ok, err)
				}
				ex.Target.Item = &it
				got, err := forward(t, p, ex)
				if err != nil || len(got) != 1 {
					t.Fatalf("got %v, error %v", got, err)
				}
				if field(t, got[0], "calls") != "1" || field(t, got[0], "key") != `"`+digestOf(key)+`"` || pids[field(t, got[0], "pid")] || field(t, got[0], "heard") != "true" {
					t.Errorf("call %d: %s", n, got[0].Raw)
				}
				pids[field(t, got[0], "pid")] = true
				for name := range strings.FieldsSeq(strings.Trim(field(t, got[0], "env"), `"`)) {
					if !slices.Contains([]string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "KEY", "GORACE"}, name) {
						t.Errorf("it has the variable %s", name)
					}
				}
			}
			eventually(t, 10*time.Second, "the list's process alone is left", func() bool { now, _, _ := c.of(); return now == 1 })
			if st := p.Status()[0]; st.Sessions > 2 || st.Children != 1 { // a channel for each era that was tried
				t.Errorf("%+v", st)
			}
			if found := left(t, p, "canary"); len(found) != 0 {
				t.Errorf("keys are left in %q", found)
			}
		})
	}
}

// What a process does not have is refused, in words, and before one is started.
func TestPerCall_Refused(t *testing.T) {
	t.Parallel()
	const task = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who","arguments":{},"task":{"ttl":1000}}}`
	for _, tc := range []struct {
		name, raw string
		keys      map[string]gate.Secret
		want      gate.Code
		says      string
	}{
		{"no key", call("who", `{}`), nil, gate.CodeRequestKey, "send your own key in X-Gemini-Key"},
		{"another key", call("who", `{}`), map[string]gate.Secret{"X-Other-Key": gate.NewSecret("canary")}, gate.CodeRequestKey, "send your own key in X-Gemini-Key"},
		{"an empty key", call("who", `{}`), map[string]gate.Secret{keyHeader: gate.NewSecret("")}, gate.CodeRequestKey, "send your own key"},
		{"a key of two lines", call("who", `{}`), map[string]gate.Secret{keyHeader: gate.NewSecret("a\nLD_PRELOAD=x")}, gate.CodeRequestKey, "send your own key"},
		{"completion without a key", message(false, "completion/complete", `"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":""}`), nil, gate.CodeRequestKey, "send your own key in X-Gemini-Key"},
		{"subscription", message(false, "resources/subscribe", `"uri":"a://b"`), nil, gate.CodeMethod, "keeps no subscriptions"},
		{"its end", message(false, "resources/unsubscribe", `"uri":"a://b"`), nil, gate.CodeMethod, "keeps no subscriptions"},
		{"task", task, nil, gate.CodeTaskSupport, "no task outlasts"},
		{"about a task", message(false, "tasks/get", `"taskId":"x"`), nil, gate.CodeTaskSupport, "no task outlasts"},
		{"about a task, stateless", message(true, "tasks/get", `"taskId":"x"`), nil, gate.CodeTaskSupport, "no task outlasts"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, c := perCall(t, "who", func(cfg *upstream.Config) {
				cfg.Events = func(_ context.Context, e gate.Event) error { t.Errorf("event %v", e); return nil }
			})
			session := newSession("a")
			if strings.Contains(tc.name, "stateless") {
				session = nil
			}
			ex := exchange(t, session, "up", tc.raw)
			ex.Inbound.Keys = tc.keys
			_, err := forward(t, p, ex)
			wantCode(t, err, tc.want)
			fault := &gate.Error{}
			if asFault(err, &fault); !strings.Contains(fault.Public, tc.says) || strings.Contains(err.Error()+fault.Public, "canary") {
				t.Errorf("told %q", fault.Public)
			}
			if _, _, all := c.of(); all != 0 {
				t.Errorf("%d processes were started", all)
			}
		})
	}
}

// What a handshake offers of such an upstream has neither subscriptions nor tasks.
func TestPerCall_OffersNothingThatLasts(t *testing.T) {
	t.Parallel()
	for _, lone := range []bool{true, false} {
		p, _ := perCall(t, "who", func(c *upstream.Config) { c.Upstreams[0].PerCall, c.Upstreams[0].Env = lone, startedWith("") })
		ex := exchange(t, newSession("a"), "up", message(false, "initialize", ``))
		got, err := forward(t, p, ex)
		if err != nil || len(got) != 1 {
			t.Fatalf("got %v, error %v", got, err)
		}
		can := field(t, got[0], "capabilities")
		if strings.Contains(can, "subscribe") == lone || strings.Contains(can, "tasks") == lone || !strings.Contains(can, `"listChanged":true`) {
			t.Errorf("a process for each call %v: %s", lone, can)
		}
	}
}

// A listen hears of lists, and of no resource: what changes one is another process.
func TestPerCall_Listen(t *testing.T) {
	t.Parallel()
	for _, lone := range []bool{true, false} {
		p, _ := perCall(t, "modern", func(c *upstream.Config) {
			c.Upstreams[0].PerCall, c.Upstreams[0].Env = lone, startedWith("")
			c.MayRead = func(*gate.Exchange, string, string) bool { return true }
		})
		ctx, leave := context.WithCancel(t.Context())
		var got string
		ex := exchange(t, nil, "up", message(true, "subscriptions/listen", `"notifications":{"resourcesListChanged":true,"resourceSubscriptions":["a://b"]}`))
		_ = p.Forward(ctx, ex, func(_ context.Context, m *gate.Message) error {
			got = string(m.Raw)
			leave()
			return nil
		})
		if !strings.Contains(got, `"resourcesListChanged":true`) || strings.Contains(got, "a://b") == lone {
			t.Errorf("a process for each call %v: %s", lone, got)
		}
	}
}

// What the upstream asks during a call reaches the client, in either era, and the
// answer the very process that asked, or one that the upstream's own state tells
// where it was.
func TestPerCall_Questions(t *testing.T) {
	t.Parallel()
	for _, pair := range perCallPairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			p, c := perCall(t, pair.mode, nil)
			if !pair.modern {
				session := newSession("a")
				var last *gate.Message
				err := p.Forward(t.Context(), with(exchange(t, session, "up", call("ask", `{}`)), "canary-a"), func(_ context.Context, m *gate.Message) error {
					if last = m; m.Kind != gate.Request {
						return nil
					}
					_, err := forward(t, p, with(exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, m.ShownID)), "canary-b"))
					return err
				})
				if err != nil || field(t, last, "key") != `"`+digestOf("canary-a")+`"` {
					t.Fatalf("got %v, error %v", last, err)
				}
			} else {
				got, err := forward(t, p, with(exchange(t, nil, "up", modernCall("ask", `{}`)), "canary-a"))
				key, state := inputRequired(t, got, err)
				retry := func() *gate.Exchange {
					return exchange(t, nil, "up", retryOf("ask", `{}`, key, `{"action":"decline"}`, state))
				}
				_, err = forward(t, p, retry())
				wantKeyFault(t, err)
				got, err = forward(t, p, with(retry(), "canary-a"))
				if err != nil || field(t, got[0], "key") != `"`+digestOf("canary-a")+`"` {
					t.Fatalf("got %v, error %v", got, err)
				}
			}
			eventually(t, 10*time.Second, "no process of a call is left", func() bool { now, _, _ := c.of(); return now == 0 })
			if found := left(t, p, "canary"); len(found) != 0 {
				t.Errorf("keys are left in %q", found)
			}
		})
	}
}

// A session's log level reaches the process of each later call, and what one
// process says of its lists nobody, for they are read from another.
func TestPerCall_SessionState(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	p, _ := perCall(t, "who", func(c *upstream.Config) {
		c.Unsolicited = func(_ *gate.Session, _ string, m *gate.Message) { told <- m.Method }
	})
	session := newSession("a")
	for _, level := range []string{"", "debug"} {
		if level != "" {
			if _, err := forward(t, p, exchange(t, session, "up", message(false, "logging/setLevel", `"level":"debug"`))); err != nil {
				t.Fatal(err)
			}
		}
		got, err := forward(t, p, with(exchange(t, session, "up", call("changes", `{}`)), "canary-a"))
		if err != nil || len(got) != 1 || field(t, got[0], "level") != `"`+level+`"` {
			t.Fatalf("got %v, error %v", got, err)
		}
	}
	var last *gate.Message
	err := p.Forward(t.Context(), with(exchange(t, session, "up", call("ask", `{}`)), "canary-a"), func(_ context.Context, m *gate.Message) error {
		if last = m; m.Kind != gate.Request {
			return nil
		}
		if _, err := forward(t, p, exchange(t, session, "up", `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"alert"}}`)); err != nil {
			return err
		}
		_, err := forward(t, p, exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, m.ShownID)))
		return err
	})
	if err != nil || field(t, last, "level") != `"alert"` {
		t.Errorf("got %s, error %v", last.Raw, err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(told) != 0 {
		t.Errorf("the session was told %s", <-told)
	}
}

// Without its pin or its record no process is started, as ever.
func TestPerCall_MustBeAllowedAndOnRecord(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var kinds []string
	p, _ := perCall(t, "who", func(c *upstream.Config) {
		c.Events = func(_ context.Context, e gate.Event) error {
			mu.Lock()
			defer mu.Unlock()
			kinds = append(kinds, e.Kind)
			if strings.Contains(fmt.Sprint(e), "canary") {
				t.Errorf("event %v", e)
			}
			return nil
		}
	})
	for range 2 {
		if _, err := forward(t, p, with(exchange(t, newSession("a"), "up", call("who", `{}`)), "canary-a")); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	if want := []string{"upstream.start", "upstream.initialize", "upstream.start", "upstream.initialize"}; !slices.Equal(kinds, want) {
		t.Errorf("on record: %q, want %q", kinds, want)
	}
	mu.Unlock()
	held, c := perCall(t, "who", func(c *upstream.Config) { c.Pins = pins{state: gate.Approved, command: gate.Deny} })
	_, err := forward(t, held, with(exchange(t, newSession("a"), "up", call("who", `{}`)), "canary-a"))
	wantCode(t, err, gate.CodeUpstreamHeld)
	if _, _, all := c.of(); all != 0 {
		t.Errorf("%d processes were started", all)
	}
	other, _ := perCall(t, "who", nil)
	ex := with(exchange(t, newSession("a"), "up", call("who", `{}`)), "canary-a")
	ex.Target.Item = &gate.Item{Kind: gate.Tool, Upstream: "up", Name: "who"} // another definition than the process has
	got, err := forward(t, other, ex)
	wantCode(t, err, gate.CodeChangedTool)
	if len(got) != 0 || bytes.Contains([]byte(err.Error()), []byte("canary")) {
		t.Errorf("got %v, error %v", got, err)
	}
}
