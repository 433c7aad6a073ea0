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

// loans are what one call is lent, by path of Vault.
type loans struct {
	upstream string
	made     map[string]*vault.Loan
}

// lend has secrets made for one call: what is at one path of Vault once, so that a user and its
// password belong together. Each lease is on record before anybody has it, and nobody has one that
// cannot be put there. back has all of it given back.
func (a *App) lend(ctx context.Context, to string, names []string) (made map[string]gate.Secret, back func(), err error) {
	out := loans{to, map[string]*vault.Loan{}}
	back = func() {
		for _, l := range out.made {
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
			made[called], err = a.lendOne(ctx, cfg.Secrets[name], out)
		}
		if err != nil {
			back()
			return nil, nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	return made, back, nil
}

func (a *App) lendOne(ctx context.Context, s config.Secret, out loans) (gate.Secret, error) {
	where, ok := strings.CutPrefix(s.From, "vault:")
	path, field, good := vault.Split(where)
	if !ok || !good || a.vault == nil {
		return gate.Secret{}, errNotLent
	}
	l := out.made[path]
	if l == nil {
		var err error
		if l, err = a.vault.Lend(ctx, path); err != nil {
			return gate.Secret{}, err
		}
		out.made[path] = l
		e := gate.Event{Kind: "secret.lease_taken", Actor: "doorward", Upstream: out.upstream, Detail: leaseDetail(l), Status: "ok"}
		if err := a.trail.Event(ctx, e); err != nil {
			return gate.Secret{}, fmt.Errorf("putting its lease on record: %w", err)
		}
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

// leaseDetail is what records say of a lease: where Vault made it, and a tag of its id.
func leaseDetail(l *vault.Loan) string { return fmt.Sprintf("%s, lease %s", l.Path, l.Tag()) }

// leaseEnded puts on record what became of a lease that was for a call. Of one that ended by itself
// Vault had not said that it took it back.
func (a *App) leaseEnded(l *vault.Loan, f vault.Fate) {
	e := gate.Event{Kind: "secret.lease_returned", Actor: "doorward", Detail: leaseDetail(l), Status: "ok"}
	switch f {
	case vault.Returned:
	case vault.Ended:
		e.Status = "ended"
	case vault.Unreturned:
		e.Kind, e.Status = "secret.lease_unreturned", "failed"
	}
	if err := a.trail.Event(context.Background(), e); err != nil { // the gateway may be ending
		a.Log.Error("what became of a lease for a call is not on record", "path", l.Path, "fate", string(f), "error", err)
	}
}
