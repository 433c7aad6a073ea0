package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/issuer"
)

func TestTokenSaysWhatTheIssuerSays(t *testing.T) {
	s := one(t, func(s *issuer.Settings) {
		s.Claims = issuer.Claims{Tenant: "tenant", Groups: "groups", Roles: "/realm_access/roles"}
		s.RequireTenant = true
	})
	exp := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	token := good("exp", exp.Unix(), "tenant", "acme", "groups", []string{"b", "a", "b"},
		"realm_access", fields{"roles": []string{"writer"}}, "cnf", fields{"jkt": sha("k"), "x5t#S256": sha("c")})
	want := issuer.Token{
		Method: "jwt", Issuer: issuer1, Subject: "alice", Tenant: "acme", Client: "agent", ID: "t-1",
		Groups: []string{"a", "b"}, Roles: []string{"writer"}, Scopes: []string{"tools.call", "tools.read"},
		Expires: exp, Thumbprint: sha("k"), CertificateSHA256: sha("c"),
	}
	for range 2 { // the second is remembered
		if diff := cmp.Diff(want, accepted(t, s, token)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestAUT07_TokensOfAnotherKind(t *testing.T) {
	loose := one(t, nil)
	strict := one(t, func(s *issuer.Settings) { s.TokenType = "at+jwt" })
	tok := func(h fields, more ...any) string { return jws(h, claims(more...), "ES256", p256Key()) }
	for _, typ := range []any{"at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT"} {
		accepted(t, loose, tok(header("typ", typ)))
		accepted(t, strict, tok(header("typ", typ)))
	}
	for _, typ := range []any{"JWT", "jwt", nil} {
		accepted(t, loose, tok(header("typ", typ)))
		refused(t, strict, tok(header("typ", typ)))
	}
	for _, typ := range []any{
		"", "id+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "JWT ",
		"application/jwt;x", "JOSE", 1,
		[]string{"at+jwt"},
		"at+jwt\u0000", "at\u2063+jwt",
	} {
		refused(t, loose, tok(header("typ", typ)))
		refused(t, strict, tok(header("typ", typ)))
	}
	for _, h := range []fields{
		header("crit", []string{"foo"}), header("crit", []string{"exp"}), header("crit", []string{}), header("crit", "b64"),
		header("b64", false), header("b64", true),
		header("crit", []string{"b64"}, "b64", false), header("cty", "JWT"), header("cty", "jwt"), header("cty", "application/json"),
		header("zip", "DEF"), header("enc", "A128GCM"), header("Crit", []string{"foo"}), header("b64\u0000", false),
	} {
		refused(t, loose, tok(h))
	}
	for _, more := range [][]any{
		{"at_hash", "x"},
		{"c_hash", "x"},
		{"events", fields{"http://schemas.openid.net/event/backchannel-logout": fields{}}},
		{"events", fields{}},
		{"at_hash", ""},
		{"c_hash", false},
		{"events", 1},
		{"At_Hash", "x"},
		{"EVENTS", fields{}},
		{"c_hash\u200d", "x"},
	} {
		refused(t, loose, tok(header(), more...))
	}
	refused(t, loose, jws(header("cty", "JWT"), good(), "ES256", p256Key())) // a token in a token
}

// A panic in the library or in what is handed in refuses, and ends nothing.
func TestAUT22_Panics(t *testing.T) {
	token := good()
	panicked := 0
	for _, public := range []crypto.PublicKey{
		nil, (*rsa.PublicKey)(nil), &rsa.PublicKey{}, &rsa.PublicKey{N: big.NewInt(0), E: 3}, &rsa.PublicKey{N: big.NewInt(-5), E: -1},
		(*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{}, &ecdsa.PublicKey{Curve: elliptic.P256()},
		&ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, //nolint:staticcheck // a broken key is the point
		[]byte{},
		[]byte("secret"), "key", 1,
		struct{}{},
	} {
		for _, alg := range []string{"ES256", "RS256", "PS256", "EdDSA", "HS256"} {
			signed := jws(header("alg", alg), claims(), "ES256", p256Key())
			err := issuer.CheckWith(signed, alg, public)
			if !errors.Is(err, issuer.ErrInvalid) {
				t.Errorf("%T and %s: %v", public, alg, err)
			} else if strings.Contains(err.Error(), "panicked") {
				panicked++
			}
		}
	}
	if panicked == 0 {
		t.Error("none of the keys made the library panic: this shows nothing")
	}
	s := one(t, nil)
	accepted(t, s, token)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 1000 {
				got, err := s.Verify(context.Background(), nobody, token, func(string) string { panic(token) })
				if err == nil || errors.Is(err, issuer.ErrInvalid) || got.Subject != "" || strings.Contains(err.Error(), token[:20]) {
					t.Errorf("a panic: %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := s.Verify(context.Background(), nobody, token, nil); err == nil {
		t.Error("accepted for no resource")
	}
	accepted(t, s, token)
}
