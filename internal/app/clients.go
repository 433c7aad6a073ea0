package app

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"doorward/internal/config"
	"doorward/internal/issuer"
)

// clients are what Doorward gets tokens for upstreams by. Upstreams that ask the same issuer for
// the same have one token.
type clients struct {
	mu  sync.Mutex
	all map[clientKey]*issuer.Client
}

// clientKey is who asks whom for what. A token is never used for anything else.
type clientKey struct {
	issuer, url, ca        string
	client, method, secret string // secret is its name
	resource, scopes       string
}

func keyOfClient(u *config.Upstream) clientKey {
	o := u.Credential.OAuth
	return clientKey{
		issuer: o.Issuer, url: o.TokenURL, ca: o.CA, client: o.ClientID, method: o.Method, secret: o.ClientSecret + o.PrivateKey,
		resource: resource(u), scopes: strings.Join(o.Scopes, " "),
	}
}

// clientFor is the one for a credential, made when it is first needed.
func (a *App) clientFor(in ingredients) (*issuer.Client, error) {
	key, o := in.token, in.oauth
	a.clients.mu.Lock()
	defer a.clients.mu.Unlock()
	if c := a.clients.all[key]; c != nil {
		return c, nil
	}
	pool, err := roots(o.CA)
	if err != nil {
		return nil, fmt.Errorf("oauth of issuer %s: %w", o.Issuer, err)
	}
	set := issuer.ClientConfig{
		Issuer: o.Issuer, TokenURL: o.TokenURL, Resource: key.resource, Scopes: o.Scopes, ClientID: o.ClientID, Method: o.Method,
		Secret: a.revealed(o.ClientSecret), PrivateKeyPEM: a.revealed(o.PrivateKey), Instead: a.otherwise(key.secret), RootCAs: pool,
	}
	c, err := issuer.NewClient(set)
	if err != nil {
		return nil, err
	}
	if a.clients.all == nil {
		a.clients.all = map[clientKey]*issuer.Client{}
	}
	a.clients.all[key] = c
	return c, nil
}

// only lets go of those that no credential of a configuration has, and of those with a CA of their
// own: its file is read again.
func (c *clients) only(made map[string]ingredients) {
	used := map[clientKey]bool{}
	for _, in := range made {
		used[in.token] = in.oauth != nil && in.oauth.CA == ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.all, func(key clientKey, client *issuer.Client) bool {
		if !used[key] {
			client.Close()
		}
		return !used[key]
	})
}
