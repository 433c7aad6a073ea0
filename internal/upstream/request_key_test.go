package upstream_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// I9: a key goes with the one request that carries its exchange's message, and
// with nothing that Doorward says, asks or ends on its own account.
func TestOwnKey_GoesWithItsOwnMessageAlone(t *testing.T) {
	t.Parallel()
	for _, link := range keyedLinks {
		t.Run(link.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{Handler: handlerOf(fullServer(t), link.transport, link.stateless)}
			p := httpPool(t, r, func(c *upstream.Config) { ownKeys(c); c.Upstreams[0].Transport = link.transport })
			session := newSession("a")
			ex := func(method, params string) *gate.Exchange {
				if link.modern {
					return exchange(t, nil, "up", message(true, method, params))
				}
				return exchange(t, session, "up", message(false, method, params))
			}
			first, list := "server/discover", "tools/list"
			if !link.modern {
				first = "initialize"
			}
			for n, step := range []struct {
				method, params string
				sent           bool // to the upstream, with the key
			}{
				{first, ``, false},
				{list, ``, false},
				{"tools/call", `"name":"say","arguments":{}`, true},
				{"resources/read", `"uri":"a://b"`, true},
				{"prompts/get", `"name":"p"`, true},
				{"completion/complete", `"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":""}`, true},
				{"resources/subscribe", `"uri":"a://b"`, !link.stateless},
				{"logging/setLevel", `"level":"error"`, false},
				{"tools/call", `"name":"say","arguments":{"n":2}`, true},
			} {
				if link.modern && (step.method == "resources/subscribe" || step.method == "logging/setLevel") {
					continue
				}
				before, key := len(r.since(0)), fmt.Sprint("canary-", n)
				e := with(ex(step.method, step.params), key)
				if _, _, err := p.Items(t.Context(), e, "up", gate.Tool); err != nil {
					t.Fatal(err)
				}
				if _, err := forward(t, p, e); err != nil && step.sent {
					t.Fatalf("%s: %v", step.method, err)
				}
				var want []string
				if step.sent {
					want = []string{step.method + ": Key " + key}
				}
				if got := keyed(r.since(before)); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", step.method, got, want)
				}
			}
			before := len(r.since(0))
			left, leave := context.WithCancel(t.Context())
			hung := make(chan error, 1)
			go func() {
				hung <- p.Forward(left, with(ex("tools/call", `"name":"hang","arguments":{}`), "canary-hang"), func(context.Context, *gate.Message) error { return nil })
			}()
			eventually(t, 10*time.Second, "the call hangs", func() bool { return len(keyed(r.since(before))) == 1 })
			leave()
			if err := <-hung; err == nil {
				t.Error("the call ended well")
			}
			p.CloseSession(session)
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := keyed(r.since(before)); len(got) != 1 {
				t.Errorf("cancelling and closing: %q", got)
			}
			for _, a := range r.since(0) {
				if text := fmt.Sprint(a.header); strings.Contains(text, "canary-of") || strings.Contains(text, "canary-other") || a.header.Get(keyHeader) != "" || strings.Contains(a.raw, "canary") {
					t.Errorf("%s %s got %s %s", a.verb, a.method, text, a.raw)
				}
			}
		})
	}
}

// TEN-04: without its key a call is refused before anything is sent, and nothing
// else stands in for it; what uses nothing may go without.
func TestOwnKey_Missing(t *testing.T) {
	t.Parallel()
	for _, modern := range []bool{false, true} {
		r := &recorder{Handler: handlerOf(fullServer(t), "", modern)}
		p := httpPool(t, r, func(c *upstream.Config) {
			ownKeys(c)
			c.Upstreams[0].URL = strings.Replace(c.Upstreams[0].URL, "http://", "http://user:canary-inurl@", 1)
		})
		ex := func(method, params string) *gate.Exchange {
			if modern {
				return exchange(t, nil, "up", message(true, method, params))
			}
			return exchange(t, newSession("a"), "up", message(false, method, params))
		}
		for _, step := range [][2]string{{"tools/call", `"name":"say","arguments":{}`}, {"resources/read", `"uri":"a://b"`}, {"prompts/get", `"name":"p"`}} {
			for name, change := range map[string]func(*gate.Exchange){
				"none":      func(e *gate.Exchange) { e.Inbound.Keys = nil },
				"another":   func(e *gate.Exchange) { delete(e.Inbound.Keys, keyHeader) },
				"empty":     func(e *gate.Exchange) { e.Inbound.Keys[keyHeader] = gate.NewSecret("") },
				"zero":      func(e *gate.Exchange) { e.Inbound.Keys[keyHeader] = gate.Secret{} },
				"two lines": func(e *gate.Exchange) { e.Inbound.Keys[keyHeader] = gate.NewSecret("canary\r\nX-Admin: 1") },
				"in the headers": func(e *gate.Exchange) {
					e.Inbound.Keys = nil
					e.Inbound.Header = http.Header{keyHeader: {"canary"}, "X-Api-Key": {"canary"}}
				},
			} {
				e := with(ex(step[0], step[1]), "canary")
				change(e)
				_, err := forward(t, p, e)
				public := wantKeyFault(t, err)
				if !strings.Contains(public, "send your own key") || !strings.Contains(public, keyHeader) || strings.Contains(err.Error()+public, "canary") {
					t.Errorf("%s, %s: %v, told %q", step[0], name, err, public)
				}
			}
		}
		if got := r.since(0); len(got) != 0 {
			t.Errorf("%d requests were sent: %v", len(got), got[0])
		}
		if _, err := forward(t, p, ex("completion/complete", `"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":""}`)); err != nil {
			t.Error(err)
		}
		if r.count("completion/complete") != 1 || len(keyed(r.since(0))) != 0 {
			t.Errorf("%d completions, keys %q", r.count("completion/complete"), keyed(r.since(0)))
		}
		e := with(ex("completion/complete", `"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":""}`), "a\nb")
		_, err := forward(t, p, e)
		wantKeyFault(t, err)
	}
}

