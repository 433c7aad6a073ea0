package login_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"doorward/internal/login"
)

const audience = "https://mcp.example/mcp"

func TestMachineWithSecret(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		methods any
		basic   bool
		want    string // of the error
	}{
		"basic before post": {[]string{"client_secret_post", "client_secret_basic"}, true, ""},
		"none listed":       {nil, true, ""},
		"post":              {[]string{"private_key_jwt", "client_secret_post"}, false, ""},
		"neither":           {[]string{"none", "private_key_jwt"}, false, "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.secrets["job:1"] = "s3cret+/%"
			a.metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = tc.methods }
			p := newPerson(t)
			r := login.Request{Resource: audience, Issuer: a.url, Client: login.Client{ID: "job:1", Secret: "env:s3cret+/%"}, Scopes: []string{"mcp:write", "mcp:read"}}
			tok, err := p.keeper().SignIn(t.Context(), r, login.Machine)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("error %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			asked := a.asked("/token")[0]
			if _, _, basic := (&http.Request{Header: asked.Header}).BasicAuth(); basic != tc.basic || asked.Form.Has("client_secret") == tc.basic {
				t.Errorf("basic %v, form %v", basic, asked.Form)
			}
			if asked.Form.Get("resource") != audience || asked.Form.Get("scope") != "mcp:read mcp:write" || asked.Form.Get("grant_type") != "client_credentials" {
				t.Errorf("form %v", asked.Form)
			}
			if tok.Resource != audience || tok.ClientID != "job:1" || !tok.Renewable {
				t.Errorf("token %+v", tok)
			}
			// Where the secret is may be kept, and what it is may not.
			if kept := p.kept(); !strings.Contains(kept, `"env:s3cret+/%"`) || strings.Contains(strings.ReplaceAll(kept, "env:s3cret", ""), "s3cret") {
				t.Errorf("kept %s", kept)
			}
		})
	}
}

func TestMachineWithKey(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: ec, KeyID: "k1", Algorithm: "ES256", Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text   string
		public crypto.PublicKey
	}{
		"EC in PKCS #8":  {pkcs8(ec), ec.Public()},
		"EC in SEC 1":    {string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), ec.Public()},
		"RSA in PKCS #8": {pkcs8(big), big.Public()},
		"RSA in PKCS #1": {string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(big)})), big.Public()},
		"Ed25519":        {pkcs8(ed), ed.Public()},
		"JSON Web Key":   {string(jwk), ec.Public()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "/tenant")
			a.keys["job"] = tc.public
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p := newPerson(t)
			r := login.Request{Resource: audience, Issuer: a.url, Client: login.Client{ID: "job", Key: "file:" + path}}
			tok := p.signIn(r, login.Machine)
			// Renewing signs again.
			access, _, err := p.source(r, login.Machine).Renew(t.Context(), "another")
			if err != nil || access != tok.Access {
				t.Errorf("%q, %v, want the token that is kept", access, err)
			}
			if strings.Contains(p.kept(), "PRIVATE") {
				t.Error("the key was kept")
			}
		})
	}
}

func TestKeysAreRefused(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(p224)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: small.Public()})
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthority(t, "")
	for name, text := range map[string]string{
		"no key":        "hello",
		"a symmetric":   `{"kty":"oct","k":"c2VjcmV0LXN3b3JkZmlzaA"}`,
		"a public":      string(public),
		"RSA of 1024":   string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)})),
		"EC P-224":      string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})),
		"a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		r := login.Request{Resource: audience, Issuer: a.url, Client: login.Client{ID: "job", Key: "env:" + text}}
		_, err := newPerson(t).keeper().SignIn(t.Context(), r, login.Machine)
		if err == nil || !strings.Contains(err.Error(), "is no private key") || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n := len(a.asked("/token")); n != 0 {
		t.Errorf("the token endpoint was asked %d times", n)
	}
}

