package cli_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"doorward/internal/cli"
)

// house is a gateway that wants tokens and the authorization server that gives
// them, at one address.
type house struct {
	url, gateway string

	mu      sync.Mutex
	good    map[string]bool // access tokens
	key     string          // an API key that the gateway takes too
	refuse  string          // error of the token endpoint; empty: none
	scope   string          // that the gateway misses in every token; empty: none
	revoked []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{good: map[string]bool{}}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	h.url, h.gateway = srv.URL, srv.URL+"/mcp"
	return h
}

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	put := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch r.URL.Path {
	case "/mcp":
		h.mcp(w, r)
	case "/.well-known/oauth-protected-resource/mcp":
		put(200, map[string]any{"resource": h.gateway, "authorization_servers": []string{h.url}})
	case "/.well-known/oauth-authorization-server":
		put(200, map[string]any{
			"issuer": h.url, "authorization_endpoint": h.url + "/authorize", "token_endpoint": h.url + "/token", "revocation_endpoint": h.url + "/revoke",
			"registration_endpoint": h.url + "/register", "code_challenge_methods_supported": []string{"S256"},
		})
	case "/register":
		put(201, map[string]any{"client_id": "made"})
	case "/authorize":
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"c"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	case "/revoke":
		h.revoked = append(h.revoked, r.PostFormValue("token"))
	case "/token":
		id, secret, basic := r.BasicAuth()
		switch {
		case h.refuse != "":
			put(400, map[string]any{"error": h.refuse})
		case r.PostFormValue("resource") != h.gateway, basic && (id != "ci" || secret != "swordfish"):
			put(401, map[string]any{"error": "invalid_client"})
		default:
			access := "at-" + rand.Text()
			h.good[access] = true
			m := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600}
			if !basic {
				m["refresh_token"] = "rt-" + rand.Text()
			}
			put(200, m)
		}
	default:
		http.NotFound(w, r)
	}
}

func (h *house) mcp(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case text == "" || !h.good[text] && text != h.key:
		w.Header().Set("Www-Authenticate", `Bearer scope="mcp:read"`)
		w.WriteHeader(http.StatusUnauthorized)
	case h.scope != "":
		w.Header().Set("Www-Authenticate", `Bearer error="insufficient_scope", scope="`+h.scope+`"`)
		w.WriteHeader(http.StatusForbidden)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{"ok":true}}`)
	}
}

// user runs commands with a home of their own.
type user struct {
	t   *testing.T
	env map[string]string
	// visit is what the user does with an address that the terminal shows.
	visit func(link string)
}

func newUser(t *testing.T) *user {
	t.Helper()
	u := &user{t: t, env: map[string]string{"HOME": t.TempDir(), "CI_SECRET": "swordfish", "NO_COLOR": "1"}}
	u.visit = func(link string) {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get(link)
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
	}
	return u
}

// terminal is stderr: it visits the address that it is shown.
type terminal struct {
	bytes.Buffer

	user *user
}

var addressShown = regexp.MustCompile(`http://\S+/authorize\?\S+`)

func (t *terminal) Write(p []byte) (int, error) {
	if link := addressShown.Find(p); link != nil {
		t.user.visit(string(link))
	}
	return t.Buffer.Write(p)
}

// run runs a command.
func (u *user) run(stdin string, args ...string) (code int, stdout, stderr string) {
	u.t.Helper()
	var out bytes.Buffer
	term := &terminal{user: u}
	code = cli.Run(u.t.Context(), cli.Process{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: term, Version: "test",
		Getenv: func(name string) string { return u.env[name] },
	})
	return code, out.String(), term.String()
}

func TestTokenOfAJob(t *testing.T) {
	t.Parallel()
	h, u := newHouse(t), newUser(t)
	args := []string{"token", h.gateway, "--issuer", h.url, "--client-id", "ci", "--client-secret", "env:CI_SECRET"}
	code, first, stderr := u.run("", args...)
	if code != 0 || !h.good[strings.TrimSuffix(first, "\n")] || stderr != "" {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, first, stderr)
	}
	if _, again, _ := u.run("", args...); again != first {
		t.Errorf("the second time it is %q, want the one that is kept, %q", again, first)
	}
	// And without the credentials: it is this user's login for the gateway now.
	if code, again, _ := u.run("", "token", h.gateway); code != 0 || again != first {
		t.Errorf("exit %d, %q", code, again)
	}
	code, out, _ := u.run("", append(args, "--format", "json")...)
	var shown map[string]any
	if err := json.Unmarshal([]byte(out), &shown); err != nil || code != 0 || shown["access_token"] != strings.TrimSuffix(first, "\n") ||
		shown["token_type"] != "Bearer" || shown["resource"] != h.gateway || shown["issuer"] != h.url || shown["client_id"] != "ci" {
		t.Errorf("exit %d, %s, %v", code, out, err)
	}
	dir := filepath.Join(u.env["HOME"], ".local", "state", "doorward", "tokens")
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%s holds %v, %v", dir, files, err)
	}
}

