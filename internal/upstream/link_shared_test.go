package upstream_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// Every client uses id 1 and its own canary on one shared connection that
// answers out of order.
func TestOldTransports_AnswersReachTheirOwnCall(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		const clients = 40
		held := make(chan func(), clients)
		s := &oldServer{transport: transport, tool: tools(map[string]func(*said, func(string)){"hold": func(m *said, write func(string)) {
			write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":1,"message":%s}}`, m.Params.Meta.Token, m.Params.Arguments))
			held <- func() { write(m.result(fmt.Sprintf(`{"content":[],"canary":%s}`, m.Params.Arguments))) }
			if len(held) < clients {
				return
			}
			for range clients / 2 { // the newest half first
				held <- <-held
			}
			for range clients {
				(<-held)()
			}
		}})}
		p := s.pool(t, func(c *upstream.Config) { c.Upstreams[0].Shared, c.Upstreams[0].Concurrency = true, clients })
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				canary := fmt.Sprintf("canary-%d-", i)
				msg := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hold","arguments":%q,"_meta":{"progressToken":"t"}}}`, canary)
				got, err := forward(t, p, exchange(t, newSession(strconv.Itoa(i)), "up", msg))
				if err != nil || len(got) != 2 || got[0].Method != "notifications/progress" || got[1].Kind != gate.Result {
					t.Errorf("client %d: got %d messages, error %v", i, len(got), err)
				}
				for _, m := range got {
					if !bytes.Contains(m.Raw, []byte(canary)) {
						t.Errorf("client %d got %s", i, m.Raw)
					}
				}
			})
		}
		wg.Wait()
	})
}

// What the upstream asks during a call is asked before the call ends, though the
// request that brought the call has not ended either.
func TestOldTransports_AskAndAnswer(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		answers := make(chan string, 1)
		s := &oldServer{transport: transport}
		s.tool = tools(map[string]func(*said, func(string)){
			"ask": func(m *said, write func(string)) {
				write(`{"jsonrpc":"2.0","id":"up-1","method":"elicitation/create","params":{"message":"?"}}`)
				finish := func() { write(m.result(fmt.Sprintf(`{"content":[],"answer":%s}`, <-answers))) }
				if transport == overSSE {
					finish()
				} else {
					go finish() // one connection, one reader
				}
			},
			"": func(m *said, _ func(string)) { answers <- string(m.Result) },
		})
		p, session := s.pool(t, nil), newSession("a")
		var last *gate.Message
		err := p.Forward(t.Context(), exchange(t, session, "up", call("ask", `{}`)), func(_ context.Context, m *gate.Message) error {
			last = m
			if m.Kind != gate.Request {
				return nil
			}
			_, err := forward(t, p, exchange(t, session, "up", fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept"}}`, m.ShownID)))
			return err
		})
		if err != nil || !bytes.Contains(last.Raw, []byte(`"answer":{"action":"accept"}`)) {
			t.Errorf("got %v, error %v", last, err)
		}
	})
}

func TestOldTransports_LargeMessages(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		p, session := (&oldServer{transport: transport}).pool(t, nil), newSession("a")
		for _, size := range []int{0, 16 << 10, 100_000, 1_000_000} {
			args := `{"text":"` + strings.Repeat("x", size) + `"}`
			got, err := forward(t, p, exchange(t, session, "up", call("echo", args)))
			if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(args)) {
				t.Fatalf("%d bytes: %d messages, error %v", size, len(got), err)
			}
		}
	})
}

// A WebSocket carries the stateless era as well.
func TestOldTransports_StatelessOverWebSocket(t *testing.T) {
	t.Parallel()
	s := &oldServer{transport: overWS, tool: tools(map[string]func(*said, func(string)){"server/discover": func(m *said, write func(string)) {
		write(m.result(`{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`))
	}})}
	got, err := forward(t, s.pool(t, nil), exchange(t, nil, "up", modernCall("echo", `{"n":1}`)))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0].Raw, []byte(`"canary":{"n":1}`)) {
		t.Errorf("got %v, error %v", got, err)
	}
}

// A connection that ends is opened anew by the next call; one that the gateway
// ends is ended properly.
func TestOldTransports_Ends(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		s := &oldServer{transport: transport, tool: tools(map[string]func(*said, func(string)){"end": func(_ *said, write func(string)) { write(hangUp) }})}
		p, session := s.pool(t, nil), newSession("a")
		mustEcho(t, p, session)
		_, err := forward(t, p, exchange(t, session, "up", call("end", `{}`)))
		wantCode(t, err, gate.CodeUpstreamOutcome)
		mustEcho(t, p, session)
		for len(s.left) > 0 {
			<-s.left
		}
		for len(s.closed) > 0 {
			<-s.closed
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-s.left
		if transport == overWS {
			if status := <-s.closed; status != websocket.StatusNormalClosure {
				t.Errorf("closed with status %d", status)
			}
		}
	})
}

// credentialed is a pool whose upstream has a credential; secret says what it is.
func credentialed(t *testing.T, s *oldServer, secret func() (string, error)) *upstream.Pool {
	t.Helper()
	return s.pool(t, func(c *upstream.Config) {
		set := &c.Upstreams[0]
		set.URL = strings.Replace(set.URL, "http://", "http://user:inurl@", 1)
		set.Credential = upstream.Credential{Header: "authorization", Prefix: "Bearer ", Secret: "token"}
		c.Secret = func(name string) (upstream.Secret, error) {
			if name != "token" {
				t.Errorf("asked for secret %s", name)
			}
			text, err := secret()
			return known(text), err
		}
	})
}