// wantKeyFault is what the client is told.
func wantKeyFault(t *testing.T, err error) string {
	t.Helper()
	fault := &gate.Error{}
	if gate.CodeOf(err) != gate.CodeRequestKey || !asFault(err, &fault) {
		t.Fatalf("error %v (code %s), want %s", err, gate.CodeOf(err), gate.CodeRequestKey)
	}
	return fault.Public
}

// The answer to what an upstream asks goes with the key of the request that brings
// it, and the call with that of its own, in whichever era the client is.
func TestOwnKey_OfQuestions(t *testing.T) {
	t.Parallel()
	t.Run("stateful", func(t *testing.T) {
		t.Parallel()
		for _, transport := range []string{"", overSSE} {
			r := &recorder{Handler: handlerOf(fullServer(t), transport, false)}
			p := httpPool(t, r, func(c *upstream.Config) { ownKeys(c); c.Upstreams[0].Transport = transport })
			session := newSession("a")
			for _, answered := range []string{"canary-b", ""} {
				before := len(r.since(0))
				err := p.Forward(t.Context(), with(exchange(t, session, "up", call("ask", `{}`)), "canary-a"), func(_ context.Context, m *gate.Message) error {
					if m.Kind != gate.Request {
						return nil
					}
					answer := func() *gate.Exchange {
						return exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, m.ShownID))
					}
					_, err := forward(t, p, with(answer(), " "))
					wantKeyFault(t, err) // which takes nobody's place
					if answered == "" {
						_, err = forward(t, p, answer())
						return err
					}
					_, err = forward(t, p, with(answer(), answered))
					return err
				})
				want := []string{"tools/call: Key canary-a"}
				if answered != "" {
					want = append(want, ": Key "+answered)
				}
				if got := keyed(r.since(before)); err != nil || !slices.Equal(got, want) {
					t.Errorf("over %q: %q, want %q, error %v", transport, got, want, err)
				}
			}
		}
	})
	t.Run("parked", func(t *testing.T) {
		t.Parallel()
		r := &recorder{Handler: handlerOf(fullServer(t), "", false)}
		p := httpPool(t, r, ownKeys)
		got, err := forward(t, p, with(exchange(t, nil, "up", modernCall("ask", `{}`)), "canary-a"))
		key, state := inputRequired(t, got, err)
		parked := upstream.Remains(p)
		retry := func() *gate.Exchange {
			return exchange(t, nil, "up", retryOf("ask", `{}`, key, `{"action":"decline"}`, state))
		}
		_, err = forward(t, p, retry())
		wantKeyFault(t, err) // and the state is good still
		if _, err := forward(t, p, with(retry(), "canary-b")); err != nil {
			t.Fatal(err)
		}
		if got, want := keyed(r.since(0)), []string{"tools/call: Key canary-a", ": Key canary-b"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if found := append(left(t, p, "canary"), holds(parked, "canary")...); len(found) != 0 {
			t.Errorf("keys are left in %q", found)
		}
	})
	t.Run("rounds", func(t *testing.T) {
		t.Parallel()
		r := &recorder{Handler: statelessOnly(&script{results: []string{
			`{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}`,
			`{"resultType":"complete","content":[]}`,
		}})}
		p := httpPool(t, r, ownKeys)
		session := newSession("a")
		err := p.Forward(t.Context(), with(exchange(t, session, "up", call("t", `{}`)), "canary-a"), func(_ context.Context, m *gate.Message) error {
			if m.Kind != gate.Request {
				return nil
			}
			_, err := forward(t, p, with(exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`, m.ShownID)), "canary-b"))
			return err
		})
		if got, want := keyed(r.since(0)), []string{"tools/call: Key canary-a", "tools/call: Key canary-a"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, want %q, error %v", got, want, err)
		}
	})
}
