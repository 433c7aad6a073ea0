package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// keyHeader is where the clients of these tests bring their keys.
const keyHeader = "X-Gemini-Key"

// arrived is a request as the upstream got it.
type arrived struct {
	verb, method, raw string // method is the message's; empty for a response, and for no message
	header            http.Header
}

// recorder notes every request before the handler sees it.
type recorder struct {
	http.Handler
	mu  sync.Mutex
	all []arrived
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(raw))
	var m said
	_ = json.Unmarshal(raw, &m)
	r.mu.Lock()
	r.all = append(r.all, arrived{req.Method, m.Method, string(raw), req.Header.Clone()})
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, req)
}

// since are the requests after the first n.
func (r *recorder) since(n int) []arrived {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all[n:])
}

func (r *recorder) count(method string) (n int) {
	for _, a := range r.since(0) {
		if a.method == method {
			n++
		}
	}
	return n
}

// keyed are the requests with a key, as "message: key".
func keyed(all []arrived) (out []string) {
	for _, a := range all {
		for _, key := range a.header.Values("X-Api-Key") {
			out = append(out, a.method+": "+key)
		}
	}
	return out
}

// ownKeys makes the pool's upstream one that takes its clients' own keys.
func ownKeys(c *upstream.Config) {
	c.Upstreams[0].Credential = upstream.Credential{Header: "x-api-key", Prefix: "Key ", Request: keyHeader}
	c.Secret = func(string) (upstream.Secret, error) { return known("canary-of-the-gateway"), nil }
}

// with is the exchange with a key that its client brought.
func with(ex *gate.Exchange, key string) *gate.Exchange {
	ex.Inbound.Keys = map[string]gate.Secret{keyHeader: gate.NewSecret(key), "X-Other-Key": gate.NewSecret("canary-other")}
	return ex
}

// fullServer is a real server with something of everything. Its tool hang ends with
// the test.
func fullServer(t *testing.T) *sdk.Server {
	t.Helper()
	s := sdk.NewServer(&sdk.Implementation{Name: "real", Version: "1"}, &sdk.ServerOptions{
		CompletionHandler: func(context.Context, *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
			return &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: []string{"x"}}}, nil
		},
		SubscribeHandler:   func(context.Context, *sdk.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *sdk.UnsubscribeRequest) error { return nil },
	})
	tool := func(name string, f func(context.Context, *sdk.ServerSession)) {
		s.AddTool(&sdk.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			f(ctx, req.Session)
			return &sdk.CallToolResult{Content: []sdk.Content{}}, ctx.Err()
		})
	}
	tool("say", func(context.Context, *sdk.ServerSession) {})
	tool("hang", func(ctx context.Context, _ *sdk.ServerSession) {
		select {
		case <-ctx.Done():
		case <-t.Context().Done():
		}
	})
	tool("ask", func(ctx context.Context, session *sdk.ServerSession) {
		_, _ = session.Elicit(ctx, &sdk.ElicitParams{Message: "?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{}}`)})
	})
	s.AddResource(&sdk.Resource{URI: "a://b", Name: "b"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "a://b", Text: "x"}}}, nil
	})
	s.AddPrompt(&sdk.Prompt{Name: "p"}, func(context.Context, *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{}, nil
	})
	return s
}

// The links of an upstream over HTTP, and the clients of either era on them.
var keyedLinks = []struct {
	name      string
	transport string
	stateless bool // the upstream has that era alone
	modern    bool // the client has the stateless era
}{
	{name: "stateful"},
	{name: "stateless", stateless: true, modern: true},
	{name: "stateless client", modern: true},
	{name: "stateful client", stateless: true},
	{name: "sse", transport: overSSE},
	{name: "sse, stateless client", transport: overSSE, modern: true},
}

func handlerOf(s *sdk.Server, transport string, stateless bool) http.Handler {
	get := func(*http.Request) *sdk.Server { return s }
	switch {
	case transport == overSSE:
		return sdk.NewSSEHandler(get, nil)
	case stateless:
		return statelessOnly(sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{Stateless: true}))
	}
	return sdk.NewStreamableHTTPHandler(get, nil)
}

