package listen_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// The ways in which a certificate stops being good. Nil: time.
func endings() map[string]func(*testing.T, *vault, *x509.Certificate) {
	return map[string]func(*testing.T, *vault, *x509.Certificate){
		"revoked": func(t *testing.T, v *vault, c *x509.Certificate) {
			put(t, v.config.ClientCRL, v.ca.list(t, time.Now().Add(time.Hour), c.SerialNumber))
		},
		"the list is out of date": func(t *testing.T, v *vault, _ *x509.Certificate) {
			put(t, v.config.ClientCRL, v.ca.list(t, time.Now().Add(-time.Minute)))
		},
		"the list gets out of date": func(t *testing.T, v *vault, _ *x509.Certificate) {
			put(t, v.config.ClientCRL, v.ca.list(t, time.Now().Add(time.Second)))
		},
		"the list is gone": func(t *testing.T, v *vault, _ *x509.Certificate) {
			if err := os.Remove(v.config.ClientCRL); err != nil {
				t.Fatal(err)
			}
		},
		"the list is another's": func(t *testing.T, v *vault, _ *x509.Certificate) {
			put(t, v.config.ClientCRL, newAuthority(t, "clients").list(t, time.Now().Add(time.Hour)))
		},
		"the authority is another": func(t *testing.T, v *vault, _ *x509.Certificate) {
			next := newAuthority(t, "clients")
			put(t, v.config.ClientCRL, next.list(t, time.Now().Add(time.Hour)))
			put(t, v.config.ClientCA, pemOf("CERTIFICATE", next.cert.Raw))
		},
		"expired": nil,
	}
}

// listed makes a gateway that asks for certificates and has a revocation list, and
// a client's certificate, which is short when it ends by itself.
func listed(t *testing.T, short bool) (*vault, *tls.Certificate) {
	t.Helper()
	v := mutual(t)
	v.config.ClientCRL = v.path("crl")
	put(t, v.config.ClientCRL, v.ca.list(t, time.Now().Add(time.Hour)))
	return v, v.ca.client(t, func(c *x509.Certificate) {
		if short {
			c.NotAfter = time.Now().Add(time.Second)
		}
	})
}

// AUT-52: a certificate that stops being good stops opening connections, and ends
// those that it has opened; no connection is resumed without it.
func TestAUT52_CertificateEnds(t *testing.T) {
	for name, end := range endings() {
		for _, h2 := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", h2", false: ""}[h2], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v, cert := listed(t, end == nil)
					in := newPipes()
					p, _ := startAt(t, place{tls: v.open(t), listener: in})
					conf := v.dialer(cert)
					conf.ClientSessionCache = tls.NewLRUClientSessionCache(8)
					addr := "localhost:8443"
					open := in.through(caller(t, conf, h2))
					for range 3 {
						if got := status(t, open, addr); got != 200 {
							t.Fatalf("before: status %d", got)
						}
					}
					if end != nil {
						end(t, v, cert.Leaf)
					}
					passes()
					turnsAway(t, p, open, addr)
					without := v.dialer(nil)
					without.ClientSessionCache = conf.ClientSessionCache
					for what, c := range map[string]*tls.Config{"the same": conf, "no certificate": without} {
						if got := status(t, in.through(caller(t, c, h2)), addr); got != 0 {
							t.Errorf("a new connection with %s: status %d", what, got)
						}
					}
				})
			})
		}
	}
	t.Run("resumption", func(t *testing.T) {
		v := mutual(t)
		_, addr := startAt(t, place{tls: v.open(t)})
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			conf := v.dialer(v.ca.client(t, nil))
			conf.MaxVersion, conf.ClientSessionCache = version, tls.NewLRUClientSessionCache(8)
			for range 3 {
				resp, err := post(t, caller(t, conf, false), addr)
				if err != nil {
					t.Fatal(err)
				}
				text(t, resp)
				if resp.TLS.DidResume {
					t.Errorf("%x: a connection was resumed", version)
				}
			}
		}
	})
}

