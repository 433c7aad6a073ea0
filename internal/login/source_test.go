package login_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/login"
)

// known is a person with a login whose token ends within the spare minute.
func known(t *testing.T, change func(*authority)) (*authority, *gateway, *person, *login.Token) {
	t.Helper()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	a.lifetime = 30
	if change != nil {
		change(a)
	}
	g, p := newGateway(t, a.url), newPerson(t)
	return a, g, p, p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
}

func TestRenewsBeforeTheEnd(t *testing.T) {
	t.Parallel()
	a, g, p, first := known(t, nil)
	s := p.source(login.Request{URL: g.url}, login.NoFlow)
	second, err := s.Current(t.Context())
	if err != nil || second.Access == first.Access {
		t.Fatalf("%+v, %v, want a new token", second, err)
	}
	a.mu.Lock()
	a.lifetime = 0
	a.mu.Unlock()
	third, _, err := s.Token(t.Context()) // with the refresh token that came with the second
	if err != nil || third == second.Access {
		t.Fatalf("%q, %v, want a third token", third, err)
	}
	if again, _, err := s.Token(t.Context()); err != nil || again != third {
		t.Errorf("%q, %v, want the one that is kept", again, err)
	}
	refreshes := a.asked("/token")[1:]
	if len(refreshes) != 2 {
		t.Fatalf("%d refreshes, want 2", len(refreshes))
	}
	for _, r := range refreshes {
		if r.Form.Get("resource") != g.url || r.Form.Get("grant_type") != "refresh_token" || r.Form.Get("client_id") != "doorward" {
			t.Errorf("refresh %v", r.Form)
		}
	}
	if kept := p.kept(); strings.Contains(kept, refreshes[0].Form.Get("refresh_token")) {
		t.Error("a refresh token that was used is kept")
	}
}

// A server that does not rotate sends no new refresh token, and the old one
// stays good.
func TestRefreshTokenMayStay(t *testing.T) {
	t.Parallel()
	a, g, p, _ := known(t, nil)
	before := p.kept()
	a.mu.Lock()
	a.token = func(m map[string]any) { delete(m, "refresh_token") }
	a.mu.Unlock()
	tok, err := p.source(login.Request{URL: g.url}, login.NoFlow).Current(t.Context())
	if err != nil || !tok.Renewable {
		t.Fatalf("%+v, %v", tok, err)
	}
	if used := a.asked("/token")[1].Form.Get("refresh_token"); !strings.Contains(before, used) || !strings.Contains(p.kept(), used) {
		t.Error("the refresh token is not kept")
	}
}

func TestRenewReplacesWhatWasRefused(t *testing.T) {
	t.Parallel()
	a, g, p, first := known(t, func(a *authority) { a.lifetime = 0 })
	s := p.source(login.Request{URL: g.url}, login.NoFlow)
	if access, _, err := s.Renew(t.Context(), "older"); err != nil || access != first.Access {
		t.Errorf("in place of an older one: %q, %v, want the one that is kept", access, err)
	}
	// One that is as good as new is not replaced: a gateway that refuses every token
	// must not make each message a request.
	if _, _, err := s.Renew(t.Context(), first.Access); !errors.Is(err, login.ErrSignIn) {
		t.Errorf("in place of a new one: error %v, want ErrSignIn", err)
	}
	if n := len(a.asked("/token")); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	age(t, p, "obtained")
	access, _, err := s.Renew(t.Context(), first.Access)
	if err != nil || access == first.Access {
		t.Errorf("in place of one that is not new: %q, %v", access, err)
	}
}

// age makes a date in the only file an old one.
func age(t *testing.T, p *person, member string) {
	t.Helper()
	lines := strings.Split(p.kept(), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), `"`+member+`":`) {
			lines[i] = `  "` + member + `": "2026-01-01T00:00:00Z",`
		}
	}
	text := strings.Join(lines, "\n")
	if text == p.kept() {
		t.Fatalf("there is no %s", member)
	}
	if err := os.WriteFile(p.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestInvalidGrantEndsTheLogin(t *testing.T) {
	t.Parallel()
	a, g, p, _ := known(t, nil)
	a.mu.Lock()
	a.refreshes = map[string]grant{}
	a.mu.Unlock()
	s := p.source(login.Request{URL: g.url}, login.NoFlow)
	_, _, err := s.Token(t.Context())
	refused, _ := errors.AsType[*login.Refusal](err)
	if !errors.Is(err, login.ErrSignIn) || refused == nil || refused.Code != "invalid_grant" {
		t.Errorf("error %v, want ErrSignIn for invalid_grant", err)
	}
	if strings.Contains(fmt.Sprint(err), a.asked("/token")[1].Form.Get("refresh_token")) {
		t.Errorf("the error repeats the refresh token: %v", err)
	}
	if len(p.files()) != 0 {
		t.Errorf("kept %v", p.files())
	}
	if _, _, err := s.Token(t.Context()); !errors.Is(err, login.ErrSignIn) || len(a.asked("/token")) != 2 {
		t.Errorf("afterwards: %v", err)
	}
}

// An authorization server may forget those who registered themselves; somebody
// has to sign in again then. That it does not know a client of somebody's making
// is for them to mend.
func TestForgottenRegistration(t *testing.T) {
	t.Parallel()
	for id, ends := range map[string]bool{"": true, "doorward": false} {
		a := newAuthority(t, "")
		a.public["doorward"] = []string{"loopback"}
		a.lifetime = 30
		g, p := newGateway(t, a.url), newPerson(t)
		r := login.Request{URL: g.url, Client: login.Client{ID: id}}
		p.signIn(r, login.Browser)
		a.mu.Lock()
		a.public = map[string][]string{}
		a.mu.Unlock()
		_, _, err := p.source(r, login.NoFlow).Token(t.Context())
		if err == nil || errors.Is(err, login.ErrSignIn) != ends || (len(p.files()) == 0) != ends {
			t.Errorf("client %q: error %v, left %v", id, err, p.files())
		}
	}
}

// Other failures end nothing.
func TestAFailingServerKeepsTheLogin(t *testing.T) {
	t.Parallel()
	a, g, p, _ := known(t, nil)
	a.srv.CloseClientConnections()
	a.srv.Close()
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context()); err == nil || errors.Is(err, login.ErrSignIn) {
		t.Errorf("error %v, want one that is not ErrSignIn", err)
	}
	_ = p.file()
}

