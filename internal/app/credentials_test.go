package app_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gatetest"
)

// doorman lets through who shows what a test wants, and keeps what was shown to it.
type doorman struct {
	good func(r *http.Request) bool
	mu   sync.Mutex
	seen []string // Authorization of those who came
}

func (d *doorman) before(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.seen = append(d.seen, r.Header.Get("Authorization"))
		d.mu.Unlock()
		if !d.good(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}
}

func (d *doorman) came() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.seen)
}

// guardedUpstream is an upstream behind a doorman; secure is nil for one in the clear.
func guardedUpstream(t *testing.T, good func(r *http.Request) bool, secure *tls.Config) (d *doorman, url string) {
	t.Helper()
	d = &doorman{good: good}
	srv := httptest.NewUnstartedServer(d.before(gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})))
	if srv.TLS = secure; secure != nil {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return d, srv.URL + "/mcp"
}

const credentialsYAML = `
secrets:
  password: {from: "file:password"}
  client: {from: "file:client"}
  client-key: {from: "file:client.pem"}
  own-key: {from: %q}
upstreams:
  basic: {url: %q, credential: {basic: {user: gateway, password: password}}}
  one: {url: %q, credential: {oauth: {issuer: %q, client_id: gateway, client_secret: client, resource: "https://up.test/mcp", scopes: [read, write]}}}
  two: {url: %q, credential: {oauth: {issuer: %q, client_id: gateway, client_secret: client, resource: "https://up.test/mcp", scopes: [read, write]}}}
  assertion: {url: %q, credential: {oauth: {issuer: %q, client_id: gateway, private_key: client-key, method: private_key_jwt}}}
  dead: {url: %q, credential: {oauth: {issuer: %q, client_id: gateway, client_secret: client}}}
  mutual: {url: %q, ca: %q, tls_key: %q, credential: {certificate: {cert: %q, key: own-key}}}
  bare: {url: %q, ca: %q}
  unpinned: {url: %q, ca: %q, tls_key: "sha256:%064d", credential: {certificate: {cert: %q, key: own-key}}}
  untrusted: {url: %q, credential: {certificate: {cert: %q, key: own-key}}}
roles: {user: {allow: [{tools: ["*/*"]}]}}
`

// Every kind of credential that Doorward shows to an upstream, to a real token endpoint and over
// real TLS: AUT-50 for the pinned key, AUT-60 for the client's own credential, which none sees.
func TestAUT50_60_CredentialsOfUpstreams(t *testing.T) {
	t.Parallel()
	idp, dead, dir := gatetest.Provider(t), gatetest.Provider(t), t.TempDir()
	dead.Die()
	token := func(method, resource string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			for _, g := range idp.Grants() {
				if "Bearer "+g.Token == r.Header.Get("Authorization") {
					return g.Method == method && (g.Resource == resource || resource == "" && g.Resource == "http://"+r.Host+"/mcp")
				}
			}
			return false
		}
	}
	const password = "CANARY-password-of-an-upstream"
	for name, text := range map[string]string{"password": password, "client": idp.Secret(), "client.pem": idp.ClientKey.PEM()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := gatetest.NewCA(t)
	server := ca.Leaf("127.0.0.1")
	pin := sha256.Sum256(server.Leaf.RawSubjectPublicKeyInfo)
	cert, key := ca.Files(ca.Leaf("gateway.test"))
	shows := func(r *http.Request) bool {
		return len(r.TLS.PeerCertificates) == 1 && r.TLS.PeerCertificates[0].DNSNames[0] == "gateway.test"
	}
	secure := func() *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
	}
	doors, urls := map[string]*doorman{}, map[string]string{}
	for name, good := range map[string]func(*http.Request) bool{
		"basic": func(r *http.Request) bool {
			user, pw, ok := r.BasicAuth()
			return ok && user == "gateway" && pw == password
		},
		"one": token("client_secret_basic", "https://up.test/mcp"), "two": token("client_secret_basic", "https://up.test/mcp"),
		"assertion": token("private_key_jwt", ""), "dead": func(*http.Request) bool { return true },
	} {
		doors[name], urls[name] = guardedUpstream(t, good, nil)
	}
	for _, name := range []string{"mutual", "bare", "unpinned", "untrusted"} {
		doors[name], urls[name] = guardedUpstream(t, shows, secure())
	}
	g := gatetest.GatewayAt(t, dir, fmt.Sprintf(credentialsYAML, "file:"+key, urls["basic"], urls["one"], idp.URL(), urls["two"], idp.URL(), urls["assertion"], idp.URL(), urls["dead"], dead.URL(),
		urls["mutual"], ca.File(), "sha256:"+hex.EncodeToString(pin[:]), cert, urls["bare"], ca.File(), urls["unpinned"], ca.File(), 1, cert, urls["untrusted"], cert), nil)
	client := g.As("alice", "user").Open(modern)
	for _, name := range []string{"basic", "one", "two", "assertion", "mutual"} {
		g.Approve(name)
		if r := client.Call(name+"__echo", `{}`); r.Status != http.StatusOK || strings.Contains(string(r.Body), `"error"`) {
			t.Errorf("%s: %s", name, r)
		}
	}
	for _, name := range []string{"dead", "bare", "unpinned", "untrusted"} {
		if n := doors[name].came(); n != 0 {
			t.Errorf("%s: %d requests came", name, n)
		}
	}
	grants := map[string]int{}
	for _, grant := range idp.Grants() {
		grants[grant.Method+" "+grant.Scope]++
		if strings.Contains(g.Log(), grant.Token) {
			t.Error("the log holds a token")
		}
	}
	if !maps.Equal(grants, map[string]int{"client_secret_basic read write": 1, "private_key_jwt ": 1}) {
		t.Errorf("tokens were given for %v: one for each client, resource and scope", grants)
	}
	for name, door := range doors {
		for _, shown := range door.seen {
			if strings.Contains(shown, client.Key) {
				t.Errorf("%s saw the client's key", name)
			}
		}
	}
}

