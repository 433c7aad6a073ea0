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
		return upstream.Credential{Header: "Authorization", Prefix: "Bearer ", Secret: c.Bearer}
	}
	return upstream.Credential{Header: c.Header, Secret: c.Value}
}