func TestWithoutRefreshTokenSomebodySignsIn(t *testing.T) {
	t.Parallel()
	_, g, p, tok := known(t, func(a *authority) { a.noRefresh = true })
	if tok.Renewable {
		t.Error("it is said to be renewable")
	}
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context()); !errors.Is(err, login.ErrSignIn) {
		t.Errorf("error %v, want ErrSignIn", err)
	}
}

// A token whose end is not said is used until it is refused.
func TestTokenWithoutEnd(t *testing.T) {
	t.Parallel()
	a, g, p, tok := known(t, func(a *authority) { a.lifetime = -1 })
	access, expires, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context())
	if err != nil || access != tok.Access || !expires.IsZero() || len(a.asked("/token")) != 1 {
		t.Errorf("%q until %v: %v", access, expires, err)
	}
}

// A person is told who asks before signing in, and is warned where the page and the
// endpoint that gets the code are two servers' (the mix-up of RFC 9207).
func TestWhoAsksIsSaidBefore(t *testing.T) {
	t.Parallel()
	a, g, p, _ := known(t, nil)
	p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	if told := p.told(); !strings.Contains(told, "The authorization server is "+a.url+".") || strings.Contains(told, "Careful: you sign in at") {
		t.Errorf("the terminal says %q", told)
	}
	honest := newAuthority(t, "")
	a.metadata = func(m map[string]any) { m["authorization_endpoint"] = honest.url + "/authorize" }
	keeper := p.keeper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = keeper.SignIn(ctx, login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser) // nobody signs in there
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !strings.Contains(p.told(), "Careful: ") && time.Now().Before(end); {
		<-tick.C
	}
	cancel()
	<-ended
	if told := p.told(); !strings.Contains(told, "Careful: you sign in at "+strings.TrimPrefix(honest.url, "http://")+", and what comes of it goes to "+strings.TrimPrefix(a.url, "http://")) {
		t.Errorf("the terminal says %q", told)
	}
}

// What one authorization server gave out is never sent to another, whatever the
// gateway says later (A28, C-6).
func TestTokensStayWithTheirIssuer(t *testing.T) {
	t.Parallel()
	a, g, p, _ := known(t, nil)
	evil := newAuthority(t, "")
	evil.public["doorward"] = []string{"loopback"}
	g.mu.Lock()
	g.says["authorization_servers"] = []string{evil.url}
	g.mu.Unlock()
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(evil.requests) != 0 {
		t.Errorf("the other server was asked %v", evil.requests)
	}
	refresh := a.asked("/token")[1].Form.Get("refresh_token")
	tok := p.signIn(login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Browser)
	if tok.Issuer != evil.url || !strings.Contains(p.told(), "Careful: this gateway's tokens came from "+a.url+" before, and now it names "+evil.url) {
		t.Errorf("token of %s; the terminal says %q", tok.Issuer, p.told())
	}
	for _, r := range evil.requests {
		if strings.Contains(r.Form.Encode(), refresh) || r.Header.Get("Authorization") != "" {
			t.Errorf("the other server got %v", r)
		}
	}
	// Both logins are there; the last one counts, unless the other is asked for.
	for issuer, want := range map[string]string{"": evil.url, a.url: a.url} {
		got, err := p.source(login.Request{URL: g.url, Issuer: issuer}, login.NoFlow).Current(t.Context())
		if err != nil || got.Issuer != want {
			t.Errorf("issuer %q: %+v, %v", issuer, got, err)
		}
	}
}

