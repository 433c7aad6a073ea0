package login_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/login"
)

func deviceAuthority(t *testing.T, answers ...string) (*authority, *gateway) {
	t.Helper()
	a := newAuthority(t, "")
	a.public["doorward"] = nil
	a.devices[""] = &pending{answers: answers} // for the one that signs in
	return a, newGateway(t, a.url)
}

// The server's pace is kept: 5 s as it says, 5 s more for each slow_down.
func TestDevice(t *testing.T) {
	t.Parallel()
	a, g := deviceAuthority(t, "authorization_pending", "slow_down", "authorization_pending")
	p := newPerson(t)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		tok, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Device)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(begun), (5+5+10+10)*time.Second; got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
		if tok.Resource != g.url || !tok.Renewable || !strings.HasPrefix(tok.Access, "access-1-") {
			t.Errorf("token %+v", tok)
		}
	})
	if told := p.told(); !strings.Contains(told, "WDJB-MJHT") || !strings.Contains(told, a.url+"/go") {
		t.Errorf("the terminal says %q", told)
	}
	if got := a.asked("/device")[0].Form; got.Get("resource") != g.url || got.Get("scope") != "mcp:read offline_access" {
		t.Errorf("device request %v", got)
	}
	for _, r := range a.asked("/token") {
		if r.Form.Get("resource") != g.url || r.Form.Get("client_id") != "doorward" {
			t.Errorf("token request %v", r.Form)
		}
	}
}

func TestDeviceRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answers []string
		change  func(map[string]any)
		server  func(map[string]any)
		want    string
		refusal bool
	}{
		"the person says no":  {[]string{"authorization_pending", "access_denied"}, nil, nil, "access_denied", true},
		"the code is old":     {[]string{"expired_token"}, nil, nil, "expired_token", true},
		"nobody comes":        {[]string{"authorization_pending", "authorization_pending", "authorization_pending"}, func(m map[string]any) { m["expires_in"] = 12 }, nil, "before the code's time was over", false},
		"a script as address": {nil, func(m map[string]any) { m["verification_uri"] = "javascript:alert" }, nil, "verification_uri", false},
		"a shell in address":  {nil, func(m map[string]any) { m["verification_uri_complete"] = "https://id.example/$(x)" }, nil, "verification_uri_complete", false},
		"no code":             {nil, func(m map[string]any) { delete(m, "user_code") }, nil, "lacks a code", false},
		"an interval of text": {nil, func(m map[string]any) { m["interval"] = "soon" }, nil, "interval", false},
		"no device flow":      {nil, nil, func(m map[string]any) { m["device_authorization_endpoint"] = nil }, "no device_authorization_endpoint", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, g := deviceAuthority(t, tc.answers...)
			a.token, a.metadata = tc.change, tc.server
			p := newPerson(t)
			synctest.Test(t, func(t *testing.T) {
				_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Device)
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want %q", err, tc.want)
				}
				if _, ok := errors.AsType[*login.Refusal](err); ok != tc.refusal {
					t.Errorf("%v is a Refusal: %v", err, ok)
				}
			})
		})
	}
}

// A user code is shown on a terminal, and may do nothing there.
func TestDeviceCodeCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	a, g := deviceAuthority(t)
	a.token = func(m map[string]any) { m["user_code"] = "A\x1b]0;x\x07B" }
	p := newPerson(t)
	synctest.Test(t, func(t *testing.T) {
		if _, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Device); err != nil {
			t.Fatal(err)
		}
	})
	if told := p.told(); strings.ContainsAny(told, "\x1b\x07") || !strings.Contains(told, "A?]0;x?B") {
		t.Errorf("the terminal says %q", told)
	}
}

// A token endpoint that does not answer in time is asked less often (RFC 8628,
// 3.5), and one that is broken is not asked again.
func TestDeviceBacksOff(t *testing.T) {
	t.Parallel()
	a, g := deviceAuthority(t)
	broken := 0
	a.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return false
		}
		broken++
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	p := newPerson(t)
	synctest.Test(t, func(t *testing.T) {
		_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: login.Client{ID: "doorward"}}, login.Device)
		if err == nil || !strings.Contains(err.Error(), "HTTP 500") {
			t.Errorf("error %v", err)
		}
	})
	if broken != 1 {
		t.Errorf("the token endpoint was asked %d times, want once", broken)
	}
}
