package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"doorward/internal/issuer"
)

func TestAUT05_Kid(t *testing.T) {
	i := newIDP()
	i.keys = keySet(jwk(pair{kid: "k1", private: p256Key()}), jwk(pair{kid: "k2", private: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}))
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	kids := []any{
		"../../../../dev/null", "/dev/null", "'; --", "' OR 1=1", strings.Repeat("k", 64<<10), strings.Repeat("k", 257), 1,
		[]string{"k1"},
		fields{"kid": "k1"},
		nil, "", true, "k1\u0000", "k1\n", " k1", "k1 ", "K1", "k1\u200b", "k2", "https://evil.test/key", "file:///etc/passwd", "|id",
		"${jndi:ldap://evil.test}",
		"\uff4b1", "k1/../k1", "%6b1",
	}
	for range 10 {
		kids = append(kids, rand.Text())
	}
	for _, kid := range kids {
		refused(t, s, jws(header("kid", kid), claims(), "ES256", p256Key()))
	}
	for _, h := range []string{
		`{"alg":"ES256","kid":"k1","kid":"k2"}`, `{"alg":"ES256","kid":"k2","kid":"k1"}`, `{"alg":"none","alg":"ES256","kid":"k1"}`,
		`{"alg":"ES256","kid":"k2","\u006bid":"k1"}`, `{"alg":"ES256","Kid":"k1"}`, `{"alg":"ES256","Alg":"none","kid":"k1"}`, `{"alg":"ES256","kid":"k1","KID":"k2"}`,
		`{"alg":"ES256","\u212aid":"k1","kid":"k1"}`,
	} {
		refused(t, s, jws(h, claims(), "ES256", p256Key()))
	}
}

// What cannot be the id of a key makes nobody look for it.
func TestAUT05_KidsThatAreNone(t *testing.T) {
	i := newIDP()
	s := start(t, serve(t, i), issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	for _, kid := range []any{strings.Repeat("k", 8<<10), strings.Repeat("k", 257), 1, []string{"k1"}, "", true, "k1\u0000", "k1\n", " k1", "k1 ", "k\u200b"} {
		refused(t, s, jws(header("kid", kid), claims(), "ES256", p256Key()))
	}
	if n := i.count("/jwks"); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
}

func TestAUT06_KeysThatTokensName(t *testing.T) {
	i := newIDP()
	network := serve(t, i)
	s := start(t, network, issuer.Config{Issuers: []issuer.Settings{settings()}})
	accepted(t, s, good())
	evil := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	own := jwk(pair{kid: "k1", alg: "ES256", private: evil})
	cert, _ := certificate(t, "127.0.0.1")
	for _, more := range [][]any{
		{"jku", "https://sink.test/jwks"},
		{"x5u", "https://sink.test/cert"},
		{"jwk", own},
		{"x5c", []string{"MIIB"}},
		{"x5c", []string{base64.StdEncoding.EncodeToString(cert.Certificate[0])}},
		{"jku", "http://127.0.0.1/jwks"},
		{"jku", ""},
		{"jku", 1},
		{"x5u", []string{"https://sink.test"}},
		{"jwk", "k1"},
		{"jwk", fields{}},
		{"x5c", "MIIB"},
		{"jku", "https://sink.test/jwks", "jwk", own, "kid", nil},
		{"JWK", own},
		{"Jku", "https://sink.test"},
		{"jwk\u0000", own},
		{"x5u\u200b", "https://sink.test"},
	} {
		for _, private := range []crypto.Signer{evil, p256Key()} { // the true key does not help
			refused(t, s, jws(header(more...), claims(), "ES256", private))
		}
	}
	for _, address := range network.dialed() {
		if address != "127.0.0.1:80" {
			t.Errorf("%s was called", address)
		}
	}
	if n := i.count("/jwks"); n > 2 {
		t.Errorf("the key set was fetched %d times", n)
	}
}
