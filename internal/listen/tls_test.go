package listen_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
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

// ADM-02: TLS that would not work is no start.
func TestADM02_TLSMustBeGoodAtTheStart(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*vault)
		says   string
	}{
		{"nothing", func(v *vault) { v.config.Cert = "" }, "certificate or ACME"},
		{"both", func(v *vault) { v.config.ACME = &listen.ACME{Hosts: []string{"a.test"}, CacheDir: v.dir} }, "not both"},
		{"ACME without hosts", func(v *vault) { v.config.Cert, v.config.ACME = "", &listen.ACME{CacheDir: v.dir} }, "host"},
		{"no certificate", func(v *vault) { v.config.Cert = v.path("none") }, "no such file"},
		{"no key", func(v *vault) { v.config.Key = v.path("none") }, "no such file"},
		{"expired", func(v *vault) {
			v.certificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		}, "has expired on"},
		{"not valid yet", func(v *vault) {
			v.certificate(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
		}, "is not valid before"},
		{"another key", func(v *vault) {
			old, err := os.ReadFile(v.config.Key)
			if err != nil {
				t.Fatal(err)
			}
			v.certificate(t, nil)
			put(t, v.config.Key, old)
		}, "private key does not match"},
		{"no PEM", func(v *vault) { put(t, v.config.Cert, []byte("hello")) }, "reading the certificate"},
		{"too large", func(v *vault) { put(t, v.config.Cert, make([]byte, 2<<20)) }, "too large"},
		{"no authorities", func(v *vault) { v.config.ClientCA = v.path("none") }, "no such file"},
		{"authorities without PEM", func(v *vault) {
			v.config.ClientCA = v.path("ca")
			put(t, v.config.ClientCA, []byte("hello"))
		}, "no certificate"},
		{"a key among the authorities", func(v *vault) { v.config.ClientCA = v.config.Key }, "it holds a PRIVATE KEY"},
		{"list without authorities", func(v *vault) { v.config.ClientCRL = v.path("crl") }, "needs those who certify"},
		{"no list", func(v *vault) { v.config.ClientCA, v.config.ClientCRL = v.config.Cert, v.path("none") }, "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := newVault(t)
			tc.change(v)
			if made, err := listen.NewTLS(v.config); err == nil || made != nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want it to say %q", err, tc.says)
			}
		})
	}
}

// TestTLSVersions: nothing older than the minimum, which is at least 1.2.
func TestTLSVersions(t *testing.T) {
	for _, tc := range []struct {
		least, client uint16
		want          bool
	}{
		{0, tls.VersionTLS11, false},
		{tls.VersionTLS10, tls.VersionTLS11, false},
		{0, tls.VersionTLS12, true},
		{tls.VersionTLS13, tls.VersionTLS12, false},
		{tls.VersionTLS13, tls.VersionTLS13, true},
	} {
		v := newVault(t)
		v.config.MinVersion = tc.least
		_, addr := startAt(t, place{tls: v.open(t)})
		conf := v.dialer(nil)
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS10, tc.client
		if got := status(t, caller(t, conf, false), addr) == 200; got != tc.want {
			t.Errorf("least %x, client %x: %v", tc.least, tc.client, got)
		}
	}
}

// passes lets the time pass in which a change of files is seen.
func passes() { time.Sleep(2 * time.Second) } // in a bubble: no time at all

