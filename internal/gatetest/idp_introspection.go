package gatetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// introspect answers about a token (RFC 7662, section 2), to its client alone.
func (i *IDP) introspect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || !i.knows(r) {
		Says("application/json", `{"error":"invalid_client"}`, http.StatusUnauthorized)(w, r)
		return
	}
	i.mu.Lock()
	answer, known := i.opaque[r.PostForm.Get("token")]
	i.mu.Unlock()
	if !known {
		answer = `{"active":false}`
	}
	Says("application/json", answer)(w, r)
}

// knows tells whether the request proves that its client asks, in one of the three
// ways of RFC 7591, section 2.
func (i *IDP) knows(r *http.Request) bool {
	i.mu.Lock()
	ours := i.secret
	i.mu.Unlock()
	if id, secret, basic := r.BasicAuth(); basic {
		id, err1 := url.QueryUnescape(id)
		secret, err2 := url.QueryUnescape(secret)
		return err1 == nil && err2 == nil && id == i.Client && secret == ours
	}
	form := r.PostForm
	if form.Get("client_id") != i.Client {
		return false
	}
	if form.Has("client_secret") {
		return form.Get("client_secret") == ours
	}
	signed, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return false
	}
	var c jwt.Claims
	err = signed.Claims(i.ClientKey.Public(), &c)
	return err == nil && c.ValidateWithLeeway(jwt.Expected{Issuer: i.Client, Subject: i.Client, AnyAudience: jwt.Audience{i.URL()}, Time: time.Now()}, 0) == nil &&
		c.Expiry != nil && c.ID != ""
}

// Ask is the configuration of introspection by a method: the value of
// introspection, and that of secrets with what it needs.
func (i *IDP) Ask(method string) (introspection, secrets string) {
	i.t.Helper()
	i.mu.Lock()
	field, text := "client_secret", i.secret
	i.mu.Unlock()
	if method == "private_key_jwt" {
		field, text = "private_key", i.ClientKey.PEM()
	}
	path := file(i.t, "credential", []byte(text))
	in, err1 := json.Marshal(map[string]string{"client_id": i.Client, "method": method, field: "idp"})
	secret, err2 := json.Marshal(map[string]any{"idp": map[string]string{"from": "file:" + path}})
	if err1 != nil || err2 != nil {
		i.t.Fatal(err1, err2)
	}
	return string(in), string(secret)
}
