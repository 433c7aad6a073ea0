package identify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/identify"
)

const (
	base = "https://gw.test"
	idp  = "https://id.test"
)

// issuers judges tokens by their text.
type issuers struct {
	audiences []string
	proofs    []identify.Proof
}

func (i *issuers) Verify(_ context.Context, _ netip.Addr, text string, audience func(string) string) (identify.Token, error) {
	i.audiences = append(i.audiences, audience(idp))
	good := identify.Token{
		Method: gate.MethodJWT, Issuer: idp, Subject: "alice", Tenant: "a", Client: "app", ID: "jti-1",
		Groups: []string{"staff"}, Roles: []string{"claimed"}, Scopes: []string{"read"}, Expires: time.Now().Add(time.Hour),
	}
	switch text {
	case "good.a.b":
		return good, nil
	case "opaque":
		good.Method = gate.MethodIntrospection
		good.ID = ""
		return good, nil
	case "bound.key.x":
		good.Thumbprint = "thumb"
		return good, nil
	case "bound.cert.x":
		good.CertificateSHA256 = thumbprint(leaf)
		return good, nil
	case "expired.a.b":
		return good, fmt.Errorf("it is: %w", identify.ErrExpired)
	case "late.a.b":
		good.Expires = time.Now().Add(-30 * time.Second)
		return good, nil
	case "endless.a.b":
		good.Expires = time.Time{}
		return good, nil
	case "nobody.a.b":
		good.Subject = ""
		return good, nil
	case "unknown.a.b":
		good.Issuer = ""
		return good, nil
	case "empty.a.b":
		return identify.Token{}, nil
	case "down.a.b":
		return good, errors.New("no keys")
	case "panic.a.b":
		panic("secret " + text)
	}
	return identify.Token{}, fmt.Errorf("no such: %w", identify.ErrToken)
}

func (i *issuers) Prove(_ context.Context, p identify.Proof) error {
	i.proofs = append(i.proofs, p)
	switch p.Text {
	case "good":
		return nil
	case "down":
		return errors.New("no memory")
	case "panic":
		panic("secret")
	}
	return identify.ErrToken
}

var leaf, other = certificate("spiffe://house/alice"), certificate("spiffe://house/bob")

// certificate is one with these URIs, as TLS hands it on.
func certificate(uris ...string) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			panic(err)
		}
		c.URIs = append(c.URIs, u)
	}
	c.Raw, err = x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return c
}

func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func withTokens(i *issuers) identify.Config {
	return identify.Config{
		APIKeys: true, Keys: &keys{}, Certificates: "san_uri",
		Tokens: &identify.TokenMethod{Issuers: i, Audience: func(_, _, resource string) string { return resource }},
		Roles: func(p *gate.Principal, claimed []string) []string {
			return append([]string{"of-" + p.Subject}, claimed...)
		},
	}
}

// visit is a request over HTTP with an Authorization header and DPoP proofs.
func visit(authorization string, proofs ...string) *gate.Exchange {
	ex := from("203.0.113.9")
	ex.Inbound.Base, ex.Inbound.Target, ex.Inbound.Method = base, "/mcp?x=1", "POST"
	if authorization != "" {
		ex.Inbound.Header.Set("Authorization", authorization)
	}
	for _, p := range proofs {
		ex.Inbound.Header.Add("Dpop", p)
	}
	return ex
}

func TestAGoodTokenIsItsSubject(t *testing.T) {
	i := &issuers{}
	s := stage(t, withTokens(i))
	ex := visit("Bearer good.a.b")
	if c := code(t, s, ex); c != "" {
		t.Fatalf("refused: %s", c)
	}
	want := &gate.Principal{
		Method: gate.MethodJWT, Realm: idp, Subject: "alice", Tenant: "a", Credential: "jti-1", Client: "app",
		Groups: []string{"staff"}, Scopes: []string{"read"}, Roles: []string{"of-alice", "claimed"}, Expires: ex.Principal.Expires,
	}
	if diff := cmp.Diff(want, ex.Principal); diff != "" {
		t.Error(diff)
	}
	ex = visit("bearer opaque")
	ex.Inbound.Profile = "review"
	if c := code(t, s, ex); c != "" {
		t.Fatalf("refused: %s", c)
	}
	if r := ex.Principal.Renewal; r == nil || r.Token.Reveal() != "opaque" || r.Audience != base+"/mcp/review" {
		t.Error("the issuer could not be asked again")
	}
	if got := ex.Principal; got.Method != gate.MethodIntrospection || len(got.Credential) != len("sha256:")+32 || got.Key() != want.Key() {
		t.Errorf("principal = %+v", got)
	}
	if diff := cmp.Diff([]string{base + "/mcp", base + "/mcp/review"}, i.audiences); diff != "" {
		t.Errorf("the token was judged for another resource:\n%s", diff)
	}
}

