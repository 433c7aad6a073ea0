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

// clientFor is the one for an upstream, made when it is first needed.
func (a *App) clientFor(cfg *config.Config, name string) (*issuer.Client, error) {
	u := cfg.Upstreams[name]
	if u.Credential == nil || u.Credential.OAuth == nil {
		return nil, errUnset
	}
	key, o := keyOfClient(&u), u.Credential.OAuth
	a.clients.mu.Lock()
	defer a.clients.mu.Unlock()
	if c := a.clients.all[key]; c != nil {
		return c, nil
	}
	pool, err := roots(o.CA)
	if err != nil {
		return nil, fmt.Errorf("upstreams.%s.credential.oauth: %w", name, err)
	}
	set := issuer.ClientConfig{
		Issuer: o.Issuer, TokenURL: o.TokenURL, Resource: key.resource, Scopes: o.Scopes, ClientID: o.ClientID, Method: o.Method,
		Secret: a.revealed(o.ClientSecret), PrivateKeyPEM: a.revealed(o.PrivateKey), Instead: a.otherwise(key.secret), RootCAs: pool,
	}
	c, err := issuer.NewClient(set)
	if err != nil {
		return nil, fmt.Errorf("upstreams.%s.credential.oauth: %w", name, err)
	}
	if a.clients.all == nil {
		a.clients.all = map[clientKey]*issuer.Client{}
	}
	a.clients.all[key] = c
	return c, nil
}

// only lets go of those that no upstream of a configuration has.
func (c *clients) only(cfg *config.Config) {
	used := map[clientKey]bool{}
	for _, name := range names(cfg.Upstreams) {
		if u := cfg.Upstreams[name]; u.Credential != nil && u.Credential.OAuth != nil {
			used[keyOfClient(&u)] = true
		}
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