// message is a client's message in its era.
func message(modern bool, method, params string) string {
	if modern {
		params += "," + meta
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, strings.TrimPrefix(params, ","))
}

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
				if _, err := p.Items(t.Context(), e, "up", gate.Tool); err != nil {
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

// AUT-60, HTT-43: a key that the upstream does not take is its client's affair:
// nothing is tried again, nothing follows a redirect, and what the upstream says of
// the key wherever it says it is in no error, no log and no status.
func TestOwnKey_RefusedOrEchoed(t *testing.T) {
	t.Parallel()
	sink := forbidden(t)
	raw := func(text string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			fmt.Fprint(rw, strings.ReplaceAll(text, "$KEY", key))
			_ = rw.Flush()
		}
	}
	says := func(status int, kind, text string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", strings.ReplaceAll(kind, "$KEY", key))
			w.Header().Set("Location", sink.URL+"/?"+key)
			w.Header().Set("Www-Authenticate", "Bearer error="+key)
			w.WriteHeader(status)
			fmt.Fprint(w, strings.ReplaceAll(text, "$KEY", key))
		}
	}
	for _, tc := range []struct {
		name   string
		answer func(w http.ResponseWriter, key string)
		want   gate.Code
	}{
		{"401", says(401, "text/plain", "$KEY"), gate.CodeRequestKey},
		{"403", says(403, "text/html", "$KEY"), gate.CodeRequestKey},
		{"307", says(307, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"308", says(308, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"500", says(500, "text/plain", "$KEY"), gate.CodeUpstreamDown},
		{"400", says(400, "text/plain", "$KEY"), gate.CodeUpstreamProtocol},
		{"content type", says(200, "text/$KEY", ""), gate.CodeUpstreamProtocol},
		{"bad content type", says(200, "$KEY", ""), gate.CodeUpstreamProtocol},
		{"name in JSON", says(200, "application/json", `{"$KEY":1,"$KEY":2}`), gate.CodeUpstreamProtocol},
		{"not JSON", says(200, "application/json", `$KEY`), gate.CodeUpstreamProtocol},
		{"event", says(200, "text/event-stream", "data: {\"$KEY\":1,\"$KEY\":1}\n\n"), gate.CodeUpstreamDown},
		{"status line", raw("HTTP/1.1 $KEY\r\n\r\n"), gate.CodeUpstreamDown},
		{"no HTTP", raw("$KEY\r\n\r\n"), gate.CodeUpstreamDown},
		{"bad header", raw("HTTP/1.1 200 OK\r\n$KEY\r\n\r\n"), gate.CodeUpstreamDown},
		{"bad length", raw("HTTP/1.1 200 OK\r\nContent-Length: $KEY\r\n\r\n"), gate.CodeUpstreamDown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			logged := &lockedBuffer{}
			for _, modern := range []bool{true, false} {
				inner := handlerOf(fullServer(t), "", modern)
				r := &recorder{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if key := req.Header.Get("X-Api-Key"); key != "" {
						tc.answer(w, strings.TrimPrefix(key, "Key "))
						return
					}
					inner.ServeHTTP(w, req)
				})}
				p := httpPool(t, r, func(c *upstream.Config) {
					ownKeys(c)
					c.Log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				ex := exchange(t, nil, "up", modernCall("say", `{}`))
				if !modern {
					ex = exchange(t, newSession("a"), "up", call("say", `{}`))
				}
				ex.Inbound.Header = http.Header{"Authorization": {"Bearer canary-client"}, "Cookie": {"canary-cookie"}}
				_, err := forward(t, p, with(ex, `canary-"é"-key`))
				wantCode(t, err, tc.want)
				fault := &gate.Error{}
				asFault(err, &fault)
				if text := fmt.Sprintf("%v %q %v %s", err, fault.Public, p.Status(), logged); strings.Contains(text, "canary") {
					t.Errorf("told: %s", text)
				}
				if n := r.count("tools/call"); n != 1 {
					t.Errorf("the call was sent %d times", n)
				}
				for _, a := range r.since(0) {
					if text := fmt.Sprint(a.header); strings.Contains(text, "canary-client") || strings.Contains(text, "canary-cookie") {
						t.Errorf("%s %s got %s", a.verb, a.method, text)
					}
				}
				if tc.want == gate.CodeRequestKey {
					if st := p.Status()[0]; st.LastError != "" {
						t.Errorf("the upstream is said to fail: %s", st.LastError)
					}
					if !strings.Contains(fault.Public, keyHeader) {
						t.Errorf("told %q", fault.Public)
					}
				}
			}
		})
	}
}

