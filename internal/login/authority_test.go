package login_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// authority is an authorization server that keeps to its standards, unless a
// test changes what it says.
type authority struct {
	t   testing.TB
	srv *httptest.Server
	url string // the issuer

	mu        sync.Mutex
	requests  []request
	public    map[string][]string // redirect URIs, by client id
	secrets   map[string]string   // of confidential clients, by id
	keys      map[string]any      // public keys, by client id
	codes     map[string]code
	refreshes map[string]grant // good ones
	used      map[string]bool  // refresh tokens that were rotated away
	devices   map[string]*pending
	issued    int

	// What a test may change, before the first request.
	metadata  func(map[string]any)                          // of the document
	answer    func(redirect url.Values)                     // of the authorization response
	token     func(map[string]any)                          // of the token response
	intercept func(http.ResponseWriter, *http.Request) bool // true: it has answered
	lifetime  int                                           // of access tokens, seconds; 0: one hour; -1: not said
	offline   bool                                          // refresh tokens need offline_access
	noRefresh bool
}

// request is what the authority was asked.
type request struct {
	Method, Path string
	Form         url.Values // query and body
	Header       http.Header
}

type code struct {
	client, redirect, challenge, resource, scope string
}

type grant struct{ client, resource, scope string }

// pending is a device's sign-in that waits for answers.
type pending struct {
	grant
	answers []string // errors to answer with, before the token
}

func newAuthority(t testing.TB, path string) *authority {
	t.Helper()
	a := &authority{
		t: t, public: map[string][]string{}, secrets: map[string]string{}, keys: map[string]any{}, codes: map[string]code{},
		refreshes: map[string]grant{}, used: map[string]bool{}, devices: map[string]*pending{},
	}
	a.srv = httptest.NewServer(a)
	t.Cleanup(func() {
		a.srv.CloseClientConnections()
		a.srv.Close()
	})
	a.url = a.srv.URL + path
	return a
}

func (a *authority) document() map[string]any {
	m := map[string]any{
		"issuer": a.url, "authorization_endpoint": a.url + "/authorize", "token_endpoint": a.url + "/token",
		"device_authorization_endpoint": a.url + "/device", "registration_endpoint": a.url + "/register", "revocation_endpoint": a.url + "/revoke",
		"scopes_supported": []string{"mcp:read", "mcp:write", "offline_access"}, "response_types_supported": []string{"code"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"token_endpoint_auth_methods_supported":            []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"ES256", "RS256", "EdDSA"},
		"authorization_response_iss_parameter_supported":   true,
	}
	if a.metadata != nil {
		a.metadata(m)
	}
	for _, k := range slices.Collect(maps.Keys(m)) {
		if m[k] == nil {
			delete(m, k)
		}
	}
	return m
}

