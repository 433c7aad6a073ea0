package upstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// breaking is a stateful upstream in this process, whose one tool only reads, as it says. The
// first call is answered with call, and who asks for the rest of a stream with resume.
type breaking struct {
	call, resume func(*http.Request) (*http.Response, error)

	mu    sync.Mutex
	calls int
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var m struct {
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(raw, &m) // the gateway's own, or nothing
	switch m.Method {
	case "initialize":
		return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}`, "Mcp-Session-Id", "s")(bare(r))
	case "tools/list":
		return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}}`)(bare(r))
	case "tools/call":
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.calls++; b.calls == 1 {
			return b.call(bare(r))
		}
		return says(200, `{"jsonrpc":"2.0","id":`+string(m.ID)+`,"result":{"content":[]}}`)(bare(r))
	}
	switch {
	case r.Header.Get("Last-Event-ID") != "":
		return b.resume(bare(r))
	case r.Method == http.MethodPost:
		return says(http.StatusAccepted, "")(bare(r))
	}
	return says(http.StatusMethodNotAllowed, "")(bare(r))
}

// bare is the request without its body, which was read.
func bare(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Body = http.NoBody
	return r
}

// readOnly is a call of the tool, which a person has approved as one that only reads.
func readOnly(t *testing.T, p *upstream.Pool) *gate.Exchange {
	t.Helper()
	ex := exchange(t, newSession("a"), "up", call("echo", `{}`))
	it, ok, err := p.Find(t.Context(), ex, "up", gate.Tool, "echo")
	if err != nil || !ok {
		t.Fatalf("no tool: %v", err)
	}
	ex.Target.Item = &it
	return ex
}

// An upstream that takes a call, breaks off, and refuses to be asked for the rest has made it
// once, and the client is told that nobody knows what came of it.
func TestRES15_ABrokenStreamIsNotResumed(t *testing.T) {
	t.Parallel()
	stream := func(r *http.Request) (*http.Response, error) {
		return says(200, "id: e1\nretry: 20\ndata:\n\n", "Content-Type", "text/event-stream")(r)
	}
	for name, resume := range map[string]func(*http.Request) (*http.Response, error){
		"429": says(429, "", "Retry-After", "1"), "503": says(503, "", "Retry-After", "1"), "500": says(500, ""), "401": says(401, ""),
		"404": says(404, ""), "400": says(400, ""), "200": says(200, "{}"), "refused connection": refuses,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &breaking{call: stream, resume: resume}
				p, m, events := wayPool(t, nil, func(c *upstream.Config) { c.Upstreams[0].Wire = w })
				ex := readOnly(t, p)
				_, err := carry(t, p, ex)
				if w.calls != 1 || m.of("retry")+len(events("upstream.retry")) != 0 {
					t.Errorf("%d calls", w.calls)
				}
				e, _ := errors.AsType[*gate.Error](err)
				if e == nil || e.Code != gate.CodeUpstreamOutcome && e.Code != gate.CodeUpstreamProtocol || !strings.Contains(e.Public, "may have been carried out") {
					t.Errorf("it says %+v", e)
				}
			})
		})
	}
}

// A call that meets a forgotten session was not taken: one that only reads is made in a new
// one, on record; where that is not on record it is not.
func TestRES15_AForgottenSession(t *testing.T) {
	t.Parallel()
	for _, recorded := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := &breaking{call: says(404, "")}
			var on []gate.Event
			p, _, _ := wayPool(t, nil, func(c *upstream.Config) {
				c.Upstreams[0].Wire = w
				c.Events = func(_ context.Context, e gate.Event) error {
					if e.Kind != "upstream.retry" {
						return nil
					}
					on = append(on, e)
					if !recorded {
						return errors.New("the log is full")
					}
					return nil
				}
			})
			_, err := carry(t, p, readOnly(t, p))
			if len(on) != 1 || on[0].Exchange != "ex" || on[0].Upstream != "up" || on[0].Detail != "its session was gone" {
				t.Errorf("on record: %+v", on)
			}
			if (err == nil) != recorded || (w.calls == 2) != recorded {
				t.Errorf("%d calls, error %v", w.calls, err)
			}
		})
	}
}

// A client that does not read its answer says nothing of the upstream.
func TestRES17_WhoDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, m, _ := wayPool(t, w, nil)
		for range 10 {
			err := p.Forward(t.Context(), echo(t), func(ctx context.Context, _ *gate.Message) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
			if err == nil || gate.CodeOf(err) == gate.CodeUpstreamTimeout || m.of("timeout") != 0 {
				t.Errorf("it is told as the upstream's: %v", err)
			}
		}
		if st := p.Status()[0]; st.Breaker != "closed" || st.LastError != "" {
			t.Errorf("its breaker is %s, its last error %q", st.Breaker, st.LastError)
		}
	})
}