// Settings with which a key would go further, or nowhere, are refused.
func TestOwnKey_Settings(t *testing.T) {
	t.Parallel()
	key := upstream.Credential{Header: "X-Api-Key", Request: keyHeader}
	command := []string{"true"}
	variable := map[string]string{"KEY": "request:" + keyHeader}
	for _, tc := range []struct {
		name string
		set  upstream.Settings
		good bool
	}{
		{"url", upstream.Settings{URL: "https://up.example/", Credential: key}, true},
		{"sse", upstream.Settings{URL: "https://up.example/", Transport: "sse", Credential: key}, true},
		{"bearer", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Request: keyHeader}}, true},
		{"user in the url", upstream.Settings{URL: "https://u:p@up.example/", Credential: key}, true},
		{"per call", upstream.Settings{Command: command, PerCall: true, Env: variable}, true},
		{"per call without keys", upstream.Settings{Command: command, PerCall: true, Env: map[string]string{"KEY": "secret"}}, true},
		{"websocket", upstream.Settings{URL: "wss://up.example/", Transport: "websocket", Credential: key}, false},
		{"websocket by http", upstream.Settings{URL: "https://up.example/", Transport: "websocket", Credential: key}, false},
		{"shared", upstream.Settings{URL: "https://up.example/", Shared: true, Credential: key}, false},
		{"command", upstream.Settings{Command: command, Credential: key}, false},
		{"beside a secret", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "X-Api-Key", Request: keyHeader, Secret: "s"}}, false},
		{"no header", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Request: keyHeader}}, false},
		{"not canonical", upstream.Settings{URL: "https://up.example/", Credential: upstream.Credential{Header: "X-Api-Key", Request: "x-gemini-key"}}, false},
		{"same header as the url's user", upstream.Settings{URL: "https://u:p@up.example/", Credential: upstream.Credential{Header: "authorization", Request: keyHeader}}, false},
		{"url per call", upstream.Settings{URL: "https://up.example/", PerCall: true}, false},
		{"shared per call", upstream.Settings{Command: command, PerCall: true, Shared: true}, false},
		{"variable of a session", upstream.Settings{Command: command, Env: variable}, false},
		{"variable of a shared process", upstream.Settings{Command: command, Shared: true, Env: variable}, false},
		{"variable without a header", upstream.Settings{Command: command, PerCall: true, Env: map[string]string{"KEY": "request:"}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.set.Name = "up"
			p := newPool(t, upstream.Config{})
			if err := p.Reconfigure([]upstream.Settings{tc.set}); (err == nil) != tc.good {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A reload with the same settings keeps what is open, and one with another key
// header does not.
func TestOwnKey_Reconfigure(t *testing.T) {
	t.Parallel()
	r := &recorder{Handler: handlerOf(fullServer(t), "", false)}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	set := func(header string) []upstream.Settings {
		return []upstream.Settings{{Name: "up", URL: srv.URL, Credential: upstream.Credential{Header: "X-Api-Key", Request: header}}}
	}
	p := newPool(t, upstream.Config{Upstreams: set(keyHeader)})
	for n, header := range []string{keyHeader, keyHeader, "X-Other-Key"} {
		if err := p.Reconfigure(set(header)); err != nil {
			t.Fatal(err)
		}
		before := len(r.since(0))
		if _, err := forward(t, p, with(exchange(t, newSession("a"), "up", call("say", `{}`)), "canary-a")); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "tools/call: canary-a", false: "tools/call: canary-other"}[header == keyHeader]
		if got := keyed(r.since(before)); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %s", got, want)
		}
		if opened := r.count("initialize"); opened != map[int]int{0: 1, 1: 1, 2: 2}[n] {
			t.Errorf("reload %d: %d sessions were opened", n, opened)
		}
	}
}