// AUT-52, HTT-40: what is open ends too.
func TestAUT52_StreamsEnd(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *play, func(h2 bool) *http.Client, string) io.ReadCloser{
		"HTTP+SSE": func(t *testing.T, _ *play, client func(bool) *http.Client, addr string) io.ReadCloser {
			return getStream(t, client(true), "https://"+addr+"/sse")
		},
		"WebSocket": func(t *testing.T, _ *play, client func(bool) *http.Client, addr string) io.ReadCloser {
			c, resp, err := websocket.Dial(t.Context(), "wss://"+addr+"/ws", &websocket.DialOptions{
				HTTPClient: client(false), HTTPHeader: http.Header{"Authorization": {"Bearer alice"}},
			})
			if err != nil {
				t.Fatalf("%v %v", resp, err)
			}
			if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}`)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			t.Cleanup(cancel)
			return websocket.NetConn(ctx, c, websocket.MessageText)
		},
		"GET of a session": func(t *testing.T, _ *play, client func(bool) *http.Client, addr string) io.ReadCloser {
			c := client(true)
			r, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+addr+"/mcp", strings.NewReader(
				`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer alice")
			r.Header.Set("Content-Type", "application/json")
			resp, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text(t, resp)
			return getStream(t, c, "https://"+addr+"/mcp", "Mcp-Session-Id: "+resp.Header.Get("Mcp-Session-Id"))
		},
		"subscriptions/listen": func(t *testing.T, p *play, client func(bool) *http.Client, addr string) io.ReadCloser {
			p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, cl gate.Client) {
				_ = note(ctx, ex, cl, "here")
				<-ctx.Done()
			}
			resp, err := post(t, client(true), addr, "Mcp-Method: subscriptions/listen", "Accept: text/event-stream")
			if err != nil {
				t.Fatal(err)
			}
			return resp.Body
		},
	} {
		for how, end := range endings() {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v, cert := listed(t, end == nil)
					in := newPipes()
					p, _ := startAt(t, place{tls: v.open(t), listener: in, settings: &listen.Settings{LegacySSE: true, WebSocket: true}})
					body := open(t, p, func(h2 bool) *http.Client { return in.through(caller(t, v.dialer(cert), h2)) }, "localhost:8443")
					defer body.Close()
					if _, err := body.Read(make([]byte, 1)); err != nil {
						t.Fatal(err)
					}
					if end != nil {
						end(t, v, cert.Leaf)
					}
					began := time.Now()
					_, _ = io.Copy(io.Discard, body) // however it ends
					if took := time.Since(began); took > 10*time.Second {
						t.Errorf("it went on for %v", took)
					}
				})
			})
		}
	}
}

// AUT-52: a WebSocket whose certificate is bad brings no message more, also before
// the connection is looked at by itself.
func TestAUT52_NoMessageMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, cert := listed(t, false)
		in := newPipes()
		p, _ := startAt(t, place{tls: v.open(t), listener: in, settings: &listen.Settings{WebSocket: true}})
		c, resp, err := websocket.Dial(t.Context(), "wss://localhost:8443/ws", &websocket.DialOptions{
			HTTPClient: in.through(caller(t, v.dialer(cert), false)), HTTPHeader: http.Header{"Authorization": {"Bearer alice"}},
		})
		if err != nil {
			t.Fatalf("%v %v", resp, err)
		}
		defer func() { _ = c.CloseNow() }()
		put(t, v.config.ClientCRL, v.ca.list(t, time.Now().Add(time.Hour), cert.Leaf.SerialNumber))
		passes()
		if err := c.Write(t.Context(), websocket.MessageText, []byte(modernList)); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%q %v", answer, err)
		}
		if n := len(p.exchanges()); n != 1 {
			t.Errorf("%d exchanges", n)
		}
	})
}

func getStream(t *testing.T, c *http.Client, url string, header ...string) io.ReadCloser {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append([]string{"Authorization: Bearer alice", "Accept: text/event-stream"}, header...) {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	resp, err := c.Do(r)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	return resp.Body
}