func TestLoginsAreToldApart(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"], a.secrets["job"] = []string{"loopback"}, "s"
	g, other, p := newGateway(t, a.url), newGateway(t, a.url), newPerson(t)
	person := login.Client{ID: "doorward"}
	job := login.Client{ID: "job", Secret: "env:s"}
	reads := p.signIn(login.Request{URL: g.url, Client: person, Scopes: []string{"mcp:read"}}, login.Browser)
	works := p.signIn(login.Request{URL: g.url, Issuer: a.url, Client: job}, login.Machine)
	elsewhere := p.signIn(login.Request{URL: other.url, Client: person}, login.Browser)
	writes := p.signIn(login.Request{URL: g.url, Client: person, Scopes: []string{"mcp:write", "mcp:read"}}, login.Browser)
	for name, tc := range map[string]struct {
		request login.Request
		flow    login.Flow
		want    *login.Token
	}{
		"the newest":        {login.Request{URL: g.url}, login.NoFlow, writes},
		"by scopes":         {login.Request{URL: g.url, Scopes: []string{"mcp:read"}}, login.Browser, reads},
		"in another order":  {login.Request{URL: g.url, Scopes: []string{"mcp:read", "mcp:write"}}, login.NoFlow, writes},
		"a job":             {login.Request{URL: g.url}, login.Machine, works},
		"a job's client":    {login.Request{URL: g.url, Client: job}, login.NoFlow, works},
		"a person":          {login.Request{URL: g.url}, login.Device, writes},
		"another gateway":   {login.Request{URL: other.url}, login.NoFlow, elsewhere},
		"as a resource":     {login.Request{Resource: other.url, Issuer: a.url}, login.NoFlow, elsewhere},
		"no such scopes":    {login.Request{URL: g.url, Scopes: []string{"mcp:admin"}}, login.NoFlow, nil},
		"no such client":    {login.Request{URL: g.url, Client: login.Client{ID: "x"}}, login.NoFlow, nil},
		"a person's by job": {login.Request{URL: g.url, Client: person}, login.Machine, nil},
		"no such gateway":   {login.Request{URL: g.srv.URL}, login.NoFlow, nil},
	} {
		got, err := p.source(tc.request, tc.flow).Current(t.Context())
		switch {
		case tc.want == nil && !errors.Is(err, login.ErrSignIn):
			t.Errorf("%s: %+v, %v, want ErrSignIn", name, got, err)
		case tc.want != nil && (err != nil || got.Access != tc.want.Access):
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
	if got := p.source(login.Request{URL: g.url}, login.Device).Scopes(); !slices.Equal(got, []string{"mcp:read", "mcp:write"}) {
		t.Errorf("scopes %v", got)
	}
}

// Many ask at once, in this process and in others, and the authorization server
// is asked once: it would take a second use of the refresh token for a theft.
func TestOneRefreshAtATime(t *testing.T) {
	t.Parallel()
	a, g, p, first := known(t, nil)
	a.mu.Lock()
	a.lifetime = 0
	a.mu.Unlock()
	var wait sync.WaitGroup
	tokens := make([]string, 12)
	for i := range tokens {
		wait.Go(func() {
			if i%3 > 0 {
				access, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				tokens[i] = access
				return
			}
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), "LOGIN_TEST_DIR="+p.dir, "LOGIN_TEST_URL="+g.url)
			out, err := c.Output()
			if err != nil {
				t.Errorf("%v", err)
			}
			tokens[i] = string(out)
		})
	}
	wait.Wait()
	slices.Sort(tokens)
	if all := slices.Compact(tokens); len(all) != 1 || all[0] == first.Access || all[0] == "" {
		t.Errorf("tokens %q, want one new one", all)
	}
	if n := len(a.asked("/token")); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	a.public["doorward"] = []string{"loopback"}
	g, other, p := newGateway(t, a.url), newGateway(t, a.url), newPerson(t)
	client := login.Client{ID: "doorward"}
	for _, scope := range []string{"a", "b"} {
		p.signIn(login.Request{URL: g.url, Client: client, Scopes: []string{scope}}, login.Browser)
	}
	kept := p.signIn(login.Request{URL: other.url, Client: client}, login.Browser)
	n, err := p.keeper().Forget(t.Context(), login.Request{URL: g.url})
	if n != 2 || err != nil {
		t.Errorf("forgot %d, %v, want 2", n, err)
	}
	revoked := a.asked("/revoke")
	if len(revoked) != 2 || !strings.HasPrefix(revoked[0].Form.Get("token"), "refresh-") || revoked[0].Form.Get("token_type_hint") != "refresh_token" {
		t.Errorf("revoked %v", revoked)
	}
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context()); !errors.Is(err, login.ErrSignIn) {
		t.Errorf("error %v, want ErrSignIn", err)
	}
	if access, _, err := p.source(login.Request{URL: other.url}, login.NoFlow).Token(t.Context()); err != nil || access != kept.Access {
		t.Errorf("the other login: %q, %v", access, err)
	}
	// A server that cannot be told does not keep the file.
	a.srv.CloseClientConnections()
	a.srv.Close()
	if n, err := p.keeper().Forget(t.Context(), login.Request{URL: other.url}); n != 1 || err == nil || len(p.files()) != 0 {
		t.Errorf("forgot %d, %v, left %v", n, err, p.files())
	}
}
