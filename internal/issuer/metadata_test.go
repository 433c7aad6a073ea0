package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/issuer"
)

// found are the settings of the first issuer, whose keys its metadata names.
func found() issuer.Settings {
	s := settings()
	s.JWKSURL = ""
	return s
}

func document(more ...any) string {
	return encode(with(fields{
		"issuer": issuer1, "jwks_uri": "http://127.0.0.1/jwks", "introspection_endpoint": "http://127.0.0.1/introspect", "scopes_supported": []string{"a"},
	}, more...))
}

func TestMetadataIsLookedForInOrder(t *testing.T) {
	for _, tc := range []struct {
		issuer string
		places []string
	}{
		{"http://127.0.0.1", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}},
		{"http://127.0.0.1/", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}},
		{"http://127.0.0.1/one", []string{"/.well-known/oauth-authorization-server/one", "/.well-known/openid-configuration/one", "/one/.well-known/openid-configuration"}},
		{"http://127.0.0.1/a/b/", []string{"/.well-known/oauth-authorization-server/a/b", "/.well-known/openid-configuration/a/b", "/a/b/.well-known/openid-configuration"}},
	} {
		for n, place := range tc.places {
			synctest.Test(t, func(t *testing.T) {
				i := newIDP()
				var asked []string
				i.meta = document("issuer", tc.issuer)
				i.handler = func(w http.ResponseWriter, r *http.Request) bool {
					i.set(func(*idp) { asked = append(asked, r.URL.Path) })
					if r.URL.Path == place || r.URL.Path == "/jwks" {
						return false
					}
					http.NotFound(w, r)
					return true
				}
				st := found()
				st.Issuer = tc.issuer
				s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
				accepted(t, s, good("iss", tc.issuer))
				if want := append(slices.Clone(tc.places[:n+1]), "/jwks"); !slices.Equal(asked, want) {
					t.Errorf("asked %q, want %q", asked, want)
				}
			})
		}
	}
}

func TestAUT36_Metadata(t *testing.T) {
	bad := map[string]string{
		"other issuer": document("issuer", "http://127.0.0.1/two"), "slash": document("issuer", issuer1+"/"),
		"case": document("issuer", strings.ToUpper(issuer1)), "no issuer": document("issuer", nil),
		"issuer list": document("issuer", []string{issuer1}), "issuer port": document("issuer", "http://127.0.0.1:80/one"),
		"no keys": document("jwks_uri", nil), "keys list": document("jwks_uri", []string{"http://127.0.0.1/jwks"}),
		"http elsewhere": document("jwks_uri", "http://sink.test/jwks"), "http private": document("jwks_uri", "http://10.0.0.1/jwks"),
		"user": document("jwks_uri", "https://u:p@sink.test/jwks"), "user, loopback": document("jwks_uri", "http://u@127.0.0.1/jwks"),
		"fragment": document("jwks_uri", "http://127.0.0.1/jwks#a"), "empty fragment": document("jwks_uri", "http://127.0.0.1/jwks#"),
		"file": document("jwks_uri", "file:///etc/passwd"), "data": document("jwks_uri", "data:application/json,{}"),
		"relative": document("jwks_uri", "/jwks"), "scheme-less": document("jwks_uri", "//127.0.0.1/jwks"),
		"ftp": document("jwks_uri", "ftp://127.0.0.1/jwks"), "decimal host": document("jwks_uri", "http://2130706433/jwks"),
		"octal host": document("jwks_uri", "http://0177.0.0.1/jwks"), "short host": document("jwks_uri", "http://127.1/jwks"),
		"suffix":           document("jwks_uri", "http://127.0.0.1.sink.test/jwks"),
		"localhost suffix": document("jwks_uri", "http://localhost.sink.test/jwks"),
		"empty":            document("jwks_uri", ""), "no host": document("jwks_uri", "http:///jwks"),
		"opaque": document("jwks_uri", "http:127.0.0.1/jwks"), "control": document("jwks_uri", "http://127.0.0.1/jwks\n"),
		"long":                    document("jwks_uri", "http://127.0.0.1/"+strings.Repeat("a", 3000)),
		"introspection elsewhere": document("introspection_endpoint", "http://sink.test/"),
		"no introspection":        document("introspection_endpoint", nil), "issuer twice": `{"issuer":"x",` + document()[1:],
		"Issuer too": `{"Issuer":"x",` + document()[1:], "JWKS_URI too": `{"JWKS_URI":"https://sink.test",` + document()[1:],
		"HTML": "<html>", "list": "[" + document() + "]", "cut off": document()[:50], "trailing": document() + "{}",
		"UTF-8": strings.Replace(document(), `"a"`, "\"\xff\"", 1), "deep": `{"a":` + strings.Repeat("[", 1000), "null": "null",
		"nothing": "",
	}
	for name, meta := range bad {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIDP()
				i.meta = meta
				if meta == "" {
					i.meta = " "
				}
				st := found()
				st.Introspection = opaque().Introspection
				st.Introspection.URL = ""
				network := serve(t, i)
				s := start(t, network, issuer.Config{Issuers: []issuer.Settings{st}})
				unavailable(t, s, good())
				unavailable(t, s, "opaque")
				time.Sleep(time.Minute)
				unavailable(t, s, good())
				for _, address := range network.dialed() {
					if address != "127.0.0.1:80" {
						t.Errorf("%s was called", address)
					}
				}
				if i.count("/jwks") > 0 || i.count("/introspect") > 0 || s.Healthy() == nil {
					t.Error("the document was used")
				}
			})
		})
	}
}

