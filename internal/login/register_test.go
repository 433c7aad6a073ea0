package login_test

import (
	"net/http"
	"strings"
	"testing"

	"doorward/internal/login"
)

// Without a client id: a document where the server reads those, else
// registration, else an error that says what to do (C-5).
func TestWhoTheClientIs(t *testing.T) {
	t.Parallel()
	const document = "https://app.example/client.json"
	for name, tc := range map[string]struct {
		client     login.Client
		document   bool
		registers  bool
		wantClient string // prefix
		wantError  string
	}{
		"known already":        {login.Client{ID: "doorward", Document: document}, true, true, "doorward", ""},
		"by a document":        {login.Client{Document: document}, true, true, document, ""},
		"no documents here":    {login.Client{Document: document}, false, true, "registered-", ""},
		"registered":           {login.Client{}, true, true, "registered-", ""},
		"neither":              {login.Client{}, false, false, "", "ask who runs it for a client id"},
		"a document would do":  {login.Client{}, true, false, "", "or give the URL of a client ID metadata document"},
		"and none can be read": {login.Client{Document: document}, false, false, "", "reads no client ID metadata documents either"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.public["doorward"], a.public[document] = []string{"loopback"}, []string{"loopback"}
			a.metadata = func(m map[string]any) {
				m["client_id_metadata_document_supported"] = tc.document
				if !tc.registers {
					m["registration_endpoint"] = nil
				}
			}
			g, p := newGateway(t, a.url), newPerson(t)
			tok, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url, Client: tc.client}, login.Browser)
			if tc.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantError) {
					t.Errorf("error %v, want %q", err, tc.wantError)
				}
				return
			}
			if err != nil || !strings.HasPrefix(tok.ClientID, tc.wantClient) {
				t.Fatalf("%+v, %v", tok, err)
			}
			if _, err := p.source(login.Request{URL: g.url, Client: tc.client}, login.NoFlow).Current(t.Context()); err != nil {
				t.Errorf("the login is not found again: %v", err)
			}
		})
	}
}

// A client that registering gave a secret proves itself with it, and renews with it.
func TestRegisteredSecret(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.token = func(m map[string]any) {
				if _, registering := m["redirect_uris"]; registering {
					m["client_secret"], m["token_endpoint_auth_method"] = "given", method
				}
			}
			a.lifetime = 30 // it has to be renewed at once
			g, p := newGateway(t, a.url), newPerson(t)
			first := p.signIn(login.Request{URL: g.url}, login.Browser)
			access, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context())
			if err != nil || access == first.Access {
				t.Errorf("%q, %v, want a new token", access, err)
			}
		})
	}
}

func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
	}{
		"refused":    {func(w http.ResponseWriter) { oauthError(w, "invalid_redirect_uri", "loopback is not allowed") }, "invalid_redirect_uri: loopback is not allowed"},
		"no id":      {func(w http.ResponseWriter) { reply(w, http.StatusCreated, map[string]any{}) }, "none of RFC 7591"},
		"a bad id":   {func(w http.ResponseWriter) { reply(w, http.StatusCreated, map[string]any{"client_id": "a\nb"}) }, "none of RFC 7591"},
		"a web page": {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, "none of RFC 7591"},
		"a redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); w.WriteHeader(http.StatusFound) }, "HTTP 302"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t, "")
			a.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/register" {
					tc.answer(w)
				}
				return r.URL.Path == "/register"
			}
			g, p := newGateway(t, a.url), newPerson(t)
			_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url}, login.Browser)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestDeviceRegistersWithoutRedirect(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "")
	g, p := newGateway(t, a.url), newPerson(t)
	a.metadata = func(m map[string]any) { m["device_authorization_endpoint"] = a.url + "/gone" } // far enough
	_, err := p.keeper().SignIn(t.Context(), login.Request{URL: g.url}, login.Device)
	if err == nil || !strings.Contains(err.Error(), "HTTP 404") {
		t.Errorf("error %v", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, redirects := range a.public {
		if strings.HasPrefix(id, "registered-") && len(redirects) == 0 {
			return
		}
	}
	t.Errorf("no client without a redirect is registered: %v", a.public)
}