// A certificate is read again when it changes, and the old one stays while the new
// one cannot be used.
func TestCertificateIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, in := newVault(t), newPipes()
		startAt(t, place{tls: v.open(t), listener: in})
		serial := func() string {
			raw, err := in.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			c := tls.Client(raw, v.dialer(nil))
			defer raw.Close()
			if err := c.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
		first := serial()
		next := v.certificate(t, nil).SerialNumber.String()
		if got := serial(); got != first {
			t.Errorf("files are looked at more than once a second: %s is shown", got)
		}
		passes()
		if got := serial(); got != next || !strings.Contains(v.log.text(), "file read again") {
			t.Errorf("%s is shown, want %s; log %s", got, next, v.log.text())
		}
		for _, spoil := range []func(){
			func() { v.certificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }) },
			func() { _ = os.Remove(v.config.Cert) },
			func() { put(t, v.config.Cert, []byte("hello")) },
			func() { put(t, v.config.Key, []byte("hello")) },
		} {
			spoil()
			logged := strings.Count(v.log.text(), "file not usable")
			for range 3 {
				passes()
				if got := serial(); got != next {
					t.Errorf("%s is shown, want %s", got, next)
				}
			}
			if n := strings.Count(v.log.text(), "file not usable"); n != logged+1 {
				t.Errorf("logged %d times", n-logged)
			}
		}
		last := v.certificate(t, nil).SerialNumber.String()
		passes()
		if got := serial(); got != last {
			t.Errorf("%s is shown, want %s", got, last)
		}
	})
}

// AUT-49: a client's certificate opens the connection only when everything about
// it is right, and a bad one is not an absent one.
func TestAUT49_ClientCertificates(t *testing.T) {
	day := 24 * time.Hour
	other := newAuthority(t, "clients") // by the same name
	for _, tc := range []struct {
		name   string
		with   func(*testing.T, *vault) *tls.Certificate
		opens  bool // where one is required
		absent bool // and where it is optional
	}{
		{"none", func(*testing.T, *vault) *tls.Certificate { return nil }, false, true},
		{"good", func(t *testing.T, v *vault) *tls.Certificate { return v.ca.client(t, nil) }, true, false},
		{"expired", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(-2*day), time.Now().Add(-day) })
		}, false, false},
		{"not valid yet", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(day), time.Now().Add(2*day) })
		}, false, false},
		{"another authority", func(t *testing.T, _ *vault) *tls.Certificate { return other.client(t, nil) }, false, false},
		{"self-signed", func(t *testing.T, _ *vault) *tls.Certificate {
			cert, key := certify(t, nil, nil)
			return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
		}, false, false},
		{"for servers", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
		}, false, false},
		{"an authority's, signed by ours", func(t *testing.T, v *vault) *tls.Certificate {
			return v.ca.client(t, func(c *x509.Certificate) {
				c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
			})
		}, false, false},
		{"our authority's own", func(_ *testing.T, v *vault) *tls.Certificate {
			return &tls.Certificate{Certificate: [][]byte{v.ca.cert.Raw}, PrivateKey: v.ca.key}
		}, false, false},
		{"of our server's authority", func(t *testing.T, v *vault) *tls.Certificate { return v.server.client(t, nil) }, false, false},
		{"with a chain that is not ours", func(t *testing.T, v *vault) *tls.Certificate {
			c := other.client(t, nil)
			c.Certificate = append(c.Certificate, v.ca.cert.Raw)
			return c
		}, false, false},
	} {
		for _, optional := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: ", optional", false: ""}[optional], func(t *testing.T) {
				v := mutual(t)
				v.config.OptionalClient = optional
				p, addr := startAt(t, place{tls: v.open(t)})
				cert := tc.with(t, v)
				for _, h2 := range []bool{false, true} {
					got := status(t, caller(t, v.dialer(cert), h2), addr)
					if want := map[bool]int{true: 200, false: 0}[tc.opens || tc.absent && optional]; got != want {
						t.Errorf("h2 %v: status %d, want %d", h2, got, want)
					}
				}
				for _, ex := range p.exchanges() {
					if has := ex.Inbound.Certificate != nil; has != tc.opens || has && ex.Inbound.Certificate.SerialNumber.Cmp(cert.Leaf.SerialNumber) != 0 {
						t.Errorf("the exchange has the certificate %v", ex.Inbound.Certificate)
					}
				}
			})
		}
	}
}

