package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"doorward/internal/issuer"
)

const canary = "CANARY %:+/&=é secret"

func TestClientSecrets(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("door ward:1") + ":" + url.QueryEscape(canary)))
	for method, want := range map[string]map[string]string{
		"client_secret_basic": {"Authorization": "Basic " + basic, "client_id": "", "client_secret": ""},
		"client_secret_post":  {"Authorization": "", "client_id": "door ward:1", "client_secret": canary},
	} {
		secret := canary
		s, i, _ := asking(t, active(), func(s *issuer.Settings) {
			s.Introspection.Method, s.Introspection.ClientID = method, "door ward:1"
			s.Introspection.Secret = func() (string, error) { return secret, nil }
		})
		accepted(t, s, "opaque")
		q := i.questions()[0]
		for name, value := range want {
			got := strings.Join(q.form[name], "|")
			if name == "Authorization" {
				got = q.authorization
			}
			if got != value {
				t.Errorf("%s: %s is %q, want %q", method, name, got, value)
			}
		}
		secret = "rotated" // it is asked for each time
		accepted(t, s, "opaque2")
		if q := i.questions()[1]; method == "client_secret_post" && q.form.Get("client_secret") != "rotated" {
			t.Error("an old secret was sent")
		}
	}
}

// While a secret is replaced, the issuer that refuses the one version is shown the other, and
// no more than that: it is told from one that is down.
func TestClientSecretsThatAreReplaced(t *testing.T) {
	for name, tc := range map[string]struct {
		takes []string // one after the other, of each request that is let in
		asked int
		good  bool
	}{
		"the older one alone":           {[]string{"old"}, 2, true},
		"the newer one by and by":       {[]string{"old", "new"}, 3, true},
		"neither":                       {[]string{"other"}, 3, false},
		"the newer one, as nearly ever": {[]string{"new"}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, i, _ := asking(t, active(), func(s *issuer.Settings) {
				s.Introspection.Method = "client_secret_post"
				s.Introspection.Secret = func() (string, error) { return "new", nil }
				s.Introspection.Instead = func(refused string) (string, bool) {
					return map[string]string{"new": "old", "old": "new"}[refused], true
				}
			})
			takes := tc.takes
			i.handler = func(w http.ResponseWriter, r *http.Request) bool {
				if r.PostFormValue("client_secret") == takes[0] && len(takes) == 1 {
					return false
				}
				if len(takes) > 1 {
					takes = takes[1:]
				}
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			if tc.good {
				accepted(t, s, "opaque")
			} else {
				unavailable(t, s, "opaque")
			}
			if n := i.count("/introspect"); n != tc.asked {
				t.Errorf("asked %d times, want %d", n, tc.asked)
			}
		})
	}
}

// A secret that cannot be had asks nobody, trips no breaker and is not repeated.
func TestClientSecretsThatCannotBeHad(t *testing.T) {
	for name, secret := range map[string]func() (string, error){
		"error": func() (string, error) { return canary, errors.New("the vault is sealed") },
		"empty": func() (string, error) { return "", nil }, "panic": func() (string, error) { panic(canary) },
	} {
		for _, method := range []string{"client_secret_basic", "client_secret_post", "private_key_jwt"} {
			down := true
			s, i, _ := asking(t, active(), func(s *issuer.Settings) {
				get := func() (string, error) {
					if down {
						return secret()
					}
					return pemOf(p256Key()), nil
				}
				s.Introspection.Method, s.Introspection.Secret, s.Introspection.PrivateKeyPEM = method, get, get
			})
			for range 10 {
				if err := whyUnavailable(t, s, "opaque"); err == nil || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%s, %s: %v", name, method, err)
				}
			}
			if n := i.count("/introspect"); n != 0 {
				t.Errorf("%s, %s: asked %d times", name, method, n)
			}
			down = false
			accepted(t, s, "opaque")
		}
	}
}

// A secret that takes long keeps nobody waiting for longer than an issuer may.
func TestClientSecretsThatTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := asking(t, active("exp", time.Now().Unix()+600), func(s *issuer.Settings) {
			s.Introspection.Secret = func() (string, error) { time.Sleep(time.Minute); return "late", nil }
		})
		begin := time.Now()
		unavailable(t, s, "opaque")
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestPrivateKeyJWT(t *testing.T) {
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for name, tc := range map[string]struct {
		pem    string
		public crypto.PublicKey
		alg    jose.SignatureAlgorithm
	}{
		"P-256": {pemOf(p256Key()), p256Key().Public(), jose.ES256}, "P-384": {pemOf(p384Key()), p384Key().Public(), jose.ES384},
		"P-521": {pemOf(p521Key()), p521Key().Public(), jose.ES512},
		"RSA":   {pemOf(rsaKey()), rsaKey().Public(), jose.RS256}, "Ed25519": {pemOf(edKey()), edKey().Public(), jose.EdDSA},
		"SEC 1":   {block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key()))), p256Key().Public(), jose.ES256},
		"PKCS #1": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), rsaKey().Public(), jose.RS256},
	} {
		t.Run(name, func(t *testing.T) {
			s, i, _ := asking(t, active(), func(s *issuer.Settings) {
				s.Introspection.Method, s.Introspection.KeyID = "private_key_jwt", "d-1"
				s.Introspection.PrivateKeyPEM = func() (string, error) { return tc.pem, nil }
			})
			accepted(t, s, "opaque")
			accepted(t, s, "opaque2")
			ids := map[string]bool{}
			for _, q := range i.questions() {
				if q.form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || q.form.Has("client_secret") || q.authorization != "" {
					t.Errorf("asked %v", q)
				}
				signed, err := jwt.ParseSigned(q.form.Get("client_assertion"), []jose.SignatureAlgorithm{tc.alg})
				if err != nil {
					t.Fatal(err)
				}
				var c jwt.Claims
				if err := signed.Claims(tc.public, &c); err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				if err := c.ValidateWithLeeway(jwt.Expected{Issuer: "doorward", Subject: "doorward", AnyAudience: jwt.Audience{issuer1}, Time: now}, 0); err != nil {
					t.Error(err)
				}
				if life := c.Expiry.Time().Sub(c.IssuedAt.Time()); life != time.Minute || len(c.Audience) != 1 || len(c.ID) < 20 || signed.Headers[0].KeyID != "d-1" {
					t.Errorf("life %s, %+v, %+v", life, c, signed.Headers[0])
				}
				ids[c.ID] = true
			}
			if len(ids) != 2 {
				t.Errorf("ids %v", ids)
			}
		})
	}
}

func TestPrivateKeysThatAreNone(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	for name, text := range map[string]string{
		"text":     canary,
		"public":   string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(p256Key().Public()))})),
		"RSA 1024": pemOf(weak), "P-224": pemOf(p224), "empty": "",
		"garbage":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(canary)})),
		"encrypted":  string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte(canary)})),
		"wrong type": string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey())})),
		"cut off":    pemOf(p256Key())[:80], "JWK": encode(jwk(pair{private: p256Key()})),
	} {
		s, i, _ := asking(t, active(), func(s *issuer.Settings) {
			s.Introspection.Method = "private_key_jwt"
			s.Introspection.PrivateKeyPEM = func() (string, error) { return text, nil }
		})
		if err := whyUnavailable(t, s, "opaque"); err == nil || strings.Contains(err.Error(), "CANARY") || i.count("/introspect") > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