// A credential that cannot be had says nothing of the upstream: as a probe it neither closes
// nor opens the breaker.
func TestRES17_WithoutACredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, lends := &way{}, true
		p, _, _ := wayPool(t, w, func(c *upstream.Config) {
			c.Upstreams[0].Credential = upstream.Credential{Header: "Authorization", Secret: upstream.LeasePrefix + "key"}
			c.Lend = func(_ context.Context, _ string, names []string) (map[string]gate.Secret, func(), error) {
				if !lends {
					return nil, func() {}, errors.New("the vault is sealed")
				}
				return map[string]gate.Secret{names[0]: gate.NewSecret("a-key-that-is-made")}, func() {}, nil
			}
		})
		if _, err := carry(t, p, echo(t)); err != nil {
			t.Fatal(err)
		}
		lends = false
		for range 10 {
			_, err := carry(t, p, echo(t))
			wantCode(t, err, gate.CodeUpstreamDown)
		}
		if st := p.Status()[0]; st.Breaker != "closed" {
			t.Errorf("its breaker is %s", st.Breaker)
		}
		lends = true
		w.fails(refuses)
		for range 5 {
			_, _ = carry(t, p, echo(t))
		}
		time.Sleep(2 * time.Second)
		lends = false
		_, err := carry(t, p, echo(t))
		wantCode(t, err, gate.CodeUpstreamDown)
		if st := p.Status()[0]; st.Breaker != "half-open" {
			t.Errorf("its breaker is %s after a probe that was not sent", st.Breaker)
		}
		lends = true
		w.fails(nil)
		if _, err := carry(t, p, echo(t)); err != nil || p.Status()[0].Breaker != "closed" {
			t.Errorf("error %v, its breaker is %s", err, p.Status()[0].Breaker)
		}
	})
}

// What a call waits for its turn is not the upstream's time.
func TestRES17_TheQueueIsNotTheUpstream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const calls = 5
		w := &way{}
		p, _, _ := wayPool(t, w, func(c *upstream.Config) { c.Upstreams[0].Concurrency = calls })
		if _, err := carry(t, p, echo(t)); err != nil {
			t.Fatal(err)
		}
		slow := func(r *http.Request) (*http.Response, error) {
			time.Sleep(29 * time.Second)
			return says(200, `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`)(r)
		}
		for range calls {
			w.faults = append(w.faults, slow)
		}
		for range calls {
			w.faults = append(w.faults, hangs)
		}
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() { _, _ = carry(t, p, echo(t)) })
		}
		time.Sleep(time.Second)
		for range calls {
			wg.Go(func() {
				ex := echo(t)
				_, err := carry(t, p, ex)
				if e, _ := errors.AsType[*gate.Error](err); e == nil || !strings.HasPrefix(e.Public, "upstream up did not answer within 30s, for 28s of which the call waited for its turn") || ex.Tally.Waited != 28*time.Second {
					t.Errorf("it says %v after %s", err, ex.Tally.Waited)
				}
			})
		}
		wg.Wait()
		if st := p.Status()[0]; st.Breaker != "closed" {
			t.Errorf("its breaker is %s", st.Breaker)
		}
	})
}

// A list is shown to the key for which it was read, and one of nothing is stale too.
func TestStaleLists_OfAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &way{}
		p, _, _ := wayPool(t, w, func(c *upstream.Config) {
			c.Upstreams[0].Credential = upstream.Credential{Header: "Authorization", Request: keyHeader}
		})
		list := func(key string, kind gate.ItemKind) ([]gate.Item, bool, error) {
			ex := echo(t)
			ex.Inbound.Keys = map[string]gate.Secret{keyHeader: gate.NewSecret(key)}
			return p.Items(t.Context(), ex, "up", kind)
		}
		for _, kind := range [...]gate.ItemKind{gate.Tool, gate.Resource} {
			if _, stale, err := list("one", kind); err != nil || stale {
				t.Fatalf("stale %v, error %v", stale, err)
			}
		}
		w.fails(refuses)
		time.Sleep(10 * time.Minute)
		for kind, n := range map[gate.ItemKind]int{gate.Tool: 1, gate.Resource: 0} {
			if items, stale, err := list("one", kind); err != nil || !stale || len(items) != n {
				t.Errorf("items %v, stale %v, error %v", items, stale, err)
			}
			if items, _, err := list("two", kind); err == nil {
				t.Errorf("another key reads %v", items)
			}
		}
	})
}

// Of tasks, a look changes nothing and is repeated; what ends or feeds one is not.
func TestRES15_Tasks(t *testing.T) {
	t.Parallel()
	for method, sent := range map[string]int{"tasks/get": 2, "tasks/cancel": 1, "tasks/update": 1} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &way{faults: []func(*http.Request) (*http.Response, error){breaksOff}}
				p, _, events := wayPool(t, w, nil)
				ex := exchange(t, nil, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{"taskId":"t",%s}}`, method, meta))
				ex.Target.Task = &gate.Task{Upstream: "up", Tool: "echo", ID: []byte(`"t"`)}
				_, err := carry(t, p, ex)
				if n := w.count(method); n != sent || len(events("upstream.retry")) != sent-1 {
					t.Errorf("%d requests, want %d; error %v", n, sent, err)
				}
				if sent == 1 {
					wantCode(t, err, gate.CodeUpstreamOutcome)
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}
