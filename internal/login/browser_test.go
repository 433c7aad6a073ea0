package login_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/login"
)

func TestBrowser(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	g, p := newGateway(t, a.url), newPerson(t)
	tok := p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)

	want := &login.Token{Access: tok.Access, Type: "Bearer", Expires: tok.Expires, Resource: g.url, Issuer: a.url, ClientID: "doorward", Scopes: []string{"mcp:read", "offline_access"}, Renewable: true}
	if diff := cmp.Diff(want, tok); diff != "" || !strings.HasPrefix(tok.Access, "access-1-") {
		t.Errorf("token (-want +got):\n%s", diff)
	}
	authorize := a.asked("/authorize")[0].Form
	for name, want := range map[string]string{"resource": g.url, "scope": "mcp:read offline_access", "prompt": "consent", "code_challenge_method": "S256", "response_type": "code"} {
		if got := authorize.Get(name); got != want {
			t.Errorf("authorize with %s=%q, want %q", name, got, want)
		}
	}
	form := a.asked("/token")[0].Form
	if form.Get("resource") != g.url || form.Get("client_id") != "doorward" || len(form.Get("code_verifier")) < 43 {
		t.Errorf("token request %v", form)
	}
	if !strings.Contains(p.page, "You can close this window.") || strings.Contains(p.page, "<script") {
		t.Errorf("page %q", p.page)
	}
	if got := p.head.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %q", got)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
		if got := p.head.Get(name); got != want {
			t.Errorf("page with %s: %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(p.told(), a.url+"/authorize?") || strings.Contains(p.told(), tok.Access) {
		t.Errorf("the terminal says %q", p.told())
	}
	for path, want := range map[string]fs.FileMode{p.file(): 0o600, p.dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	access, expires, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context())
	if err != nil || access != tok.Access || !expires.Equal(tok.Expires) {
		t.Errorf("kept token %q until %v: %v", access, expires, err)
	}
	if n := len(a.asked("/token")); n != 1 {
		t.Errorf("the token endpoint was asked %d times, want once", n)
	}
}

// What an answer is worth depends on who gives it (RFC 9207; MCP 2026-07-28,
// authorization response validation).
func TestAuthorizationResponse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		advertised bool
		change     func(url.Values, string)
		want       string // part of the error; empty: accepted
	}{
		"advertised and there":          {true, func(url.Values, string) {}, ""},
		"not advertised and there":      {false, func(url.Values, string) {}, ""},
		"not advertised and absent":     {false, func(v url.Values, _ string) { v.Del("iss") }, ""},
		"advertised and absent":         {true, func(v url.Values, _ string) { v.Del("iss") }, "does not say which authorization server"},
		"another":                       {true, func(v url.Values, _ string) { v.Set("iss", "https://evil.example") }, "another authorization server"},
		"another, not advertised":       {false, func(v url.Values, _ string) { v.Set("iss", "https://evil.example") }, "another authorization server"},
		"with a slash":                  {true, func(v url.Values, iss string) { v.Set("iss", iss+"/") }, "another authorization server"},
		"in upper case":                 {true, func(v url.Values, iss string) { v.Set("iss", strings.ToUpper(iss)) }, "another authorization server"},
		"empty":                         {false, func(v url.Values, _ string) { v.Set("iss", "") }, "another authorization server"},
		"twice":                         {true, func(v url.Values, iss string) { v["iss"] = []string{iss, iss} }, "another authorization server"},
		"refusal of another":            {true, func(v url.Values, _ string) { v.Set("iss", "https://evil.example"); v.Set("error", "call +1 555") }, "another authorization server"},
		"refusal":                       {true, func(v url.Values, _ string) { v.Del("code"); v.Set("error", "access_denied") }, "refuses: access_denied"},
		"refusal with control":          {true, func(v url.Values, _ string) { v.Set("error", "a\x1b[2Jb") }, "refuses: a?[2Jb"},
		"no code":                       {true, func(v url.Values, _ string) { v.Del("code") }, "no code"},
		"two codes":                     {true, func(v url.Values, _ string) { v.Add("code", "other") }, "no code"},
		"somebody else's code":          {true, func(v url.Values, _ string) { v.Set("code", "stolen") }, "refuses: invalid_grant"},
		"a very long code is no answer": {true, func(v url.Values, _ string) { v.Set("code", strings.Repeat("x", 17<<10)) }, "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.public["doorward"] = []string{"loopback"}
			a.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = tc.advertised }
			a.answer = func(v url.Values) { tc.change(v, a.url) }
			g, p := newGateway(t, a.url), newPerson(t)
			ctx, stop := newStop(t)
			if tc.want == "nobody" {
				p.open = func(link string) error { err := p.visit(link); stop(errors.New("nobody came")); return err }
			}
			_, err := p.keeper().SignIn(ctx, login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
			switch {
			case tc.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.want == "":
				return
			case err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "555"):
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if name != "somebody else's code" && len(a.asked("/token")) != 0 {
				t.Error("the token endpoint was asked")
			}
			if len(p.files()) != 0 {
				t.Errorf("kept %v", p.files())
			}
		})
	}
}