func TestABadTokenIsRefused(t *testing.T) {
	const invalid, expired, down = gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityDown
	for _, tc := range []struct {
		authorization string
		proofs        []string
		want          gate.Code
		subject       string // in the attempt
	}{
		{"Bearer forged.a.b", nil, invalid, ""},
		{"Bearer forged", nil, invalid, ""},
		{"Bearer expired.a.b", nil, expired, "alice"},
		{"Bearer late.a.b", nil, expired, "alice"},
		{"Bearer endless.a.b", nil, down, "alice"},
		{"Bearer nobody.a.b", nil, down, ""},
		{"Bearer unknown.a.b", nil, down, "alice"},
		{"Bearer empty.a.b", nil, down, ""},
		{"Bearer down.a.b", nil, down, "alice"},
		{"Bearer panic.a.b", nil, down, ""},
		{"Bearer bound.key.x", nil, invalid, "alice"},
		{"Bearer bound.key.x", []string{"good"}, invalid, ""},
		{"DPoP good.a.b", []string{"good"}, invalid, "alice"},
		{"DPoP good.a.b", nil, invalid, "alice"},
		{"DPoP bound.key.x", nil, invalid, "alice"},
		{"DPoP bound.key.x", []string{"bad"}, invalid, "alice"},
		{"DPoP bound.key.x", []string{"good", "good"}, invalid, "alice"},
		{"DPoP bound.key.x", []string{"down"}, down, "alice"},
		{"DPoP bound.key.x", []string{"panic"}, down, "alice"},
		{"DPoP " + good, []string{"good"}, invalid, ""},
		{"", []string{"good"}, invalid, ""},
		{"Bearer bound.cert.x", nil, invalid, "alice"},
		{"Bearer " + good, []string{"good"}, invalid, ""},
	} {
		t.Run(fmt.Sprint(tc.authorization, tc.proofs), func(t *testing.T) {
			cfg := withTokens(&issuers{})
			cfg.Anonymous = &identify.AnonymousPrincipal{Subject: "local"}
			ex := visit(tc.authorization, tc.proofs...)
			ex.Inbound.Remote = from("127.0.0.1").Inbound.Remote
			if got := code(t, stage(t, cfg), ex); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if ex.Attempt.Subject != tc.subject {
				t.Errorf("attempt of %q, want %q", ex.Attempt.Subject, tc.subject)
			}
		})
	}
}

// A key is a key and a token a token, whatever the other would say of it.
func TestEachCredentialIsTriedOnce(t *testing.T) {
	i := &issuers{}
	cfg := withTokens(i)
	k := cfg.Keys.(*keys) //nolint:forcetypeassert // made above
	s := stage(t, cfg)
	if c := code(t, s, visit("Bearer "+good)); c != "" || len(i.audiences) != 0 {
		t.Errorf("a key: %q, %d issuers asked", c, len(i.audiences))
	}
	if c := code(t, s, visit("Bearer dw_unknown.a.b")); c != gate.CodeBadCredential || len(i.audiences) != 0 {
		t.Errorf("a bad key: %q, %d issuers asked", c, len(i.audiences))
	}
	k.asked = nil
	if c := code(t, s, visit("Bearer forged.a.b")); c != gate.CodeBadCredential || len(k.asked) != 0 {
		t.Errorf("a bad token: %q, %d keys asked", c, len(k.asked))
	}
	cfg.APIKeys, cfg.Keys = false, nil
	if c := code(t, stage(t, cfg), visit("Bearer "+good)); c != gate.CodeBadCredential || len(i.audiences) != 1 {
		t.Errorf("a key where keys are off: %q", c)
	}
	local := visit("Bearer good.a.b")
	local.Inbound.Base = ""
	if c := code(t, s, local); c != gate.CodeBadCredential {
		t.Errorf("a token where there is no resource: %q", c)
	}
}

func TestAProofIsAboutThisRequest(t *testing.T) {
	i := &issuers{}
	s := stage(t, withTokens(i))
	if c := code(t, s, visit("DPoP bound.key.x", "good")); c != "" {
		t.Fatalf("refused: %s", c)
	}
	want := []identify.Proof{{Text: "good", Method: "POST", URL: base + "/mcp", Token: "bound.key.x", Thumbprint: "thumb"}}
	if diff := cmp.Diff(want, i.proofs); diff != "" {
		t.Error(diff)
	}
	ws := visit("DPoP bound.key.x", "good")
	ws.Inbound.Transport = "websocket"
	if c := code(t, s, ws); c != gate.CodeBadCredential {
		t.Errorf("one proof for a connection of many messages: %q", c)
	}
}