// An upstream that a reload moves elsewhere, with a credential of the new place: the old one is not
// shown it, not even by the end of its sessions.
func TestAReloadShowsNoCredentialToTheOneBefore(t *testing.T) {
	t.Parallel()
	for name, yaml := range map[string]string{
		"basic": "secrets: {password: {from: \"file:password\"}}\nupstreams: {up: {url: %[1]q, credential: {basic: {user: %[2]s, password: password}}}}\n",
		"lease": "vault: {address: %[3]q, auth: {token_file: password}}\nsecrets: {password: {from: \"vault:database/creds/%[2]s#password\", lease: call}}\n" +
			"upstreams: {up: {url: %[1]q, credential: {header: Authorization, value: password}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			showsNoneToTheOneBefore(t, yaml)
		})
	}
}

// lendsUsers stands in for a Vault that makes Basic with the user that its path ends with.
func lendsUsers(w http.ResponseWriter, r *http.Request) {
	user, ok := strings.CutPrefix(r.URL.Path, "/v1/database/creds/")
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	shown := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":CANARY-password-of-an-upstream"))
	fmt.Fprintf(w, `{"lease_id":"database/creds/%s/1","lease_duration":3600,"data":{"password":%q}}`, user, shown)
}

func showsNoneToTheOneBefore(t *testing.T, yaml string) {
	t.Helper()
	dir, all := t.TempDir(), func(*http.Request) bool { return true }
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("CANARY-password-of-an-upstream"), 0o600); err != nil {
		t.Fatal(err)
	}
	place := func() (*doorman, string) {
		d := &doorman{good: all}
		srv := httptest.NewServer(d.before(gatetest.Upstream(t, gatetest.Script{Eras: []string{"stateful"}, Tools: rawTools("echo")})))
		t.Cleanup(srv.Close)
		return d, srv.URL + "/mcp"
	}
	vault := httptest.NewServer(http.HandlerFunc(lendsUsers))
	t.Cleanup(vault.Close)
	written := func(url, user string) string {
		return "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nroles: {user: {allow: [{tools: [\"*/*\"]}]}}\n" +
			fmt.Sprintf(yaml, url, user, vault.URL)
	}
	before, first := place()
	after, second := place()
	g := gatetest.GatewayAt(t, dir, written(first, "first"), nil)
	g.Approve("up")
	client := g.As("alice", "user").Open(modern)
	call := func() {
		if r := client.Call("up__echo", `{}`); r.Status != http.StatusOK || strings.Contains(string(r.Body), `"error"`) {
			t.Errorf("%s", r)
		}
	}
	call()
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(written(second, "second")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.App.Reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	g.Approve("up")
	call()
	g.Stop()
	for user, door := range map[string]*doorman{"first": before, "second": after} {
		for _, shown := range door.seen {
			if r := (&http.Request{Header: http.Header{"Authorization": {shown}}}); shown != "" {
				if was, _, _ := r.BasicAuth(); was != user {
					t.Errorf("the %s place was shown the credential of %q", user, was)
				}
			}
		}
		if door.came() == 0 {
			t.Errorf("nobody came to the %s place", user)
		}
	}
}
