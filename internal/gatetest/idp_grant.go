package gatetest

import (
	"net/http"
	"slices"
)

// Grant is a token that the gateway was given for itself.
type Grant struct {
	Token    string
	Resource string
	Scope    string
	Method   string // by which it proved who it is
}

// Grants are those that were given so far. Such a token goes to the upstream that it is for, so no
// gateway is held to keeping it: whoever takes it there looks for it.
func (i *IDP) Grants() []Grant {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.grants)
}

// grant gives a token to its client alone (RFC 6749, section 4.4; RFC 8707 for resource).
func (i *IDP) grant(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.PostForm.Get("grant_type") != "client_credentials" || !i.knows(r) {
		Says("application/json", `{"error":"invalid_client"}`, http.StatusUnauthorized)(w, r)
		return
	}
	g := Grant{Token: canary("granted"), Resource: r.PostForm.Get("resource"), Scope: r.PostForm.Get("scope"), Method: "client_secret_post"}
	switch _, _, basic := r.BasicAuth(); {
	case basic:
		g.Method = "client_secret_basic"
	case r.PostForm.Has("client_assertion"):
		g.Method = "private_key_jwt"
	}
	i.mu.Lock()
	i.grants = append(i.grants, g)
	i.mu.Unlock()
	i.answer(w, map[string]any{"access_token": g.Token, "token_type": "Bearer", "expires_in": 3600})
}

// Secret is the gateway's client secret.
func (i *IDP) Secret() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.secret
}