// AUT-49, the revocation list: whoever is on it, and everybody while nobody can
// tell, is kept out.
func TestAUT49_RevocationList(t *testing.T) {
	soon, day := time.Now().Add(time.Hour), 24*time.Hour
	partial := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0x03, 0x81, 0x01, 0xff}}
	for _, tc := range []struct {
		name  string
		list  func(*testing.T, *vault, *big.Int) []byte
		start bool // whether there is a gateway at all
		want  int
	}{
		{"nobody, DER", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, soon) }, true, 200},
		{"nobody, PEM", func(t *testing.T, v *vault, _ *big.Int) []byte { return pemOf("X509 CRL", v.ca.list(t, soon)) }, true, 200},
		{"somebody else", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, soon, big.NewInt(7)) }, true, 200},
		{"the client", func(t *testing.T, v *vault, s *big.Int) []byte { return v.ca.list(t, soon, big.NewInt(7), s) }, true, 0},
		{"the client, in the second list", func(t *testing.T, v *vault, s *big.Int) []byte {
			return pemOf("X509 CRL", v.ca.list(t, soon), v.ca.list(t, soon, s))
		}, true, 0},
		{"out of date", func(t *testing.T, v *vault, _ *big.Int) []byte { return v.ca.list(t, time.Now().Add(-day)) }, true, 0},
		{"of another authority", func(t *testing.T, _ *vault, _ *big.Int) []byte { return newAuthority(t, "clients").list(t, soon) }, false, 0},
		{"of a part", func(t *testing.T, v *vault, _ *big.Int) []byte {
			der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
				Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: soon, ExtraExtensions: []pkix.Extension{partial},
			}, v.ca.cert, v.ca.key)
			if err != nil {
				t.Fatal(err)
			}
			return der
		}, false, 0},
		{"no list", func(*testing.T, *vault, *big.Int) []byte { return []byte("hello") }, false, 0},
		{"empty", func(*testing.T, *vault, *big.Int) []byte { return nil }, false, 0},
		{"no list in PEM", func(*testing.T, *vault, *big.Int) []byte { return []byte("-----BEGIN X509 CRL-----\n") }, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := mutual(t)
			v.config.ClientCRL = v.path("crl")
			cert := v.ca.client(t, nil)
			put(t, v.config.ClientCRL, tc.list(t, v, cert.Leaf.SerialNumber))
			made, err := listen.NewTLS(v.config)
			if err == nil != tc.start {
				t.Fatalf("error %v", err)
			}
			if !tc.start {
				return
			}
			_, addr := startAt(t, place{tls: made})
			if got := status(t, caller(t, v.dialer(cert), false), addr); got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
			if err := made.Revoked(cert.Leaf); err == nil != (tc.want == 200) {
				t.Errorf("judged as %v", err)
			}
		})
	}
	t.Run("of another authority of ours", func(t *testing.T) {
		v := mutual(t)
		second := newAuthority(t, "more clients")
		put(t, v.config.ClientCA, pemOf("CERTIFICATE", v.ca.cert.Raw, second.cert.Raw))
		v.config.ClientCRL = v.path("crl")
		put(t, v.config.ClientCRL, second.list(t, soon))
		_, addr := startAt(t, place{tls: v.open(t)})
		if got := status(t, caller(t, v.dialer(v.ca.client(t, nil)), false), addr); got != 0 {
			t.Errorf("a client whose authority has no list: status %d", got)
		}
		if got := status(t, caller(t, v.dialer(second.client(t, nil)), false), addr); got != 200 {
			t.Errorf("a client whose authority has one: status %d", got)
		}
	})
	var none *listen.TLS
	if none.Revoked(&x509.Certificate{}) == nil || newVault(t).open(t).Revoked(nil) == nil {
		t.Error("no TLS, or no certificate, is judged good")
	}
}

// turnsAway asks on the open connection of c, whose certificate is bad: the request
// is refused, and not taken for one without a certificate.
func turnsAway(t *testing.T, p *play, c *http.Client, addr string) {
	t.Helper()
	resp, err := post(t, c, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := text(t, resp)
	if resp.StatusCode != 401 || !strings.Contains(body, "identity.invalid") || resp.ProtoMajor == 1 && !resp.Close || resp.Header.Get("Www-Authenticate") == "" {
		t.Errorf("status %d, closed %v, headers %v: %s", resp.StatusCode, resp.Close, resp.Header, body)
	}
	for _, ex := range p.exchanges() {
		if ex.Inbound.Certificate == nil {
			t.Error("an exchange without the certificate")
		}
	}
}

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