// asked are the requests for a path below the issuer.
func (a *authority) asked(path string) []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []request
	for _, r := range a.requests {
		if r.Path == path {
			all = append(all, r)
		}
	}
	return all
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	path := strings.TrimPrefix(a.srv.URL+r.URL.Path, a.url)
	a.requests = append(a.requests, request{r.Method, path, r.Form, r.Header.Clone()})
	if a.intercept != nil && a.intercept(w, r) {
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-authorization-server"):
		reply(w, http.StatusOK, a.document())
	case path == "/authorize":
		a.authorize(w, r)
	case path == "/token" && r.Method == http.MethodPost:
		a.tokens(w, r)
	case path == "/device" && r.Method == http.MethodPost:
		a.device(w, r)
	case path == "/register" && r.Method == http.MethodPost:
		a.register(w, r)
	case path == "/revoke" && r.Method == http.MethodPost:
		if _, ok := a.client(w, r); ok {
			delete(a.refreshes, r.PostForm.Get("token"))
		}
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func oauthError(w http.ResponseWriter, code, text string) {
	reply(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": text})
}

func (a *authority) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirects, known := a.public[q.Get("client_id")]
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case !known, err != nil, !slices.Contains(redirects, q.Get("redirect_uri")) && !slices.Contains(redirects, "loopback"):
		http.Error(w, "unknown client or redirect", http.StatusBadRequest)
		return
	case redirect.Scheme != "http", redirect.Hostname() != "127.0.0.1":
		http.Error(w, "redirect is not loopback", http.StatusBadRequest)
		return
	case q.Get("response_type") != "code", q.Get("code_challenge_method") != "S256", len(q.Get("code_challenge")) != 43, q.Get("state") == "", q.Get("resource") == "":
		http.Error(w, "wrong parameters: "+q.Encode(), http.StatusBadRequest)
		return
	}
	c := rand.Text()
	a.codes[c] = code{q.Get("client_id"), q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("resource"), q.Get("scope")}
	back := url.Values{"code": {c}, "state": {q.Get("state")}, "iss": {a.url}}
	if a.answer != nil {
		a.answer(back)
	}
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

// client authenticates who asks.
func (a *authority) client(w http.ResponseWriter, r *http.Request) (string, bool) {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	_, public := a.public[id]
	want, confidential := a.secrets[id]
	key, signs := a.keys[id]
	switch {
	case signs && a.assertion(r, id, key):
	case confidential && secret == want:
	case public && !confidential && !signs && secret == "":
	default:
		w.Header().Set("Www-Authenticate", "Basic")
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return "", false
	}
	return id, true
}

func (a *authority) assertion(r *http.Request, id string, key any) bool {
	if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return false
	}
	tok, err := jwt.ParseSigned(r.PostForm.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
	if err != nil {
		return false
	}
	var c struct {
		jwt.Claims
		Audience string `json:"aud"` // a string, not a list
	}
	if err := tok.Claims(key, &c); err != nil {
		return false
	}
	return c.Issuer == id && c.Subject == id && c.Audience == a.url && c.ID != "" && c.Expiry != nil && c.IssuedAt != nil
}

func (a *authority) tokens(w http.ResponseWriter, r *http.Request) {
	id, ok := a.client(w, r)
	if !ok {
		return
	}
	f := r.PostForm
	var g grant
	switch f.Get("grant_type") {
	case "authorization_code":
		c, known := a.codes[f.Get("code")]
		delete(a.codes, f.Get("code"))
		sum := sha256.Sum256([]byte(f.Get("code_verifier")))
		if !known || c.client != id || c.redirect != f.Get("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			oauthError(w, "invalid_grant", "the code does not fit")
			return
		}
		g = grant{id, c.resource, c.scope}
	case "refresh_token":
		old := f.Get("refresh_token")
		var known bool
		if g, known = a.refreshes[old]; !known || g.client != id || a.used[old] {
			a.refreshes = map[string]grant{} // a stolen token ends the whole family (RFC 9700, 4.14)
			oauthError(w, "invalid_grant", "the refresh token "+old+" does not fit")
			return
		}
		delete(a.refreshes, old)
		a.used[old] = true
	case "client_credentials":
		g = grant{id, f.Get("resource"), f.Get("scope")}
	case "urn:ietf:params:oauth:grant-type:device_code":
		d, known := a.devices[f.Get("device_code")]
		if !known || d.client != id {
			oauthError(w, "invalid_grant", "")
			return
		}
		if len(d.answers) > 0 {
			said := d.answers[0]
			d.answers = d.answers[1:]
			oauthError(w, said, "")
			return
		}
		g = d.grant
	default:
		oauthError(w, "unsupported_grant_type", "")
		return
	}
	if f.Get("resource") == "" || f.Get("resource") != g.resource {
		oauthError(w, "invalid_target", "")
		return
	}
	a.give(w, g, f.Get("grant_type") != "client_credentials")
}

func (a *authority) give(w http.ResponseWriter, g grant, person bool) {
	a.issued++
	m := map[string]any{"access_token": fmt.Sprintf("access-%d-%s", a.issued, rand.Text()), "token_type": "Bearer", "expires_in": 3600}
	if a.lifetime > 0 {
		m["expires_in"] = a.lifetime
	}
	if a.lifetime < 0 {
		delete(m, "expires_in")
	}
	if g.scope != "" {
		m["scope"] = g.scope
	}
	if person && !a.noRefresh && (!a.offline || strings.Contains(g.scope, "offline_access")) {
		refresh := "refresh-" + rand.Text()
		a.refreshes[refresh] = g
		m["refresh_token"] = refresh
	}
	if a.token != nil {
		a.token(m)
	}
	reply(w, http.StatusOK, m)
}

func (a *authority) device(w http.ResponseWriter, r *http.Request) {
	id, ok := a.client(w, r)
	if !ok {
		return
	}
	if r.PostForm.Get("resource") == "" {
		oauthError(w, "invalid_target", "")
		return
	}
	c := rand.Text()
	d, waiting := a.devices[""]
	if !waiting {
		d = &pending{}
	}
	d.grant = grant{id, r.PostForm.Get("resource"), r.PostForm.Get("scope")}
	a.devices[c] = d
	m := map[string]any{"device_code": c, "user_code": "WDJB-MJHT", "verification_uri": a.url + "/go", "expires_in": 600, "interval": 5}
	if a.token != nil {
		a.token(m)
	}
	reply(w, http.StatusOK, m)
}

func (a *authority) register(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Redirects []string `json:"redirect_uris"`
		Type      string   `json:"application_type"`
		Method    string   `json:"token_endpoint_auth_method"`
		Name      string   `json:"client_name"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Type != "native" || asked.Name == "" || asked.Method != "none" {
		oauthError(w, "invalid_client_metadata", fmt.Sprintf("%v %+v", err, asked))
		return
	}
	id := "registered-" + rand.Text()
	a.public[id] = asked.Redirects
	m := map[string]any{"client_id": id, "redirect_uris": asked.Redirects, "token_endpoint_auth_method": "none"}
	if a.token != nil {
		a.token(m)
	}
	if secret, ok := m["client_secret"].(string); ok {
		a.secrets[id] = secret
	}
	reply(w, http.StatusCreated, m)
}

// gateway is a protected resource.
type gateway struct {
	srv *httptest.Server
	url string

	mu       sync.Mutex
	requests []request
	says     map[string]any                                // its metadata
	header   string                                        // WWW-Authenticate; MD is the URL of its metadata
	at       string                                        // path of its metadata
	answer   func(http.ResponseWriter, *http.Request) bool // true: it has answered
}

func newGateway(t testing.TB, issuers ...string) *gateway {
	t.Helper()
	g := &gateway{at: "/.well-known/oauth-protected-resource/mcp", header: `Bearer resource_metadata="MD", scope="mcp:read"`}
	g.srv = httptest.NewServer(g)
	t.Cleanup(func() {
		g.srv.CloseClientConnections()
		g.srv.Close()
	})
	g.url = g.srv.URL + "/mcp"
	g.says = map[string]any{"resource": g.url, "authorization_servers": issuers, "scopes_supported": []string{"mcp:all"}}
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, request{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone()})
	switch {
	case g.answer != nil && g.answer(w, r):
	case r.URL.Path == g.at:
		reply(w, http.StatusOK, g.says)
	case r.URL.Path == "/mcp":
		if g.header != "" {
			w.Header().Set("Www-Authenticate", strings.ReplaceAll(g.header, "MD", g.srv.URL+g.at))
		}
		w.WriteHeader(http.StatusUnauthorized)
	default:
		http.NotFound(w, r)
	}
}

// paths are what the gateway was asked for.
func (g *gateway) paths() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, r := range g.requests {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}
