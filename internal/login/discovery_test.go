package login_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/login"
)

// The gateway's description is looked for where MCP 2026-07-28 says, in order.
func TestGatewayIsAskedWhereItsTokensComeFrom(t *testing.T) {
	t.Parallel()
	const below, root = "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"
	for name, tc := range map[string]struct {
		header, at string
		want       []string
		scopes     []string
	}{
		"as the challenge says":  {`Bearer resource_metadata="MD", scope="mcp:read"`, "/elsewhere", []string{"POST /mcp", "GET /elsewhere"}, []string{"mcp:read"}},
		"below the path":         {`Bearer error="invalid_token"`, below, []string{"POST /mcp", "GET " + below}, []string{"mcp:all"}},
		"at the root":            {``, root, []string{"POST /mcp", "GET " + below, "GET " + root}, []string{"mcp:all"}},
		"another scheme's":       {`Basic resource_metadata="MD"`, root, []string{"POST /mcp", "GET " + below, "GET " + root}, []string{"mcp:all"}},
		"after another scheme's": {`Negotiate abc==, Bearer scope="a b", resource_metadata="MD"`, "/x", []string{"POST /mcp", "GET /x"}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.public["doorward"] = []string{"loopback"}
			a.metadata = func(m map[string]any) { m["scopes_supported"] = nil }
			g, p := newGateway(t, a.url), newPerson(t)
			g.header, g.at = tc.header, tc.at
			tok := p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
			if diff := cmp.Diff(tc.want, g.paths()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if !slices.Equal(tok.Scopes, tc.scopes) {
				t.Errorf("scopes %v, want %v", tok.Scopes, tc.scopes)
			}
		})
	}
}

func TestServerIsAskedInOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path, at string
		want     []string
	}{
		"at the root":           {"", "/.well-known/oauth-authorization-server", []string{"/.well-known/oauth-authorization-server"}},
		"OpenID Connect":        {"", "/.well-known/openid-configuration", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}},
		"with a path":           {"/t1", "/.well-known/oauth-authorization-server/t1", []string{"/.well-known/oauth-authorization-server/t1"}},
		"with a path, inserted": {"/t1", "/.well-known/openid-configuration/t1", []string{"/.well-known/oauth-authorization-server/t1", "/.well-known/openid-configuration/t1"}},
		"with a path, appended": {"/t1", "/t1/.well-known/openid-configuration", []string{"/.well-known/oauth-authorization-server/t1", "/.well-known/openid-configuration/t1", "/t1/.well-known/openid-configuration"}},
		"nowhere":               {"/t1", "-", []string{"/.well-known/oauth-authorization-server/t1", "/.well-known/openid-configuration/t1", "/t1/.well-known/openid-configuration"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, tc.path)
			a.secrets["job"] = "s"
			var asked []string
			a.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, ".well-known") {
					return false
				}
				asked = append(asked, r.URL.Path)
				if r.URL.Path == tc.at {
					reply(w, http.StatusOK, a.document())
				} else {
					http.NotFound(w, r)
				}
				return true
			}
			r := login.Request{Resource: "https://mcp.example/mcp", Issuer: a.url, Client: login.Client{ID: "job", Secret: "env:s"}}
			_, err := newPerson(t).keeper().SignIn(t.Context(), r, login.Machine)
			if (err != nil) != (tc.at == "-") {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tc.want, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// A gateway may answer without an end; nobody waits for it.
func TestGatewayThatAnswersOnAndOn(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	g, p := newGateway(t, a.url), newPerson(t)
	gone := make(chan struct{})
	g.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mcp" {
			g.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	<-gone
}

// A gateway that says something else than it should is believed nothing.
func TestGatewayIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(g *gateway)
		want   string
	}{
		"another resource":         {func(g *gateway) { g.says["resource"] = "https://other.example/mcp" }, "was asked at"},
		"resource at the root":     {func(g *gateway) { g.says["resource"] = g.srv.URL }, "was asked at"},
		"resource with a query":    {func(g *gateway) { g.says["resource"] = g.url + "?x=1" }, "query"},
		"no resource":              {func(g *gateway) { delete(g.says, "resource") }, "is missing"},
		"resource in upper case":   {func(g *gateway) { g.says["resource"] = "HTTP" + g.url[4:] }, "was asked at"},
		"no server":                {func(g *gateway) { g.says["authorization_servers"] = []string{} }, "no authorization server"},
		"DPoP":                     {func(g *gateway) { g.says["dpop_bound_access_tokens_required"] = true }, "DPoP"},
		"servers that are no list": {func(g *gateway) { g.says["authorization_servers"] = "https://id.example" }, "no JSON object of RFC 9728"},
		"metadata elsewhere":       {func(g *gateway) { g.header = `Bearer resource_metadata="https://evil.example/md"` }, "another origin"},
		"metadata of another port": {func(g *gateway) { g.header = `Bearer resource_metadata="http://127.0.0.1:1/md"` }, "another origin"},
		"metadata as a file":       {func(g *gateway) { g.header = `Bearer resource_metadata="file:///etc/passwd"` }, "no host"},
		"metadata for a shell":     {func(g *gateway) { g.header = `Bearer resource_metadata="http://127.0.0.1/$(touch x)"` }, "no such URL needs"},
		"metadata that is missing": {func(g *gateway) { g.header = strings.Replace(g.header, "MD", "MD/x", 1) }, "leads to nothing"},
		"javascript as server":     {func(g *gateway) { g.says["authorization_servers"] = []string{"javascript:alert(1)"} }, "no such URL needs"},
		"server over http":         {func(g *gateway) { g.says["authorization_servers"] = []string{"http://id.example"} }, "want https"},
		"server with a user":       {func(g *gateway) { g.says["authorization_servers"] = []string{"https://a:b@id.example"} }, "user name"},
		"a redirect": {func(g *gateway) {
			g.answer = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "http://evil.example/", http.StatusTemporaryRedirect)
				return true
			}
		}, "redirects"},
		"a redirect of its metadata": {func(g *gateway) {
			g.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == g.at {
					http.Redirect(w, r, "/elsewhere", http.StatusFound)
				}
				return r.URL.Path == g.at
			}
		}, "redirects"},
		"a large body": {func(g *gateway) { g.says["x"] = strings.Repeat("x", 256<<10) }, "larger than 262144 bytes"},
		"nothing":      {func(g *gateway) { g.at, g.header = "/none", "" }, "says nothing of an authorization server"},
		"failing": {func(g *gateway) {
			g.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/mcp" {
					w.WriteHeader(http.StatusBadGateway)
				}
				return r.URL.Path != "/mcp"
			}
		}, "HTTP 502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			g, p := newGateway(t, a.url), newPerson(t)
			tc.change(g)
			_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url}, login.Browser)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if len(a.requests) != 0 {
				t.Errorf("the authorization server was asked: %v", a.requests)
			}
		})
	}
}

