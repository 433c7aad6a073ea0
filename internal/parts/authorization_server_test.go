package parts_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const toolScope, readScope = "mcp:execute:tools", "mcp:read:documents"

// guarded is the configuration of a gateway that accepts the authority's tokens. Each
// profile is a resource of its own. more goes on with the issuer.
func (a *authority) guarded(t *testing.T, more string) string {
	t.Helper()
	return fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0"}
upstreams:
  up: %s
profiles:
  opaque: {upstreams: [up], names: plain}
  brief: {upstreams: [up], names: plain}
trust: {first_use: approve}
secrets:
  at-the-issuer: {from: "file:$DIR/at-the-issuer"}
identity:
  scopes: [%s]
  issuers:
    - issuer: %s
%s
`, overHTTP("stateless")(t), readScope, a.url, more)
}

// asked is what an issuer needs to be asked about opaque tokens, and byClient what one
// needs that answers without a subject about what a machine has for itself (RFC
// 7662, section 2.2).
const (
	asked    = "      introspection: {client_id: gateway, client_secret: at-the-issuer}\n"
	byClient = "      claims: {subject: client_id}\n"
)

// asking is the client that a gateway is at its issuer; secret is in the file.
func asking(secret string) client {
	return client{"client_id": "gateway", "client_secret": secret, "grant_types": []string{}, "response_types": []string{}, "redirect_uris": []string{}}
}

// startWith runs a gateway that has a secret in a file.
func startWith(t *testing.T, secret, config string) *gateway {
	t.Helper()
	g := directory(t, config)
	g.write("at-the-issuer", secret)
	g.serve()
	return g
}

// answer is what a gateway said to one request.
type answer struct {
	status    int
	body      string
	challenge []string
	exchange  string
}

func (a answer) String() string {
	return fmt.Sprintf("status %d, challenge %q, %s", a.status, a.challenge, a.body)
}

// echoes sends one call of the tool echo, of the stateless era, to a URL.
func echoes(t *testing.T, c *http.Client, url string, header http.Header) answer {
	t.Helper()
	tool := "up__echo"
	if strings.HasSuffix(url, "/opaque") || strings.HasSuffix(url, "/brief") {
		tool = "echo"
	}
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{"name":"me"},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("MCP-Protocol-Version", stateless)
	r.Header.Set("Mcp-Method", "tools/call")
	r.Header.Set("Mcp-Name", tool)
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, string(text), res.Header["Www-Authenticate"], res.Header.Get("Doorward-Exchange")}
}

// as is the header of a request with a token.
func as(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// works fails unless a call with the token is answered by the tool.
func works(t *testing.T, url, token string) {
	t.Helper()
	if a := echoes(t, http.DefaultClient, url, as(token)); a.status != http.StatusOK || !strings.Contains(a.body, "echo of me") {
		t.Errorf("%s: %v, want the tool's answer", url, a)
	}
}

// refused fails unless a call is refused for its credential.
func refused(t *testing.T, url string, header http.Header) {
	t.Helper()
	a := echoes(t, http.DefaultClient, url, header)
	if a.status != http.StatusUnauthorized || len(a.challenge) == 0 || !strings.Contains(a.challenge[0], `error="invalid_token"`) {
		t.Errorf("%s: %v, want 401 and invalid_token", url, a)
	}
}

func TestAccessTokensOfAnAuthorizationServer(t *testing.T) {
	t.Parallel()
	const secret = "what only the two know: +/%"
	a := newAuthority(t, asking(secret))
	g := startWith(t, secret, a.guarded(t, asked+byClient))

	first := echoes(t, http.DefaultClient, g.url, nil)
	if want := `resource_metadata="` + strings.TrimSuffix(g.url, "/mcp") + `/.well-known/oauth-protected-resource/mcp"`; first.status != http.StatusUnauthorized || len(first.challenge) == 0 || !strings.Contains(first.challenge[0], want) {
		t.Errorf("without a token: %v, want %s", first, want)
	}
	signed, opaque := a.token(g.url, toolScope, nil), a.token(g.url+"/opaque", toolScope, nil)
	if strings.Count(signed, ".") != 2 || strings.Count(opaque, ".") != 0 {
		t.Fatal("the tokens are not one JWT and one opaque one")
	}
	works(t, g.url, signed)
	works(t, g.url+"/opaque", opaque)
	for _, tc := range []struct{ method, profile string }{{"jwt", ""}, {"introspection", "opaque"}} {
		all := g.records("--item", "echo", "--kind", "intent")
		found := false
		for _, r := range all {
			p := r.Principal
			found = found || r.Profile == tc.profile && p.Method == tc.method && p.Subject == "robot" && p.Client == "robot" && p.Issuer == a.url && p.Credential != ""
		}
		if !found {
			t.Errorf("no record of robot by %s: %+v", tc.method, all)
		}
	}

	head, rest, _ := strings.Cut(signed, ".")
	changed := head + "." + strings.Replace(rest, rest[:8], base64.RawURLEncoding.EncodeToString([]byte(`{"sub"`)), 1)
	for what, try := range map[string]struct{ url, token string }{
		"a JWT for another gateway":              {g.url, a.token("http://127.0.0.1:1/mcp", toolScope, nil)},
		"a JWT for the gateway's root":           {g.url, a.token(strings.TrimSuffix(g.url, "/mcp"), toolScope, nil)},
		"a JWT for a profile":                    {g.url, a.token(g.url+"/signed", toolScope, nil)},
		"a JWT at a profile":                     {g.url + "/opaque", signed},
		"an opaque token of a profile elsewhere": {g.url, opaque},
		"an opaque token for another gateway":    {g.url + "/opaque", a.token("http://127.0.0.1:1/mcp/opaque", toolScope, nil)},
		"a JWT that was changed":                 {g.url, changed},
		"an opaque token that was changed":       {g.url + "/opaque", opaque[1:] + opaque[:1]},
	} {
		t.Run(what, func(t *testing.T) { refused(t, try.url, as(try.token)) })
	}
	t.Run("a token in the query", func(t *testing.T) {
		if got := echoes(t, http.DefaultClient, g.url+"?access_token="+signed, nil); got.status != http.StatusUnauthorized {
			t.Errorf("%v, want 401", got)
		}
	})
	t.Run("a scope that opens no tool", func(t *testing.T) {
		for _, url := range []string{g.url, g.url + "/opaque"} {
			got := echoes(t, http.DefaultClient, url, as(a.token(url, readScope, nil)))
			if got.status != http.StatusForbidden || len(got.challenge) != 1 || !strings.Contains(got.challenge[0], `error="insufficient_scope", scope="`+toolScope+`"`) {
				t.Errorf("%s: %v, want 403 and %s", url, got, toolScope)
			}
		}
	})
	for _, text := range []string{g.log.String(), g.must("audit", "search", "--format", "json")} {
		for _, token := range []string{signed, opaque, secret} {
			if strings.Contains(text, token) {
				t.Error("a token or the secret is in a log")
			}
		}
	}

	// What the gateway knows goes on without its issuer; what it would have to ask
	// is refused, and says that it is no fault of the token.
	fresh := a.token(g.url+"/opaque", toolScope, nil)
	a.end()
	works(t, g.url, signed)
	if got := echoes(t, http.DefaultClient, g.url+"/opaque", as(fresh)); got.status != http.StatusServiceUnavailable || len(got.challenge) != 0 {
		t.Errorf("an opaque token that nobody can judge: %v, want 503", got)
	}
	works(t, g.url, signed)
}

// The other ways in which a gateway proves to its issuer who it is.
func TestIntrospectionMethods(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, tc := range []struct {
		method, secret, key string
		client              client
	}{
		{"client_secret_post", "CANARY-of-gateway-and-issuer-7c1d", "client_secret", asking("CANARY-of-gateway-and-issuer-7c1d")},
		{"private_key_jwt", text, "private_key", client{
			"client_id": "gateway", "grant_types": []string{}, "response_types": []string{}, "redirect_uris": []string{},
			"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "gateway's", Algorithm: "ES256", Use: "sig"}}},
		}},
	} {
		t.Run(tc.method, func(t *testing.T) {
			t.Parallel()
			tc.client["token_endpoint_auth_method"] = tc.method
			a := newAuthority(t, tc.client)
			g := startWith(t, tc.secret, a.guarded(t, fmt.Sprintf("      introspection: {client_id: gateway, method: %s, %s: at-the-issuer}\n", tc.method, tc.key)+byClient))
			works(t, g.url+"/opaque", a.token(g.url+"/opaque", toolScope, nil))
			works(t, g.url+"/opaque", a.token(g.url+"/opaque", toolScope, nil)) // an assertion is good once
		})
	}
}

// A new key is fetched when the first token comes that it has signed; one that the
// issuer has dropped judges nothing any more as soon as its keys were read again.
func TestKeysOfTheIssuerChange(t *testing.T) {
	t.Parallel()
	t.Run("added, then dropped", func(t *testing.T) {
		t.Parallel()
		a := newAuthority(t)
		g := startWith(t, "-", a.guarded(t, "      keys_stale: 1m\n")) // they are read again twice as often
		old := a.token(g.url, toolScope, nil)
		works(t, g.url, old)
		a.keys("add")
		fresh := a.token(g.url, toolScope, nil)
		works(t, g.url, fresh)
		works(t, g.url, old)
		a.keys("drop")
		last := time.Now()
		eventually(t, "a token of the dropped key is refused", func() bool {
			if time.Since(last) < time.Second {
				return false
			}
			last = time.Now()
			return echoes(t, http.DefaultClient, g.url, as(old)).status == http.StatusUnauthorized
		})
		refused(t, g.url, as(old))
		works(t, g.url, fresh)
	})
	t.Run("replaced", func(t *testing.T) {
		t.Parallel()
		a := newAuthority(t)
		g := startWith(t, "-", a.guarded(t, ""))
		old := a.token(g.url, toolScope, nil)
		works(t, g.url, old)
		a.keys("add")
		a.keys("drop")
		works(t, g.url, a.token(g.url, toolScope, nil)) // the key that it names is fetched at once
		refused(t, g.url, as(old))
	})
}

// holder is a client that proves with every request that it has a key (RFC 9449).
type holder struct {
	t      *testing.T
	signer jose.Signer
}

func newHolder(t *testing.T) *holder {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	return &holder{t, signer}
}

// proof is one for a POST to a URL, with a token unless that is empty.
func (h *holder) proof(url, token string) string {
	h.t.Helper()
	claims := map[string]any{"jti": rand.Text(), "htm": http.MethodPost, "htu": url, "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	text, err := jwt.Signed(h.signer).Claims(claims).Serialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func TestTokensThatAreBoundToAKey(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, asking("CANARY-of-gateway-and-issuer-7c1d"))
	g := startWith(t, "CANARY-of-gateway-and-issuer-7c1d", a.guarded(t, asked+byClient))
	for _, url := range []string{g.url, g.url + "/opaque"} {
		h, other := newHolder(t), newHolder(t)
		token := a.token(url, toolScope, http.Header{"Dpop": {h.proof(a.url+"/token", "")}})
		with := func(proof string) http.Header {
			return http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}
		}
		proof := h.proof(url, token)
		// What was made before the gateway began to remember is not fresh.
		eventually(t, "a call with a proof works", func() bool {
			proof = h.proof(url, token)
			return echoes(t, http.DefaultClient, url, with(proof)).status == http.StatusOK
		})
		refused(t, url, with(proof)) // used before
		refused(t, url, as(token))
		refused(t, url, http.Header{"Authorization": {"DPoP " + token}})
		refused(t, url, http.Header{"Authorization": {"Bearer " + token}, "Dpop": {h.proof(url, token)}})
		refused(t, url, with(other.proof(url, token)))
		refused(t, url, with(h.proof(url+"/x", token)))
		refused(t, url, with(h.proof(url, token+"x")))
		if got := echoes(t, http.DefaultClient, url, with(h.proof(url, token))); got.status != http.StatusOK || !strings.Contains(got.body, "echo of me") {
			t.Errorf("%s with another proof: %v", url, got)
		}
		free := a.token(url, toolScope, nil)
		refused(t, url, http.Header{"Authorization": {"DPoP " + free}, "Dpop": {h.proof(url, free)}})
	}
	res, err := http.Get(strings.TrimSuffix(g.url, "/mcp") + "/.well-known/oauth-protected-resource/mcp")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var metadata struct {
		Algorithms []string `json:"dpop_signing_alg_values_supported"`
	}
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil || len(metadata.Algorithms) == 0 {
		t.Errorf("the metadata says %+v of DPoP, error %v", metadata, err)
	}
}