func TestTokenWithoutAskingTheGateway(t *testing.T) {
	t.Parallel()
	h, u := newHouse(t), newUser(t)
	u.env["XDG_STATE_HOME"] = t.TempDir()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("swordfish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := u.run("", "token", "--resource", h.gateway, "--issuer", h.url, "--client-id", "ci", "--client-secret", "file:"+path)
	if code != 0 || !h.good[strings.TrimSpace(out)] {
		t.Errorf("exit %d, %q, %q", code, out, stderr)
	}
	if _, err := os.Stat(filepath.Join(u.env["XDG_STATE_HOME"], "doorward", "tokens")); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, stderr = u.run("", "token", "--resource", h.gateway, "--issuer", h.url, "--client-id", "other", "--client-secret", "file:"+path)
	if code != 1 || out != "" || !strings.Contains(stderr, "can be read by others") || strings.Contains(stderr, "swordfish") {
		t.Errorf("a file for everybody: exit %d, %q, %q", code, out, stderr)
	}
}

// Without arguments the configuration says whose token for which gateway.
func TestTokenOfTheConfiguration(t *testing.T) {
	t.Parallel()
	h, u := newHouse(t), newUser(t)
	path := filepath.Join(t.TempDir(), "doorward.yaml")
	text := fmt.Sprintf("version: 1\nlisten: {public_url: %q}\nidentity: {issuers: [{issuer: %q}]}\nupstreams: {}\n", h.url, h.url)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"--issuer", h.url}, {"--resource", h.gateway}} {
		u.env["HOME"] = t.TempDir()
		code, out, stderr := u.run("", append([]string{"token", "--config", path, "--client-id", "ci", "--client-secret", "env:CI_SECRET"}, args...)...)
		if code != 0 || !h.good[strings.TrimSpace(out)] {
			t.Errorf("with %q: exit %d, %q, %q", args, code, out, stderr)
		}
	}
	if err := os.WriteFile(path, []byte("version: 1\nlisten: {public_url: https://mcp.example}\nupstreams: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := u.run("", "token", "--config", path); code != 1 || out != "" || !strings.Contains(stderr, "names no issuer") {
		t.Errorf("without issuers: exit %d, %q, %q", code, out, stderr)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	h, u := newHouse(t), newUser(t)
	code, out, stderr := u.run("", "token", h.gateway)
	if code != 1 || out != "" || !strings.Contains(stderr, "run doorward login "+h.gateway) {
		t.Errorf("before: exit %d, %q, %q", code, out, stderr)
	}
	code, out, stderr = u.run("", "login", h.gateway, "--no-browser", "--format", "json")
	if code != 0 || strings.Contains(out+stderr, "at-") || strings.Contains(out+stderr, "rt-") || !strings.Contains(out, `"renewable": true`) {
		t.Fatalf("exit %d, %q, %q", code, out, stderr)
	}
	code, out, _ = u.run("", "token", h.gateway)
	if code != 0 || !h.good[strings.TrimSpace(out)] {
		t.Errorf("afterwards: exit %d, %q", code, out)
	}
	code, out, stderr = u.run("", "login", "--forget", h.gateway)
	if code != 0 || out != "forgot 1 login\n" || len(h.revoked) != 1 || !strings.HasPrefix(h.revoked[0], "rt-") {
		t.Errorf("forgetting: exit %d, %q, %q, revoked %q", code, out, stderr, h.revoked)
	}
	if code, _, stderr = u.run("", "login", "--forget", h.gateway); code != 1 || !strings.Contains(stderr, "there is no login") {
		t.Errorf("forgetting again: exit %d, %q", code, stderr)
	}
	h.refuse = "access_denied"
	if code, out, stderr = u.run("", "login", h.gateway, "--no-browser"); code != 3 || out != "" || !strings.Contains(stderr, "access_denied") {
		t.Errorf("refused: exit %d, %q, %q", code, out, stderr)
	}
}

// A client on stdin reaches the gateway with the login, with a key, or learns
// what to do.
func TestStdioRemote(t *testing.T) {
	t.Parallel()
	h, u := newHouse(t), newUser(t)
	h.key = "dw_key"
	u.env["DOORWARD_KEY"], u.env["WRONG"] = "dw_key", "dw_wrong"
	const ask = `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n"
	for _, tc := range []struct {
		name, says string
		before     func()
		args       []string
	}{
		{"no login", "run doorward login " + h.gateway, nil, nil},
		{"a key", `"ok":true`, nil, []string{"--key", "env:DOORWARD_KEY"}},
		{"a wrong key", "does not accept the key", nil, []string{"--key", "env:WRONG"}},
		{"a login", `"ok":true`, func() { u.run("", "login", h.gateway, "--no-browser", "--scope", "mcp:read") }, nil},
		{"a scope", "lacks the scopes mcp:write: run doorward login " + h.gateway + " --scope 'mcp:read,mcp:write'", func() { h.scope = "mcp:write" }, nil},
		{"a key's scope", "the key lacks what has the scopes mcp:write", nil, []string{"--key", "env:DOORWARD_KEY"}},
	} {
		if tc.before != nil {
			tc.before()
		}
		code, out, stderr := u.run(ask, append([]string{"stdio", "--remote", h.gateway}, tc.args...)...)
		if code != 0 || !strings.Contains(out, tc.says) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", tc.name, code, out, stderr)
		}
		if text := out + stderr; strings.Contains(text, "dw_") || strings.Contains(text, "at-") {
			t.Errorf("%s: a credential is shown: %q", tc.name, text)
		}
	}
}

func TestNoHome(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for _, home := range []string{"", "relative"} {
		u.env["HOME"] = home
		for _, args := range [][]string{{"token", "https://mcp.example/mcp"}, {"login", "https://mcp.example/mcp"}, {"stdio", "--remote", "https://mcp.example/mcp"}} {
			code, out, stderr := u.run("", args...)
			if code != 1 || out != "" || !strings.Contains(stderr, "HOME") {
				t.Errorf("%v with HOME=%q: exit %d, %q, %q", args, home, code, out, stderr)
			}
		}
	}
}
