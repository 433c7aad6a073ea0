package upstream_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/upstream"
)

// shelf is a stateless upstream with resources, a tool that changes nothing and one
// that may. result answers the reads and calls; each has the number of the request.
type shelf struct {
	result func(n int, r *http.Request) (*http.Response, error)
	asked  atomic.Int32
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	method := r.Header.Get("Mcp-Method")
	switch method {
	case "tools/call", "resources/read":
		return s.result(int(s.asked.Add(1)), r)
	case "server/discover":
		return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{}},"ttlMs":300000}}`)(r)
	case "tools/list":
		return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"tools":[{"name":"reads","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"writes","inputSchema":{"type":"object"}}],"ttlMs":300000}}`)(r)
	}
	return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"resources":[],"resourceTemplates":[]}}`)(r)
}

// tells answers each request with its number, and with these members beside.
func tells(members string) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		return says(200, fmt.Sprintf(`{"jsonrpc":"2.0","id":$ID,"result":{"contents":[],"content":[],"n":%d%s}}`, n, members))(r)
	}
}

const (
	minute        = `,"resultType":"complete","ttlMs":60000,"cacheScope":"private"`
	minuteForAll  = `,"resultType":"complete","ttlMs":60000,"cacheScope":"public"`
	theRead       = `"method":"resources/read","params":{"uri":"a:b",` + meta + `}`
	theOtherRead  = `"method":"resources/read","params":{"uri":"a:c",` + meta + `}`
	theReadResume = `"method":"resources/read","params":{"uri":"a:b","inputResponses":{},` + meta + `}`
)

// shelfPool is a pool with one such upstream, whose era is known.
func shelfPool(t *testing.T, s *shelf, change func(*upstream.Config)) (*upstream.Pool, *meter) {
	t.Helper()
	m := &meter{}
	cfg := upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: "http://up.example/", Timeout: 30 * time.Second, Wire: s}}, Meter: m}
	if change != nil {
		change(&cfg)
	}
	p := newPool(t, cfg)
	if _, _, err := p.Items(t.Context(), readBy(t, nobody()), "up", gate.Tool); err != nil {
		t.Fatal(err)
	}
	return p, m
}

func nobody() *gate.Principal { return &gate.Principal{Method: "test", Subject: "nobody"} }

func readBy(t testing.TB, who *gate.Principal) *gate.Exchange {
	t.Helper()
	return saidBy(t, who, theRead)
}

func saidBy(t testing.TB, who *gate.Principal, text string) *gate.Exchange {
	t.Helper()
	ex := exchange(t, nil, "up", `{"jsonrpc":"2.0","id":1,`+text+`}`)
	ex.Principal = who
	return ex
}

// toolBy is a call of one of the shelf's tools, as resolve leaves it.
func toolBy(t *testing.T, p *upstream.Pool, who *gate.Principal, name string) *gate.Exchange {
	t.Helper()
	ex := exchange(t, nil, "up", modernCall(name, `{}`))
	ex.Principal = who
	it, ok, err := p.Find(t.Context(), ex, "up", gate.Tool, name)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	ex.Target.Item = &it
	return ex
}

// number is the number of the request whose answer the exchange gets, 0 for a failure.
func number(t *testing.T, p *upstream.Pool, ex *gate.Exchange) (n int) {
	t.Helper()
	err := p.Forward(t.Context(), ex, func(_ context.Context, m *gate.Message) error {
		if at, ok := m.Field("n"); ok {
			n, _ = strconv.Atoi(string(m.Bytes(at)))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// What is kept, by what the upstream says of it and what the call is.
func TestMHB16_WhatIsKept(t *testing.T) {
	t.Parallel()
	readOnly := func(t *testing.T, p *upstream.Pool) *gate.Exchange { return toolBy(t, p, nobody(), "reads") }
	writing := func(t *testing.T, p *upstream.Pool) *gate.Exchange { return toolBy(t, p, nobody(), "writes") }
	reading := func(t *testing.T, _ *upstream.Pool) *gate.Exchange { return readBy(t, nobody()) }
	resumed := func(t *testing.T, _ *upstream.Pool) *gate.Exchange { return saidBy(t, nobody(), theReadResume) }
	agreed := func(change func(*gate.Exchange)) func(*testing.T, *upstream.Pool) *gate.Exchange {
		return func(t *testing.T, p *upstream.Pool) *gate.Exchange {
			ex := toolBy(t, p, nobody(), "reads")
			change(ex)
			return ex
		}
	}
	for _, tc := range []struct {
		name    string
		members string
		call    func(*testing.T, *upstream.Pool) *gate.Exchange
		kept    bool
	}{
		{"a resource", minute, reading, true},
		{"a public one", minuteForAll, reading, true},
		{"of an unknown scope", `,"ttlMs":60000,"cacheScope":"PUBLIC"`, reading, true},
		{"of no scope", `,"ttlMs":60000`, reading, true},
		{"a tool that changes nothing", minute, readOnly, true},
		{"a tool that may change things", minute, writing, false},
		{"no time", ``, reading, false},
		{"no time left", `,"ttlMs":0`, reading, false},
		{"a negative time", `,"ttlMs":-1`, reading, false},
		{"a time that is a text", `,"ttlMs":"60000"`, reading, false},
		{"a time for ever", `,"ttlMs":1e18`, reading, true},
		{"a failed tool", minute + `,"isError":true`, readOnly, false},
		{"a tool that did not fail", minute + `,"isError":false`, readOnly, true},
		{"a question", `,"resultType":"input_required","inputRequests":{},"ttlMs":60000`, reading, false},
		{"a question in disguise", minute + `,"inputRequests":{}`, reading, false},
		{"a task", `,"resultType":"task","ttlMs":60000`, readOnly, false},
		{"the answer to an answer", minute, resumed, false},
		{"what people agreed to", minute, agreed(func(ex *gate.Exchange) { ex.Approved = "ap_1" }), false},
		{"what the caller confirms", minute, agreed(func(ex *gate.Exchange) { ex.Bare = true }), false},
		{"one that is too large", minute + `,"x":"` + strings.Repeat("x", 1<<20) + `"`, reading, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{result: tells(tc.members)}
			p, m := shelfPool(t, s, nil)
			first, second := tc.call(t, p), tc.call(t, p)
			first.ID, second.ID = "ex-1", "ex-2"
			_, _ = carry(t, p, first) // some of these are refused, as they should
			_, _ = carry(t, p, second)
			want, from := 2, ""
			if tc.kept {
				want, from = 1, "ex-1"
			}
			if n := s.asked.Load(); int(n) != want || second.Cached != from || first.Cached != "" || m.of("cache_hit") != 2-want || tc.kept && m.of("cache_miss") != 1 {
				t.Errorf("%d requests, want %d; the second is answered from %q; %d hits, %d misses", n, want, second.Cached, m.of("cache_hit"), m.of("cache_miss"))
			}
		})
	}
}

// MHB-16, TEN-06: a private answer is for one authorization alone, a public one for one
// tenant, and for nobody else where something of the principal's own reaches the upstream.
func TestMHB16_TEN06_ForWhomItIsKept(t *testing.T) {
	t.Parallel()
	alice := func() *gate.Principal {
		return &gate.Principal{Method: gate.MethodJWT, Realm: "https://id.example", Subject: "alice", Tenant: "a", Credential: "jti-1", Scopes: []string{"read"}}
	}
	other := func(change func(*gate.Principal)) *gate.Principal {
		p := alice()
		change(p)
		return p
	}
	for _, tc := range []struct {
		name            string
		who             *gate.Principal
		private, public bool // whether it gets what was kept when alice asked
	}{
		{"alice", alice(), true, true},
		{"another token", other(func(p *gate.Principal) { p.Credential = "jti-2" }), false, true},
		{"another scope", other(func(p *gate.Principal) { p.Scopes = []string{"read", "write"} }), false, true},
		{"another role", other(func(p *gate.Principal) { p.Roles = []string{"reader"} }), false, true},
		{"the scope as a group", other(func(p *gate.Principal) { p.Groups, p.Scopes = p.Scopes, nil }), false, true},
		{"another client", other(func(p *gate.Principal) { p.Client = "app" }), false, true},
		{"for somebody else", other(func(p *gate.Principal) { p.Act = []gate.Actor{{Subject: "agent"}} }), false, true},
		{"another end", other(func(p *gate.Principal) { p.Expires = time.Unix(1<<32, 0) }), false, true},
		{"bob", other(func(p *gate.Principal) { p.Subject = "bob" }), false, true},
		{"another realm", other(func(p *gate.Principal) { p.Realm = "https://other.example" }), false, true},
		{"another tenant", other(func(p *gate.Principal) { p.Tenant = "b" }), false, false},
		{"no tenant", other(func(p *gate.Principal) { p.Tenant = "" }), false, false},
		{"the parts moved", other(func(p *gate.Principal) { p.Tenant, p.Subject = "aa", "lice" }), false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for scope, want := range map[string]bool{minute: tc.private, minuteForAll: tc.public} {
				s := &shelf{result: tells(scope)}
				p, _ := shelfPool(t, s, nil)
				number(t, p, readBy(t, alice()))
				if got := number(t, p, readBy(t, tc.who)); got == 1 != want {
					t.Errorf("%s: it gets answer %d", scope, got)
				}
			}
		})
	}
}

// What is asked with a key of the client's own is for that one call (I9).
func TestMHB16_I9_OwnKeys(t *testing.T) {
	t.Parallel()
	s := &shelf{result: tells(minuteForAll)}
	p, _ := shelfPool(t, s, func(cfg *upstream.Config) {
		cfg.Upstreams[0].Credential = upstream.Credential{Header: "X-Key", Request: "X-Key"}
	})
	for n := 1; n <= 2; n++ {
		ex := readBy(t, nobody())
		ex.Inbound.Keys = map[string]gate.Secret{"X-Key": gate.NewSecret("mine")}
		if got := number(t, p, ex); got != n {
			t.Errorf("with a key of the client's own it gets answer %d, want %d", got, n)
		}
	}
}

// A process of the principal's own may know things of theirs, so what it calls public is
// not; one that serves everybody is believed.
func TestMHB16_PublicOfProcesses(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: childCommand("up"), Shared: shared}}})
		alice, bob := &gate.Principal{Method: "test", Subject: "alice"}, &gate.Principal{Method: "test", Subject: "bob"}
		if _, _, err := p.Items(t.Context(), readBy(t, alice), "up", gate.Tool); err != nil {
			t.Fatal(err)
		}
		for i, who := range []*gate.Principal{alice, alice, bob} {
			ex := readBy(t, who)
			_, err := carry(t, p, ex)
			if want := i == 1 || i == 2 && shared; err != nil || (ex.Cached != "") != want {
				t.Errorf("shared %v: reading %d of %s is kept: %v, want %v; %v", shared, i, who.Subject, ex.Cached != "", want, err)
			}
		}
	}
}

// What may differ in an answer is part of the question; what differs from call to call
// is not.
func TestMHB16_WhatIsAsked(t *testing.T) {
	t.Parallel()
	with := func(member string) func(*testing.T) *gate.Exchange {
		return func(t *testing.T) *gate.Exchange {
			return saidBy(t, nobody(), `"method":"resources/read","params":{"uri":"a:b",`+strings.TrimSuffix(meta, "}")+","+member+"}}")
		}
	}
	for _, tc := range []struct {
		name string
		call func(*testing.T) *gate.Exchange
		same bool
	}{
		{"the same", func(t *testing.T) *gate.Exchange { return readBy(t, nobody()) }, true},
		{"another resource", func(t *testing.T) *gate.Exchange { return saidBy(t, nobody(), theOtherRead) }, false},
		{"with progress", with(`"progressToken":7`), true},
		{"in a trace", with(`"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"`), true},
		{"with a word of the client's", with(`"x/language":"fr"`), false},
		{"with a header", func(t *testing.T) *gate.Exchange {
			ex := readBy(t, nobody())
			ex.Inbound.Header = http.Header{"Mcp-Param-Region": {"eu"}}
			return ex
		}, false},
		{"another definition", func(t *testing.T) *gate.Exchange {
			ex := readBy(t, nobody())
			ex.Target.Item = &gate.Item{Kind: gate.Template, Name: "a:{x}", Digest: gate.Digest{1}}
			return ex
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{result: tells(minute)}
			p, _ := shelfPool(t, s, nil)
			if first := number(t, p, readBy(t, nobody())); first != 1 {
				t.Fatalf("the first gets answer %d", first)
			}
			ex := tc.call(t)
			if ex.Target.Item != nil { // its definition is not in the list, so the upstream is not asked
				if _, err := carry(t, p, ex); ex.Cached != "" || err == nil {
					t.Errorf("%v, from %q", err, ex.Cached)
				}
				return
			}
			if got := number(t, p, ex); got == 1 != tc.same {
				t.Errorf("it gets answer %d", got)
			}
		})
	}
}

// Nothing is given past its time, and who keeps what is given is told how much is left.
func TestMHB16_NothingPastItsTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ttl   string
		lasts time.Duration
	}{{"60000", time.Minute}, {"1e18", 5 * time.Minute}, {"1", time.Millisecond}} {
		t.Run(tc.ttl, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{result: tells(`,"cacheScope":"public","ttlMs":` + tc.ttl)}
				p, _ := shelfPool(t, s, nil)
				number(t, p, readBy(t, nobody()))
				time.Sleep(tc.lasts - time.Microsecond)
				var left, scope, name string
				err := p.Forward(t.Context(), readBy(t, nobody()), func(_ context.Context, m *gate.Message) error {
					at, _ := m.Field("ttlMs")
					left = string(m.Bytes(at))
					at, _ = m.Field("cacheScope")
					scope = string(m.Bytes(at))
					at, _ = m.Field("n")
					name = string(m.Bytes(at))
					if _, err := mcp.ParseUpstream(m.Raw); err != nil {
						t.Error(err)
					}
					return nil
				})
				if err != nil || strings.TrimRight(left, " ") != "0" || scope != `"private"` || name != "1" {
					t.Errorf("just before its time is over: answer %s, ttlMs %q, %s, %v", name, left, scope, err)
				}
				time.Sleep(time.Microsecond)
				if got := number(t, p, readBy(t, nobody())); got != 2 {
					t.Errorf("when its time is over it is given answer %d", got)
				}
			})
		})
	}
}

// What is kept is given no more once something has changed.
func TestMHB16_Forgotten(t *testing.T) {
	t.Parallel()
	changed := func(method string) func(*testing.T, *upstream.Pool, *shelf) {
		return func(t *testing.T, p *upstream.Pool, s *shelf) {
			t.Helper()
			s.result = func(_ int, r *http.Request) (*http.Response, error) {
				resp, err := says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"contents":[]}}`)(r)
				if err != nil {
					return nil, err
				}
				last, _ := io.ReadAll(resp.Body)
				body := `data: {"jsonrpc":"2.0","method":"` + method + `","params":{"uri":"a:b"}}` + "\n\ndata: " + string(last) + "\n\n"
				resp.Header.Set("Content-Type", "text/event-stream")
				resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(body)), -1
				return resp, nil
			}
			if _, err := carry(t, p, saidBy(t, nobody(), theOtherRead)); err != nil {
				t.Error(err)
			}
			s.result = tells(minute)
			s.asked.Store(1)
		}
	}
	for _, tc := range []struct {
		name string
		do   func(*testing.T, *upstream.Pool, *shelf)
		want int
	}{
		{"nothing", func(*testing.T, *upstream.Pool, *shelf) {}, 1},
		{"a log line", changed("notifications/message"), 1},
		{"another list of resources", changed("notifications/resources/list_changed"), 2},
		{"another list of tools", changed("notifications/tools/list_changed"), 2},
		{"a resource", changed("notifications/resources/updated"), 2},
		{"a decision about a definition", func(_ *testing.T, p *upstream.Pool, _ *shelf) { p.Announce("up", gate.Tool) }, 2},
		{"somebody let in no more", func(_ *testing.T, p *upstream.Pool, _ *shelf) { p.Forget() }, 2},
		{"the configuration", func(t *testing.T, p *upstream.Pool, s *shelf) {
			if _, err := p.Reconfigure([]upstream.Settings{{Name: "up", URL: "http://up.example/", Timeout: 30 * time.Second, Wire: s}}); err != nil {
				t.Error(err)
			}
			if _, _, err := p.Items(t.Context(), readBy(t, nobody()), "up", gate.Tool); err != nil {
				t.Error(err)
			}
		}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{result: tells(minute)}
			p, _ := shelfPool(t, s, nil)
			number(t, p, readBy(t, nobody()))
			tc.do(t, p, s)
			if got := number(t, p, readBy(t, nobody())); got != tc.want {
				t.Errorf("it gets answer %d, want %d", got, tc.want)
			}
		})
	}
}