// Several credentials say the same, or none of them counts (AUT-20).
func TestAUT20_CredentialsMustAgree(t *testing.T) {
	const conflict, invalid = gate.CodeIdentityConflict, gate.CodeBadCredential
	for _, tc := range []struct {
		name          string
		authorization string
		cert          *x509.Certificate
		want          gate.Code
		method        string
	}{
		{"certificate alone", "", leaf, "", gate.MethodMTLS},
		{"certificate and key", "Bearer " + good, leaf, conflict, ""},
		{"certificate and token", "Bearer good.a.b", leaf, conflict, ""},
		{"certificate and a token bound to it", "Bearer bound.cert.x", leaf, "", gate.MethodJWT},
		{"certificate and a token bound to another", "Bearer bound.cert.x", other, invalid, ""},
		{"certificate and a bad token", "Bearer forged.a.b", leaf, invalid, ""},
		{"certificate and a bad key", "Bearer dw_x", leaf, invalid, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ex := visit(tc.authorization)
			ex.Inbound.Certificate = tc.cert
			if got := code(t, stage(t, withTokens(&issuers{})), ex); got != tc.want {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			if ex.Principal != nil && ex.Principal.Method != tc.method {
				t.Errorf("principal %+v", ex.Principal)
			}
		})
	}
	cfg := withTokens(&issuers{})
	cfg.Certificates = "" // then it only opens the connection
	ex := visit("Bearer " + good)
	ex.Inbound.Certificate = leaf
	if got := code(t, stage(t, cfg), ex); got != "" {
		t.Errorf("a certificate that is no identity: %q", got)
	}
	ex = visit("Bearer bound.cert.x")
	ex.Inbound.Certificate = leaf
	if got := code(t, stage(t, cfg), ex); got != "" {
		t.Errorf("a token bound to a certificate that is no identity: %q", got)
	}
}

func TestRevokedCredentials(t *testing.T) {
	cfg := withTokens(&issuers{})
	var answer bool
	var fault error
	var asked []string
	cfg.Revoked = func(p *gate.Principal) (bool, error) {
		asked = append(asked, p.Realm+" "+p.Subject+" "+p.Credential)
		return answer, fault
	}
	s := stage(t, cfg)
	for _, tc := range []struct {
		gone bool
		err  error
		want gate.Code
	}{{false, nil, ""}, {true, nil, gate.CodeBadCredential}, {false, errors.New("down"), gate.CodeIdentityDown}, {true, errors.New("down"), gate.CodeIdentityDown}} {
		answer, fault = tc.gone, tc.err
		for _, authorization := range []string{"Bearer good.a.b", "Bearer " + good} {
			ex := visit(authorization)
			if got := code(t, s, ex); got != tc.want {
				t.Errorf("%+v: got %q", tc, got)
			}
			if who := ex.Principal; who == nil || who.Subject != "alice" {
				t.Errorf("%+v: it is on record as of %+v", tc, who)
			}
		}
	}
	asked = nil
	cfg.Revoked = func(p *gate.Principal) (bool, error) {
		asked = append(asked, p.Realm+" "+p.Subject)
		return p.Realm == gate.RealmMTLS, nil
	}
	for names, want := range map[string]string{"san_uri": "mtls spiffe://house/alice", "": "mtls "} {
		cfg.Certificates, asked = names, nil
		bound := visit("Bearer bound.cert.x")
		bound.Inbound.Certificate = leaf
		if got := code(t, stage(t, cfg), bound); got != gate.CodeBadCredential || asked[len(asked)-1] != want {
			t.Errorf("a token bound to a revoked certificate: %q, asked about %q", got, asked)
		}
	}
}

func TestWhoIsAskedAbout(t *testing.T) {
	cfg := withTokens(&issuers{})
	var asked []string
	cfg.Revoked = func(p *gate.Principal) (bool, error) {
		asked = append(asked, p.Realm+" "+p.Subject+" "+p.Credential)
		return false, nil
	}
	s := stage(t, cfg)
	for _, authorization := range []string{"Bearer good.a.b", "Bearer " + good} {
		if got := code(t, s, visit(authorization)); got != "" {
			t.Errorf("%s: %q", authorization, got)
		}
	}
	if asked[0] != idp+" alice jti-1" || asked[1] != "api_key alice k_1" {
		t.Errorf("asked about %v", asked[:2])
	}
}