// Answers that are no answer, from each place that is asked.
func TestAUT36_Answers(t *testing.T) {
	ways := failures(func(...any) string { return newIDP().keys })
	ways["600 KiB"] = func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, "application/json", newIDP().keys+strings.Repeat(" ", 600<<10))
	}
	for name, handle := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIDP()
				i.handler = func(w http.ResponseWriter, r *http.Request) bool { handle(w, r); return true }
				network := serve(t, i)
				s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}})
				begin := time.Now()
				unavailable(t, s, good())
				if took := time.Since(begin); took > 3*time.Second {
					t.Errorf("took %s", took)
				}
				time.Sleep(time.Minute)
				unavailable(t, s, good())
				for _, address := range network.dialed() {
					if address != "127.0.0.1:80" {
						t.Errorf("%s was called", address)
					}
				}
				if i.count("/elsewhere") > 0 {
					t.Error("a redirect was followed")
				}
			})
		})
	}
}

func TestMetadataThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, seen := newIDP(), &alerts{}
		i.meta = document()
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{found()}, Alert: seen.add})
		accepted(t, s, good())
		i.set(func(i *idp) {
			i.meta = document("jwks_uri", "http://127.0.0.1:81/one/jwks", "scopes_supported", nil)
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/one/jwks" {
					reply(w, 200, "application/jwk-set+json; charset=utf-8", keySet(jwk(pair{kid: "k2", private: secondKey()})))
				}
				return r.URL.Path == "/one/jwks"
			}
		})
		time.Sleep(50 * time.Minute)
		if len(seen.list()) > 0 || i.count("/one/jwks") > 0 {
			t.Errorf("metadata was read within the hour: %q", seen.list())
		}
		time.Sleep(21 * time.Minute)
		accepted(t, s, second())
		refused(t, s, good())
		if list := seen.list(); len(list) != 1 || !strings.HasPrefix(list[0], issuer.AlertMetadata) {
			t.Errorf("alerts %q", list)
		}
		// A document that no longer checks changes nothing but that time runs out.
		i.set(func(i *idp) { i.meta = document("issuer", "http://127.0.0.1/two", "jwks_uri", "http://127.0.0.1/jwks") })
		time.Sleep(61 * time.Minute)
		accepted(t, s, second())
		if _, err := verify(s, good()); err == nil {
			t.Error("the keys of a document of another issuer were used")
		}
		time.Sleep(61 * time.Minute)
		unavailable(t, s, second())
		i.set(func(i *idp) { i.meta = document() })
		time.Sleep(31 * time.Second)
		accepted(t, s, good())
	})
	// Keys that are gone from their place are looked for again at once.
	synctest.Test(t, func(t *testing.T) {
		i := newIDP()
		i.meta = document()
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{found()}})
		accepted(t, s, good())
		i.set(func(i *idp) {
			i.meta = document("jwks_uri", "http://127.0.0.1/new")
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				switch r.URL.Path {
				case "/jwks":
					http.NotFound(w, r)
				case "/new":
					reply(w, 200, "application/json", keySet(jwk(pair{kid: "k2", private: secondKey()})))
				default:
					return false
				}
				return true
			}
		})
		time.Sleep(10*time.Minute + 2*time.Second)
		accepted(t, s, second())
	})
}