// What is not the answer ends nothing, and after the answer there is no other.
func TestCallbackTakesOneAnswer(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	g, p := newGateway(t, a.url), newPerson(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	try := func(method, link, host string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	p.open = func(link string) error {
		res, err := client.Get(link)
		if err != nil {
			return err
		}
		res.Body.Close()
		answer, err := res.Location()
		if err != nil {
			return err
		}
		with := func(change func(url.Values)) string {
			u, q := *answer, answer.Query()
			change(q)
			u.RawQuery = q.Encode()
			return u.String()
		}
		for name, got := range map[string]int{
			"no state":     try("GET", with(func(q url.Values) { q.Del("state") }), ""),
			"wrong state":  try("GET", with(func(q url.Values) { q.Set("state", "x") }), ""),
			"state twice":  try("GET", with(func(q url.Values) { q.Add("state", q.Get("state")) }), ""),
			"broken query": try("GET", answer.String()+"&%zz", ""),
			"a refusal":    try("GET", with(func(q url.Values) { q.Set("error", "x"); q.Set("state", "") }), ""),
		} {
			if got != http.StatusBadRequest {
				t.Errorf("%s: HTTP %d, want 400", name, got)
			}
		}
		if got := try("POST", answer.String(), ""); got != http.StatusMethodNotAllowed {
			t.Errorf("POST: HTTP %d, want 405", got)
		}
		if got := try("GET", answer.String(), "evil.example"); got != http.StatusNotFound {
			t.Errorf("another Host: HTTP %d, want 404", got)
		}
		if got := try("GET", strings.Replace(answer.String(), "/callback", "/", 1), ""); got != http.StatusNotFound {
			t.Errorf("another path: HTTP %d, want 404", got)
		}
		if got := try("GET", answer.String(), ""); got != http.StatusOK {
			t.Errorf("the answer: HTTP %d, want 200", got)
		}
		if got := try("GET", answer.String(), ""); got != http.StatusGone {
			t.Errorf("the answer again: HTTP %d, want 410", got)
		}
		return nil
	}
	p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	if n := len(a.asked("/token")); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// Without a browser, the person gets the URL, and has to hurry up no more than
// the limit says.
func TestNobodySignsIn(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	g, p := newGateway(t, a.url), newPerson(t)
	ctx, stop := newStop(t)
	k := login.New(login.Options{Dir: p.dir, Secret: secret, Say: func(text string) { p.say(text); stop(errors.New("enough")) }})
	_, err := k.SignIn(ctx, login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("error %v, want that of the context", err)
	}
	if !strings.Contains(p.told(), a.url+"/authorize?") {
		t.Errorf("the terminal says %q", p.told())
	}
}

func TestBrowserNeedsPKCE(t *testing.T) {
	t.Parallel()
	for name, methods := range map[string]any{"absent": nil, "empty": []string{}, "plain": []string{"plain"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.metadata = func(m map[string]any) { m["code_challenge_methods_supported"] = methods }
			g, p := newGateway(t, a.url), newPerson(t)
			_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
			if err == nil || !strings.Contains(err.Error(), "S256") {
				t.Errorf("error %v, want one about S256", err)
			}
			if len(a.asked("/authorize"))+len(a.asked("/register")) != 0 {
				t.Error("the authorization server was asked all the same")
			}
		})
	}
}
