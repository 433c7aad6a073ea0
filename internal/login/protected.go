package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
)

// protected is what a gateway says of itself to those who must sign in (RFC 9728).
type protected struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
	Scopes   []string `json:"scopes_supported"`
	DPoP     bool     `json:"dpop_bound_access_tokens_required"`
}

// probe is a request that every MCP server which wants a token refuses, and that
// changes nothing at one which does not.
const probe = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{` +
	`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`

// challenged asks the gateway for what it will not give without a token, and
// returns the challenge.
func (w *web) challenged(ctx context.Context, gateway *url.URL) (challenge, error) {
	a, err := w.send(ctx, question{method: http.MethodPost, url: gateway, body: []byte(probe), bare: true, header: http.Header{
		"Content-Type":         {"application/json"},
		"Accept":               {"application/json, text/event-stream"},
		"Mcp-Protocol-Version": {"2026-07-28"},
		"Mcp-Method":           {"server/discover"},
	}})
	switch {
	case err != nil:
		return challenge{}, err
	case a.status >= 300 && a.status < 400:
		return challenge{}, fmt.Errorf("%s redirects, and redirects are not followed: give the URL that it leads to", gateway.Host)
	case a.status == http.StatusUnauthorized:
		return readChallenge(a.header), nil
	}
	return challenge{}, nil
}

// describe finds the gateway's own description: where its challenge says, or at
// the well-known places below its path and at its root (MCP 2026-07-28,
// protected resource metadata discovery). It must be the gateway's own word, so
// it must lie at the gateway's origin and name the gateway's URL.
func (w *web) describe(ctx context.Context, gateway *url.URL, c challenge) (*protected, error) {
	const suffix = "oauth-protected-resource"
	places := []*url.URL{wellKnown(gateway, suffix, gateway.Path)}
	if gateway.Path != "" {
		places = append(places, wellKnown(gateway, suffix, ""))
	}
	if c.metadata != "" {
		u, err := address(c.metadata)
		if err != nil {
			return nil, fmt.Errorf("the gateway's resource_metadata %q %w", shown(c.metadata, maxText), err)
		}
		if origin(u) != origin(gateway) {
			return nil, fmt.Errorf("the gateway's resource_metadata is at another origin, %s", shown(origin(u), maxText))
		}
		places = []*url.URL{u}
	}
	for _, at := range places {
		body, found, err := w.document(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("reading what the gateway says of itself: %w", err)
		}
		if found {
			return readProtected(body, gateway)
		}
	}
	if c.metadata != "" {
		return nil, errors.New("the gateway's resource_metadata leads to nothing")
	}
	return nil, fmt.Errorf("%s says nothing of an authorization server (RFC 9728): it may take API keys, which doorward key create makes", gateway.Host)
}

// readProtected reads and checks the document.
func readProtected(body []byte, gateway *url.URL) (*protected, error) {
	var p protected
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, errors.New("what the gateway says of itself is no JSON object of RFC 9728")
	}
	own, err := canonical(p.Resource)
	if err != nil {
		return nil, fmt.Errorf("the gateway says that it is %q, which %w", shown(p.Resource, maxText), err)
	}
	if bare := own.String(); bare != gateway.String() || p.Resource != bare && p.Resource != bare+"/" {
		return nil, fmt.Errorf("the gateway says that it is %s and was asked at %s: use the URL that it has for itself", shown(p.Resource, maxText), gateway)
	}
	if len(p.Servers) == 0 {
		return nil, errors.New("the gateway names no authorization server")
	}
	if p.DPoP {
		return nil, errors.New("the gateway wants tokens bound by DPoP, which Doorward does not make")
	}
	p.Scopes = slices.DeleteFunc(p.Scopes, func(s string) bool { return !goodScope(s) })
	p.Scopes = p.Scopes[:min(len(p.Scopes), maxScopes)]
	return &p, nil
}
