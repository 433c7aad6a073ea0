package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// clientName is how Doorward names itself to those who are asked to consent.
const clientName = "Doorward"

// Client is who asks for tokens. With none of it Doorward registers itself,
// where the authorization server lets it.
type Client struct {
	ID       string // as the authorization server's operator registered it
	Document string // URL of a client ID metadata document, for servers that read those
	// Secret and Key say where the client's secret or private key is: env:NAME or
	// file:PATH. At most one of them.
	Secret, Key string
}

// asked is what makes one client another in the cache.
func (c Client) asked() string {
	if c.ID != "" {
		return c.ID
	}
	return c.Document
}

// identify finds out who the client is, in the order of MCP 2026-07-28 (client
// registration): known to the server already, by a document of its own, or
// registered now.
func (k *Keeper) identify(ctx context.Context, w *web, s *server, r Request, redirect string) (*proof, error) {
	p := &proof{id: r.Client.ID}
	if p.id == "" && s.ByDocument {
		p.id = r.Client.Document
	}
	if p.id == "" {
		if s.Registration == "" || r.Client.Secret != "" || r.Client.Key != "" {
			return nil, errors.New(unknownClient(s, r.Client))
		}
		return register(ctx, w, s, redirect)
	}
	if err := k.equip(p, r.Client.Secret, r.Client.Key); err != nil {
		return nil, err
	}
	return p, p.choose(s)
}

// equip reads what the client proves itself with from where it is kept.
func (k *Keeper) equip(p *proof, secret, key string) error {
	switch {
	case secret != "" && key != "":
		return fmt.Errorf("%w: a client has a secret or a key, not both", ErrRequest)
	case secret != "":
		text, err := k.opts.Secret(secret)
		if err != nil {
			return fmt.Errorf("reading the client's secret: %w", err)
		}
		if text == "" {
			return errors.New("the client's secret is empty")
		}
		p.secret = text
	case key != "":
		text, err := k.opts.Secret(key)
		if err != nil {
			return fmt.Errorf("reading the client's key: %w", err)
		}
		if p.key, err = readKey(text); err != nil {
			return fmt.Errorf("the client's key %w", err)
		}
	}
	return nil
}

func unknownClient(s *server, c Client) string {
	text := "the authorization server " + shown(s.Issuer, maxText) + " lets no client register itself: ask who runs it for a client id"
	if c.Document != "" {
		return text + " (it reads no client ID metadata documents either)"
	}
	if s.ByDocument {
		return text + ", or give the URL of a client ID metadata document"
	}
	return text
}

// register makes the client known to the server (RFC 7591), as a native
// application: its redirect is to this machine (MCP 2026-07-28, application
// type). Without a redirect it is one for devices.
func register(ctx context.Context, w *web, s *server, redirect string) (*proof, error) {
	u, err := address(s.Registration)
	if err != nil {
		return nil, err
	}
	asked := map[string]any{
		"client_name": clientName, "application_type": "native", "token_endpoint_auth_method": byNothing,
		"redirect_uris": []string{redirect}, "response_types": []string{"code"}, "grant_types": []string{grantCode, grantRefresh},
	}
	if redirect == "" {
		asked["redirect_uris"], asked["response_types"], asked["grant_types"] = []string{}, []string{}, []string{grantDevice, grantRefresh}
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("registering the client: %w", err)
	}
	a, err := w.send(ctx, question{method: http.MethodPost, url: u, body: body, header: http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json"},
	}})
	if err != nil {
		return nil, fmt.Errorf("registering the client: %w", err)
	}
	var said struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Method string `json:"token_endpoint_auth_method"`
		Code   string `json:"error"`
		Text   string `json:"error_description"`
	}
	err = json.Unmarshal(a.body, &said)
	switch {
	case a.status != http.StatusCreated && a.status != http.StatusOK:
		if err == nil && said.Code != "" {
			return nil, fmt.Errorf("registering the client: %w", refusal(said.Code, said.Text, nil))
		}
		return nil, fmt.Errorf("registering the client: %s answers with HTTP %d", u.Host, a.status)
	case err != nil || !goodClientID(said.ID) || said.Secret != "" && !goodToken(said.Secret):
		return nil, errors.New("registering the client: the answer is none of RFC 7591")
	}
	p := &proof{id: said.ID, issuer: s.Issuer, method: byNothing, registered: true}
	if said.Method == byNothing || said.Secret == "" {
		return p, nil
	}
	p.secret = said.Secret
	if said.Method == byBasic || said.Method == byPost {
		p.method = said.Method
		return p, nil
	}
	return p, p.choose(s)
}

// goodClientID is what an id may be made of (RFC 6749, A.1), and of which size.
func goodClientID(s string) bool {
	return s != "" && len(s) <= maxURL && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
