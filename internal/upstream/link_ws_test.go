package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
)

// lonely is a server of settings whose pool has nothing else.
func lonely(t *testing.T, set Settings) *server {
	t.Helper()
	p, err := New(Config{Pins: noPins{}, Events: func(context.Context, gate.Event) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	set.Name = "up"
	return p.newServer(set)
}

// noPins holds everything.
type noPins struct{}

func (noPins) State(string, gate.ItemKind, string, gate.Digest) gate.PinState { return gate.Held }

func (noPins) ReachAllowed(gate.Item) gate.Verdict { return gate.Verdict{} }

func (noPins) ServerAllowed(string, gate.Digest, []byte) gate.Verdict { return gate.Verdict{} }

func ignore(*gate.Message) {}

// socketServer accepts a WebSocket and does what serve says with it.
func socketServer(t *testing.T, secure bool, serve func(context.Context, *websocket.Conn)) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow() //nolint:errcheck // the end
		serve(r.Context(), c)
	}))
	if secure {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

// echo answers each request with its own id and nothing else.
func echo(ctx context.Context, c *websocket.Conn) {
	for {
		_, raw, err := c.Read(ctx)
		if err != nil {
			return
		}
		_, rest, _ := strings.Cut(string(raw), `"id":`)
		id, _, _ := strings.Cut(rest, ",")
		if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":{}}`, id)); err != nil {
			return
		}
	}
}

func askOver(t *testing.T, l link) error {
	t.Helper()
	o := &outgoing{id: 7, method: "ping", pieces: [][]byte{[]byte(`{"jsonrpc":"2.0","id":7,`), []byte(`"method":"ping"}`)}}
	return l.exchange(t.Context(), o, func(m *gate.Message) error {
		if !o.answers(m, false) {
			return fmt.Errorf("got %s", m.Raw)
		}
		return nil
	})
}

// Each spelling of the scheme leads to a WebSocket, of HTTP/1.1 also where the
// server prefers HTTP/2; its life is not that of the context that opened it.
func TestWS_Schemes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, to string
		secure   bool
	}{{"http", "ws", false}, {"http", "http", false}, {"https", "wss", true}, {"https", "https", true}} {
		t.Run(tc.to, func(t *testing.T) {
			t.Parallel()
			srv := socketServer(t, tc.secure, echo)
			set := Settings{URL: strings.Replace(srv.URL, tc.from, tc.to, 1)}
			s := lonely(t, set)
			if tc.secure {
				s.wire.(quietWire).RoundTripper.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS13}
			}
			ctx, cancel := context.WithCancel(t.Context())
			l, err := s.newWSLink(ctx, ignore, true)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if err := askOver(t, l); err != nil {
				t.Error(err)
			}
			l.close()
			if err := askOver(t, l); !errors.Is(err, errDown) {
				t.Errorf("after close: %v", err)
			}
		})
	}
}

// A handshake that is refused, or is none, opens nothing and tells no URL.
func TestWS_Refused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/elsewhere", http.StatusTemporaryRedirect)
		}, errProtocol},
		{"unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, errRefused},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, errBusy},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, errDown},
		{"ordinary answer", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }, errProtocol},
		{"no subprotocol", func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				_, _, _ = c.Read(r.Context())
			}
		}, errProtocol},
		{"wrong key", func(w http.ResponseWriter, _ *http.Request) {
			if c, rw, err := http.NewResponseController(w).Hijack(); err == nil {
				defer c.Close()
				fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
				_ = rw.Flush()
			}
		}, errProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("a redirect was followed")
				}
				tc.answer(w, r)
			}))
			t.Cleanup(srv.Close)
			_, err := lonely(t, Settings{URL: srv.URL + "/?key=canary"}).newWSLink(t.Context(), ignore, true)
			if !errors.Is(err, tc.want) || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// What ends a connection, and what that means to a call.
func TestWS_Ends(t *testing.T) {
	t.Parallel()
	forever := func(ctx context.Context, c *websocket.Conn) { _ = c.CloseRead(ctx); <-ctx.Done() }
	for _, tc := range []struct {
		name  string
		serve func(context.Context, *websocket.Conn)
		want  error
	}{
		{"binary", func(ctx context.Context, c *websocket.Conn) {
			_ = c.Write(ctx, websocket.MessageBinary, []byte(`{"jsonrpc":"2.0","id":7,"result":{}}`))
			forever(ctx, c)
		}, errProtocol},
		{"too large", func(ctx context.Context, c *websocket.Conn) {
			_ = c.Write(ctx, websocket.MessageText, []byte(strings.Repeat(" ", 2000)))
			forever(ctx, c)
		}, errProtocol},
		{"closed", func(_ context.Context, c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "bye") }, errDown},
		{"cut", func(_ context.Context, c *websocket.Conn) { _ = c.CloseNow() }, errDown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := socketServer(t, false, tc.serve)
			l, err := lonely(t, Settings{URL: srv.URL, MaxResult: 1000}).newWSLink(t.Context(), ignore, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := askOver(t, l); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			<-l.done()
			l.close()
		})
	}
}

// Where nobody answers a ping the link ends, and where somebody does it stays;
// close does not wait long for an upstream that takes no part in it.
func TestWS_KeepAlive(t *testing.T) {
	t.Parallel()
	deaf := func(ctx context.Context, _ *websocket.Conn) { <-ctx.Done() }
	s := lonely(t, Settings{URL: socketServer(t, false, deaf).URL})
	l, err := s.dialWS(t.Context(), ignore, true, keepAlive{10 * time.Millisecond, 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	<-l.done()
	if !errors.Is(l.cause, errDown) || !strings.Contains(l.cause.Error(), "ping") {
		t.Errorf("ended for %v", l.cause)
	}
	l.close()

	pinged := make(chan struct{}, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, OnPingReceived: func(context.Context, []byte) bool {
			pinged <- struct{}{}
			return true
		}})
		if err != nil {
			t.Error(err)
			return
		}
		echo(r.Context(), c)
	}))
	t.Cleanup(srv.Close)
	if l, err = lonely(t, Settings{URL: srv.URL}).dialWS(t.Context(), ignore, true, keepAlive{10 * time.Millisecond, time.Minute}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-pinged
	}
	if err := askOver(t, l); err != nil {
		t.Error(err)
	}
	l.close()
}

func TestWS_CloseIsBounded(t *testing.T) {
	t.Parallel()
	deaf := func(ctx context.Context, _ *websocket.Conn) { <-ctx.Done() }
	l, err := lonely(t, Settings{URL: socketServer(t, false, deaf).URL}).newWSLink(t.Context(), ignore, true)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	l.close()
	if took := time.Since(begun); took > 4*closeGrace { // the library would wait for 5 s
		t.Errorf("closing took %s", took)
	}
}
