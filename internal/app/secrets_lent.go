package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/secret/vault"
	"doorward/internal/upstream"
)

// errNotLent is a secret that the configuration in force does not have made for each call, or has
// made elsewhere.
var errNotLent = errors.New("it is not made for each call")

// lentName is what upstream asks for in place of a secret's name where it is made for each call:
// the name and a digest of where that is. So an upstream that a reload took the place of is lent
// nothing that the new one is for, as with ingredientsOf.
func lentName(cfg *config.Config, name string) string {
	if s := cfg.Secrets[name]; s.PerCall() {
		return upstream.LeasePrefix + name + digested(s.From, s.Type)
	}
	return name
}

// lentNames are the variables of an upstream's command, as upstream asks for them.
func lentNames(cfg *config.Config, env map[string]string) map[string]string {
	if env == nil {
		return nil
	}
	out := make(map[string]string, len(env))
	for variable, name := range env {
		out[variable] = lentName(cfg, name)
	}
	return out
}

// lend has secrets made for one call: what is at one path of Vault once, so that a user and its
// password belong together. back has all of it given back.
func (a *App) lend(ctx context.Context, names []string) (made map[string]gate.Secret, back func(), err error) {
	loans := map[string]*vault.Loan{}
	back = func() {
		for _, l := range loans {
			l.Return()
		}
	}
	cfg := a.current.Load().cfg
	made = make(map[string]gate.Secret, len(names))
	for _, called := range names {
		name, _, _ := strings.Cut(called, "#")
		if lentName(cfg, name) != upstream.LeasePrefix+called {
			err = errNotLent
		} else {
			made[called], err = a.lendOne(ctx, cfg.Secrets[name], loans)
		}
		if err != nil {
			back()
			return nil, nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	return made, back, nil
}

func (a *App) lendOne(ctx context.Context, s config.Secret, loans map[string]*vault.Loan) (gate.Secret, error) {
	where, ok := strings.CutPrefix(s.From, "vault:")
	path, field, good := vault.Split(where)
	if !ok || !good || a.vault == nil {
		return gate.Secret{}, errNotLent
	}
	l := loans[path]
	if l == nil {
		var err error
		if l, err = a.vault.Lend(ctx, path); err != nil {
			return gate.Secret{}, err
		}
		loans[path] = l
	}
	text, err := l.Field(field)
	if err == nil {
		err = secret.CheckType(text, s.Type)
	}
	if err != nil {
		return gate.Secret{}, err
	}
	return gate.NewSecret(text), nil
}