// Metadata that cannot be had for introspection keeps no key from being fetched.
func TestKeysDoNotNeedMetadata(t *testing.T) {
	st := settings()
	st.Introspection = opaque().Introspection
	st.Introspection.URL = ""
	s := start(t, serve(t, newIDP()), issuer.Config{Issuers: []issuer.Settings{st}})
	accepted(t, s, good())
	unavailable(t, s, "opaque")
	if s.Healthy() == nil {
		t.Error("healthy without metadata")
	}
}

// Metadata that is too old says no longer where to ask.
func TestOldMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := opaque()
		st.Introspection.URL = ""
		i := newIDP()
		i.meta, i.answer = document(), active("exp", time.Now().Unix()+20*3600)
		s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{st}})
		synctest.Wait()
		accepted(t, s, "opaque")
		i.set(func(i *idp) { i.meta = "" })
		time.Sleep(2*time.Hour - time.Minute)
		accepted(t, s, "opaque")
		if err := s.Healthy(); err != nil {
			t.Error(err)
		}
		time.Sleep(12 * time.Minute)
		unavailable(t, s, "opaque")
		if s.Healthy() == nil {
			t.Error("healthy with old metadata")
		}
	})
}

// certificate is a server's, for hosts, by an authority that pool trusts.
func certificate(t *testing.T, hosts ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour),
		IsCA:     true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}

// Real TLS, over the real network of this machine, with metadata.
func TestAUT36_TLS(t *testing.T) {
	right, pool := certificate(t, "127.0.0.1")
	wrong, wrongPool := certificate(t, "other.test")
	for _, tc := range []struct {
		name    string
		cert    tls.Certificate
		pool    *x509.CertPool
		version uint16
		good    bool
	}{
		{"right", right, pool, 0, true},
		{"wrong name", wrong, wrongPool, 0, false},
		{"unknown authority", right, wrongPool, 0, false},
		{"system's authorities", right, nil, 0, false},
		{"TLS 1.1", right, pool, tls.VersionTLS11, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := newIDP()
			var sunk atomic.Int32
			sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sunk.Add(1) }))
			defer sink.Close()
			server := httptest.NewUnstartedServer(i)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{tc.cert}, MaxVersion: tc.version, MinVersion: tls.VersionTLS10}
			server.StartTLS()
			defer server.Close()
			i.set(func(i *idp) { i.meta = document("issuer", server.URL, "jwks_uri", server.URL+"/jwks") })
			s, err := issuer.New(issuer.Config{Issuers: []issuer.Settings{{Issuer: server.URL, Algorithms: []string{"ES256"}, RootCAs: tc.pool}}})
			if err != nil {
				t.Fatal(err)
			}
			defer closed(t, s)
			token := good("iss", server.URL)
			if tc.good {
				accepted(t, s, token)
				return
			}
			unavailable(t, s, token)
			if i.count("/jwks")+int(sunk.Load()) > 0 {
				t.Error("keys were fetched")
			}
		})
	}
}

// A redirect over the real network: nobody else is called, in the clear or not.
func TestAUT36_RedirectToAnotherHost(t *testing.T) {
	var sunk atomic.Int32
	i := newIDP()
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sunk.Add(1); i.ServeHTTP(w, r) }))
	defer sink.Close()
	cert, pool := certificate(t, "127.0.0.1")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, sink.URL+"/jwks", http.StatusFound)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	defer server.Close()
	s, err := issuer.New(issuer.Config{Issuers: []issuer.Settings{{Issuer: server.URL, Algorithms: []string{"ES256"}, RootCAs: pool, JWKSURL: server.URL + "/jwks"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	err = whyUnavailable(t, s, good("iss", server.URL))
	if sunk.Load() > 0 || err == nil || errors.Is(err, issuer.ErrInvalid) {
		t.Errorf("the sink was called %d times; %v", sunk.Load(), err)
	}
}
