package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
)

// server is what an authorization server says of itself (RFC 8414, or OpenID
// Connect Discovery 1.0). Every URL in it has passed address.
type server struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Registration  string `json:"registration_endpoint"`
	Revocation    string `json:"revocation_endpoint"`

	Scopes     []string `json:"scopes_supported"`
	Challenges []string `json:"code_challenge_methods_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`

	NamesItself bool `json:"authorization_response_iss_parameter_supported"`
	ByDocument  bool `json:"client_id_metadata_document_supported"`
}

// ask finds the document of an issuer at the places of MCP 2026-07-28
// (authorization server metadata discovery), in that order. One that names
// another issuer is refused, and so is the whole attempt: nobody else may answer
// in an issuer's place (RFC 8414, 3.3).
func (w *web) ask(ctx context.Context, issuer string) (*server, error) {
	u, err := issuerURL(issuer)
	if err != nil {
		return nil, err
	}
	places := []*url.URL{
		wellKnown(u, "oauth-authorization-server", u.Path),
		wellKnown(u, "openid-configuration", u.Path),
	}
	if u.Path != "" && u.Path != "/" {
		places = append(places, u.JoinPath(".well-known", "openid-configuration"))
	}
	for _, at := range places {
		body, found, err := w.document(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("reading what the authorization server says of itself: %w", err)
		}
		if found {
			return readServer(body, issuer)
		}
	}
	return nil, fmt.Errorf("the authorization server %s says nothing of itself (RFC 8414, OpenID Connect Discovery)", shown(issuer, maxText))
}

// issuerURL reads an issuer's identifier, which has no query (RFC 8414, 2).
func issuerURL(issuer string) (*url.URL, error) {
	u, err := address(issuer)
	if err != nil {
		return nil, fmt.Errorf("the issuer %q %w", shown(issuer, maxText), err)
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("the issuer %q has a query", shown(issuer, maxText))
	}
	return u, nil
}

func readServer(body []byte, issuer string) (*server, error) {
	var s server
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, errors.New("what the authorization server says of itself is no JSON object of RFC 8414")
	}
	if s.Issuer != issuer {
		return nil, fmt.Errorf("the authorization server asked as %s says that it is %q", shown(issuer, maxText), shown(s.Issuer, maxText))
	}
	if s.Token == "" {
		return nil, errors.New("the authorization server has no token_endpoint")
	}
	for _, e := range []struct{ name, text string }{
		{"authorization_endpoint", s.Authorization},
		{"token_endpoint", s.Token},
		{"device_authorization_endpoint", s.Device},
		{"registration_endpoint", s.Registration},
		{"revocation_endpoint", s.Revocation},
	} {
		if e.text == "" {
			continue
		}
		if _, err := address(e.text); err != nil {
			return nil, fmt.Errorf("the authorization server's %s %q %w", e.name, shown(e.text, maxText), err)
		}
	}
	return &s, nil
}

// grantsOffline tells whether the server has a scope for tokens that can be
// renewed (OpenID Connect Core 1.0, 11).
func (s *server) grantsOffline() bool { return slices.Contains(s.Scopes, offline) }

const offline = "offline_access"
