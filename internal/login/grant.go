package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// The grants (RFC 6749, 4.1, 4.4 and 6; RFC 8628, 3.4).
const (
	grantCode    = "authorization_code"
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	grantMachine = "client_credentials"
	grantRefresh = "refresh_token"
)

// Bounds of what a token endpoint answers.
const (
	maxToken = 64 << 10                  // bytes of a token
	maxAge   = 10 * 365 * 24 * time.Hour // of an access token, so that its end is a date
)

// granted is what a token endpoint gives.
type granted struct {
	access  string
	refresh string    // empty: it cannot be renewed
	expires time.Time // zero: not said
	scopes  []string  // nil: those that were asked for
}

// grant asks a token endpoint for a token that is good for the resource (RFC
// 8707), as the client that p proves.
func (w *web) grant(ctx context.Context, endpoint string, p *proof, form url.Values, resource string) (*granted, error) {
	form.Set("resource", resource)
	a, err := w.post(ctx, endpoint, p, form)
	if err != nil {
		return nil, err
	}
	var said struct {
		Access  string          `json:"access_token"`
		Type    string          `json:"token_type"`
		Refresh string          `json:"refresh_token"`
		Expires json.RawMessage `json:"expires_in"`
		Scope   *string         `json:"scope"`
	}
	if err := jsonv2.Unmarshal(a.body, &said); err != nil {
		return nil, errors.New("the token endpoint's answer is no JSON object of RFC 6749")
	}
	switch {
	case !strings.EqualFold(said.Type, "Bearer"):
		return nil, fmt.Errorf("the token is of the type %q, and only Bearer is known", shown(said.Type, maxCode))
	case !goodToken(said.Access):
		return nil, errors.New("the access token is missing or holds what no token may")
	case said.Refresh != "" && !goodToken(said.Refresh):
		return nil, errors.New("the refresh token holds what no token may")
	}
	g := &granted{access: said.Access, refresh: said.Refresh}
	if g.expires, err = expiry(said.Expires); err != nil {
		return nil, err
	}
	if said.Scope != nil {
		g.scopes = append([]string{}, scopes(*said.Scope)...)
	}
	return g, nil
}

// post sends a form to an endpoint of an authorization server. Anything but 200
// is an error: a *Refusal when the server says why (RFC 6749, 5.2).
func (w *web) post(ctx context.Context, endpoint string, p *proof, form url.Values) (*answer, error) {
	u, err := address(endpoint)
	if err != nil {
		return nil, fmt.Errorf("the endpoint %w", err)
	}
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if err := p.put(form, h); err != nil {
		return nil, err
	}
	a, err := w.send(ctx, question{method: http.MethodPost, url: u, header: h, body: []byte(form.Encode())})
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusOK:
		return a, nil
	}
	var said struct {
		Code string `json:"error"`
		Text string `json:"error_description"`
	}
	if jsonv2.Unmarshal(a.body, &said) == nil && said.Code != "" && a.status >= 400 && a.status < 500 {
		return nil, refusal(said.Code, said.Text, form)
	}
	return nil, fmt.Errorf("%s answers with HTTP %d", u.Host, a.status)
}

// goodToken tells whether a text can be sent in an Authorization header and is
// of a size that servers take.
func goodToken(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// expiry reads expires_in, seconds: a number, or, from some servers, a number in
// a string. Zero time when it is not there.
func expiry(raw []byte) (time.Time, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || !(seconds >= 0) {
		return time.Time{}, errors.New("the token endpoint's expires_in is no number of seconds")
	}
	age := maxAge
	if seconds < maxAge.Seconds() {
		age = time.Duration(seconds * float64(time.Second))
	}
	return time.Now().Add(age).UTC().Truncate(time.Second), nil
}

// refuses tells whether err is the server's refusal with one of the codes.
func refuses(err error, codes ...string) bool {
	r, ok := errors.AsType[*Refusal](err)
	return ok && slices.Contains(codes, r.Code)
}