// A31: no URL of an authorization server reaches a shell, a browser or a socket
// unless it is what it should be.
func TestServerIsNotBelieved(t *testing.T) {
	t.Parallel()
	type change = func(m map[string]any)
	set := func(name string, value any) change { return func(m map[string]any) { m[name] = value } }
	for name, tc := range map[string]struct {
		change change
		want   string
	}{
		"another issuer":          {set("issuer", "https://evil.example"), "says that it is"},
		"issuer with a slash":     {func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" }, "says that it is"},
		"no token endpoint":       {set("token_endpoint", nil), "no token_endpoint"},
		"no authorization":        {set("authorization_endpoint", nil), "no authorization_endpoint"},
		"a shell (CVE-2025-6514)": {set("authorization_endpoint", "a:$(touch /tmp/x)?"), "no such URL needs"},
		"PowerShell":              {set("authorization_endpoint", "https://id.example/$(calc)"), "no such URL needs"},
		"backticks":               {set("authorization_endpoint", "https://id.example/`id`"), "no such URL needs"},
		"a pipe":                  {set("authorization_endpoint", "https://id.example/|id"), "no such URL needs"},
		"a quotation mark":        {set("authorization_endpoint", `https://id.example/"`), "no such URL needs"},
		"a space":                 {set("authorization_endpoint", "https://id.example/ --help"), "no such URL needs"},
		"a line break":            {set("authorization_endpoint", "https://id.example/\nx"), "no such URL needs"},
		"javascript":              {set("authorization_endpoint", "javascript:alert"), "no host"},
		"data":                    {set("authorization_endpoint", "data:text/html,x"), "no host"},
		"file":                    {set("authorization_endpoint", "file:///etc/passwd"), "no host"},
		"an option":               {set("authorization_endpoint", "--help"), "no host"},
		"http elsewhere":          {set("authorization_endpoint", "http://id.example/"), "want https"},
		"a user":                  {set("authorization_endpoint", "https://bank.example@evil.example/"), "user name"},
		"a fragment":              {set("authorization_endpoint", "https://id.example/#x"), "no such URL needs"},
		"a strange loopback":      {set("authorization_endpoint", "http://127.1/"), "want https"},
		"a number for loopback":   {set("authorization_endpoint", "http://2130706433/"), "want https"},
		"localhost with a dot":    {set("authorization_endpoint", "http://localhost./"), "want https"},
		"a zone":                  {set("authorization_endpoint", "http://[::1%25lo]/"), "zone"},
		"letters that look like":  {set("authorization_endpoint", "https://ıd.example/"), "no such URL needs"},
		"a parameter of its own": {func(m map[string]any) {
			m["authorization_endpoint"] = m["authorization_endpoint"].(string) + "?redirect_uri=https%3A%2F%2Fevil.example"
		}, "redirect_uri itself"},
		"a token endpoint as file": {set("token_endpoint", "file:///x"), "token_endpoint"},
		"registration over http":   {set("registration_endpoint", "http://id.example/"), "registration_endpoint"},
		"a number for a URL":       {set("token_endpoint", 7), "no JSON object of RFC 8414"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.public["doorward"] = []string{"loopback"}
			a.metadata = tc.change
			g, p := newGateway(t, a.url), newPerson(t)
			p.open = func(link string) error { t.Errorf("a browser was opened at %s", link); return nil }
			_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error holds a control character: %q", err)
			}
		})
	}
}

// Two members of one name could be read differently by somebody who checks.
func TestDoubledMembersAreRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issuer := "http://" + r.Host
		_, _ = w.Write([]byte(`{"issuer":"` + issuer + `","token_endpoint":"` + issuer + `/t","issuer":"` + issuer + `"}`))
	}))
	t.Cleanup(srv.Close)
	r := login.Request{Resource: "https://mcp.example/mcp", Issuer: srv.URL, Client: login.Client{ID: "job", Secret: "env:s"}}
	_, err := newPerson(t).keeper().SignIn(t.Context(), r, login.Machine)
	if err == nil || !strings.Contains(err.Error(), "no JSON object of RFC 8414") {
		t.Errorf("error %v", err)
	}
}

// The user's own choice of a server must be one that the gateway names.
func TestIssuerMustBeTheGateways(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t, ""), newAuthority(t, "")
	other.public["doorward"] = []string{"loopback"}
	g, p := newGateway(t, a.url), newPerson(t)
	_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Issuer: other.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	if err == nil || !strings.Contains(err.Error(), "takes no tokens of "+other.url) {
		t.Errorf("error %v", err)
	}
	g.says["authorization_servers"] = []string{a.url, other.url}
	if tok := p.signIn(login.Request{URL: g.url, Issuer: other.url, Client: login.Client{ID: "doorward"}}, login.Browser); tok.Issuer != other.url {
		t.Errorf("the token is of %s", tok.Issuer)
	}
}