// An answer that was asked for before a change is not kept beyond it.
func TestMHB16_ChangeWhileItIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.result = func(n int, r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return tells(minute)(n, r)
		}
		p, _ := shelfPool(t, s, nil)
		go func() { time.Sleep(time.Second / 2); p.Announce("up") }()
		for want := 1; want <= 2; want++ {
			if got := number(t, p, readBy(t, nobody())); got != want {
				t.Errorf("it gets answer %d, want %d", got, want)
			}
		}
	})
}

// An upstream that is held, or that is another one now, does not go on by what is kept.
func TestMHB16_HeldUpstream(t *testing.T) {
	t.Parallel()
	s := &shelf{result: tells(minute)}
	held := &switched{pins: approveAll()}
	p, _ := shelfPool(t, s, func(cfg *upstream.Config) { cfg.Pins = held })
	number(t, p, readBy(t, nobody()))
	held.closed.Store(true)
	ex := readBy(t, nobody())
	if _, _ = carry(t, p, ex); ex.Cached != "" {
		t.Error("a held upstream's answer is given")
	}
}

// switched are pins of an upstream that is held after all.
type switched struct {
	pins
	closed atomic.Bool
}

func (s *switched) ReachAllowed(it gate.Item) gate.Verdict {
	if s.closed.Load() {
		return gate.Verdict{Effect: gate.Deny, Code: gate.CodeUpstreamHeld}
	}
	return s.pins.ReachAllowed(it)
}

// A client of the stateful era is given what is kept as its era has it.
func TestMHB16_StatefulClient(t *testing.T) {
	t.Parallel()
	s := &shelf{result: tells(minuteForAll)}
	p, _ := shelfPool(t, s, nil)
	session := newSession("alice")
	for n := range 2 {
		ex := exchange(t, session, "up", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}`)
		var raw string
		err := p.Forward(t.Context(), ex, func(_ context.Context, m *gate.Message) error { raw = string(m.Bytes(m.Result)); return nil })
		if err != nil || raw != `{"contents":[],"content":[],"n":1}` || (ex.Cached != "") != (n == 1) {
			t.Errorf("read %d: %s, from %q, %v", n, raw, ex.Cached, err)
		}
	}
}
