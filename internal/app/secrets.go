package app

import (
	"fmt"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/secret"
	"doorward/internal/upstream"
)

// secrets opens what the configuration refers to. Where the gateway does not
// serve, one that is missing matters to what needs it alone.
func (a *App) secrets(cfg *config.Config, serving bool) (*secret.Store, error) {
	sources := make([]secret.Source, 0, len(cfg.Secrets))
	for _, name := range names(cfg.Secrets) {
		s := cfg.Secrets[name]
		sources = append(sources, secret.Source{Name: name, From: s.From, Required: s.Required && serving, Type: s.Type, MaxAge: time.Duration(s.MaxAge)})
	}
	store, err := secret.Open(sources, a.variable)
	if err != nil {
		return nil, fmt.Errorf("reading secrets: %w", err)
	}
	if serving {
		if err := proves(cfg, store); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// variable is one of the process's environment.
func (a *App) variable(name string) (string, bool) {
	for _, kv := range a.Environment {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// secretFor hands a secret to the upstream that the configuration names it for.
func (a *App) secretFor(name string) (upstream.Secret, error) {
	return a.current.Load().secret.Get(name)
}

// credential is how Doorward proves to an upstream who it is.
func credential(c *config.Credential) upstream.Credential {
	switch {
	case c == nil:
		return upstream.Credential{}
	case c.Bearer != "":
		return held(upstream.Credential{Header: "Authorization", Prefix: "Bearer "}, c.Bearer)
	}
	return held(upstream.Credential{Header: c.Header}, c.Value)
}

// held adds where a credential's value is: a secret of the configuration, or the
// client's own key.
func held(c upstream.Credential, name string) upstream.Credential {
	if header, brought := config.RequestKey(name); brought {
		c.Request = header
	} else {
		c.Secret = name
	}
	return c
}