// known is a secret that lets itself be sent as it is.
type known string

func (s known) Reveal() string          { return string(s) }
func (s known) Header() (string, error) { return string(s), nil }

// The credential is asked for with every request and stands in place of what the
// URL says.
func TestCredential(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"", overSSE, overWS} {
		t.Run("over "+transport, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asked := 0
			s := &oldServer{transport: transport}
			if transport == "" {
				h := sdkHandler(false)
				s.before = func(w http.ResponseWriter, r *http.Request) bool { h.ServeHTTP(w, r); return true }
			}
			p := credentialed(t, s, func() (string, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				return fmt.Sprintf("canary-%d", asked), nil
			})
			session := newSession("a")
			for range 2 {
				if _, err := forward(t, p, exchange(t, session, "up", call("say", `{"text":"x"}`))); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			given := map[string]bool{}
			for _, h := range s.headers {
				got := h.Values("Authorization")
				if len(got) != 1 || !strings.HasPrefix(got[0], "Bearer canary-") || given[got[0]] {
					t.Errorf("Authorization %q, or not asked for anew", got)
				}
				given[got[0]] = true
			}
			if least := map[string]int{"": 4, overSSE: 4, overWS: 1}[transport]; len(given) < least {
				t.Errorf("%d requests, want %d at least", len(given), least)
			}
		})
	}
}

// Without its credential nothing is sent, and nobody is told what it was.
func TestCredential_Missing(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"", overSSE, overWS} {
		t.Run("over "+transport, func(t *testing.T) {
			t.Parallel()
			s := &oldServer{transport: transport}
			p := credentialed(t, s, func() (string, error) { return "canary", errNoSecret })
			_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
			wantCode(t, err, gate.CodeUpstreamDown)
			if text := err.Error() + p.Status()[0].LastError; strings.Contains(text, "canary") || strings.Contains(text, "inurl") {
				t.Errorf("told: %s", text)
			}
			if n := len(s.headers); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

// A credential that no header can hold is not sent, and not told.
func TestCredential_Malformed(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"", overSSE, overWS} {
		t.Run("over "+transport, func(t *testing.T) {
			t.Parallel()
			s := &oldServer{transport: transport}
			p := credentialed(t, s, func() (string, error) { return "canary\r\nX-Other: 1", nil })
			_, err := forward(t, p, exchange(t, newSession("a"), "up", call("echo", `{}`)))
			wantCode(t, err, gate.CodeUpstreamDown)
			if text := err.Error() + p.Status()[0].LastError; strings.Contains(text, "canary") || strings.Contains(text, "inurl") {
				t.Errorf("told: %s", text)
			}
			if n := len(s.headers); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

// A call that the client leaves is cancelled at the upstream within a second.
func TestMHB18_CancelledWithinASecond(t *testing.T) {
	t.Parallel()
	eachOld(t, func(t *testing.T, transport string) {
		begun, ended := make(chan string, 1), make(chan string, 1)
		s := &oldServer{transport: transport, tool: func(m *said, _ func(string)) bool {
			switch {
			case m.Params.Name == "hang":
				begun <- string(m.ID)
			case m.Method == "notifications/cancelled":
				ended <- m.Method
			default:
				return false
			}
			return true
		}}
		cancelledWithin(t, s.pool(t, nil), exchange(t, newSession("a"), "up", call("hang", `{}`)), begun, ended)
	})
	for _, session := range []*gate.Session{newSession("a"), nil} {
		t.Run(fmt.Sprintf("streamable, session %v", session != nil), func(t *testing.T) {
			t.Parallel()
			begun, ended := make(chan string, 1), make(chan string, 2)
			inner := &oldServer{}
			p := httpPool(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.streamable(w, r, func(m *said) bool {
					switch {
					case m.Params.Name == "hang":
						begun <- string(m.ID)
						<-r.Context().Done()
						if session == nil { // closing its stream cancels it
							ended <- "closed"
						}
					case m.Method == "notifications/cancelled" && session != nil:
						ended <- m.Method
					default:
						return false
					}
					return true
				})
			}), nil)
			msg := call("hang", `{}`)
			if session == nil {
				msg = modernCall("hang", `{}`)
			}
			cancelledWithin(t, p, exchange(t, session, "up", msg), begun, ended)
		})
	}
}

// streamable is a server of Streamable HTTP in either era, answering in JSON.
func (s *oldServer) streamable(w http.ResponseWriter, r *http.Request, tool func(*said) bool) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var raw bytes.Buffer
	_, _ = raw.ReadFrom(r.Body)
	w.Header().Set("Content-Type", "application/json")
	spoke, modern := false, r.Header.Get("Mcp-Method") != ""
	write := func(text string) {
		spoke = true
		fmt.Fprint(w, text)
	}
	hear := oldServer{tool: func(m *said, _ func(string)) bool {
		if modern && m.Method == "server/discover" {
			write(m.result(`{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`))
			return true
		}
		return tool(m)
	}}
	hear.hear(raw.Bytes(), write)
	if !spoke {
		w.WriteHeader(http.StatusAccepted)
	}
}

func cancelledWithin(t *testing.T, p *upstream.Pool, ex *gate.Exchange, begun, ended <-chan string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- p.Forward(ctx, ex, func(context.Context, *gate.Message) error { return nil })
	}()
	<-begun
	left := time.Now()
	cancel()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Errorf("not cancelled after %s", time.Since(left))
	}
	if err := <-done; err == nil {
		t.Error("the call ended well")
	}
}