// A secret is sent to nobody but the issuer that its owner names (A28).
func TestSecretsBelongToAnIssuer(t *testing.T) {
	t.Parallel()
	a, evil := newAuthority(t, ""), newAuthority(t, "")
	g, p := newGateway(t, evil.url), newPerson(t)
	for name, c := range map[string]login.Client{
		"secret": {ID: "job", Secret: "env:swordfish"},
		"key":    {ID: "job", Key: "env:swordfish"},
	} {
		for _, f := range []login.Flow{login.Machine, login.Browser, login.Device} {
			_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: c}, f)
			if !errors.Is(err, login.ErrRequest) {
				t.Errorf("%s without an issuer: error %v", name, err)
			}
		}
		_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Issuer: a.url, Client: c}, login.Machine)
		if err == nil || !strings.Contains(err.Error(), "takes no tokens of "+a.url) {
			t.Errorf("%s for an issuer that the gateway does not name: error %v", name, err)
		}
	}
	if n := len(a.requests) + len(evil.requests); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestRequestsAreChecked(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]login.Request{
		"nothing":           {},
		"two targets":       {URL: audience, Resource: audience},
		"no issuer":         {Resource: audience},
		"http elsewhere":    {URL: "http://mcp.example/mcp"},
		"a user":            {URL: "https://a:b@mcp.example/mcp"},
		"a query":           {URL: "https://mcp.example/mcp?x"},
		"an issuer's query": {Resource: audience, Issuer: "https://id.example?x=1"},
		"two proofs":        {Resource: audience, Issuer: "https://id.example", Client: login.Client{ID: "x", Secret: "env:A", Key: "env:B"}},
		"no client":         {Resource: audience, Issuer: "https://id.example", Client: login.Client{Secret: "env:A"}},
		"a document":        {URL: audience, Client: login.Client{Document: "https://app.example"}},
		"http document":     {URL: audience, Client: login.Client{Document: "http://127.0.0.1/x"}},
		"a scope":           {URL: audience, Scopes: []string{"a b"}},
		"a port":            {URL: audience, Port: 70000},
		"a client id":       {URL: audience, Client: login.Client{ID: "a\nb"}},
	} {
		if _, err := newPerson(t).keeper().SignIn(t.Context(), r, login.Browser); !errors.Is(err, login.ErrRequest) {
			t.Errorf("%s: error %v, want ErrRequest", name, err)
		}
	}
	if _, err := newPerson(t).keeper().SignIn(t.Context(), login.Request{Resource: audience, Issuer: "https://id.example", Client: login.Client{ID: "x"}}, login.Machine); !errors.Is(err, login.ErrRequest) {
		t.Errorf("a job without credentials: error %v", err)
	}
}

// A token that is none is not kept.
func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(map[string]any) { return func(m map[string]any) { m[name] = value } }
	for name, tc := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"no token":            {func(m map[string]any) { delete(m, "access_token") }, "access token"},
		"a line break":        {set("access_token", "a\r\nX: y"), "access token"},
		"a space":             {set("access_token", "a b"), "access token"},
		"DPoP":                {set("token_type", "DPoP"), "only Bearer"},
		"no type":             {func(m map[string]any) { delete(m, "token_type") }, "only Bearer"},
		"a refresh token":     {set("refresh_token", "a\nb"), "refresh token"},
		"an end before it":    {set("expires_in", -1), "expires_in"},
		"an end that is none": {set("expires_in", "tomorrow"), "expires_in"},
		"a list":              {set("access_token", []string{"a"}), "no JSON object of RFC 6749"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.secrets["job"] = "s"
			a.token = tc.change
			p := newPerson(t)
			_, err := p.keeper().SignIn(t.Context(), login.Request{Resource: audience, Issuer: a.url, Client: login.Client{ID: "job", Secret: "env:s"}}, login.Machine)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if len(p.files()) != 0 {
				t.Errorf("kept %v", p.files())
			}
		})
	}
}

// What a server says may repeat what it was sent; it is not shown then.
func TestSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			oauthError(w, "invalid_client", "no client has the secret "+r.PostForm.Get("client_secret"))
		}
		return r.URL.Path == "/token"
	}
	a.metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }
	_, err := newPerson(t).keeper().SignIn(t.Context(), login.Request{Resource: audience, Issuer: a.url, Client: login.Client{ID: "job", Secret: "env:swordfish"}}, login.Machine)
	if err == nil || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("error %v", err)
	}
}
