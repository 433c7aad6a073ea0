package app

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/store"
	"doorward/internal/webhook"
)

// openSecrets makes the places where secrets can be. None is looked at yet.
func (a *App) openSecrets(dir string) error {
	if err := a.openVault(); err != nil {
		return err
	}
	a.places = secret.Places{Environ: a.variable, Vault: a.inVault(nil), Keyring: a.inKeyring()}
	root, err := a.secretsRoot(dir)
	if err != nil {
		return err
	}
	a.kept = store.OpenSecrets(dir, root)
	a.places.Store, a.places.Past = a.keptSecret, &secret.Past{}
	return nil
}

// secretsRoot is where the root key of the encrypted store is.
func (a *App) secretsRoot(dir string) (store.SecretsRoot, error) {
	const name = "secret_store.root"
	from := a.Config.SecretStore.Root
	if where, ok := strings.CutPrefix(from, "transit:"); ok && a.vault != nil {
		var err error
		if a.transit, err = a.vault.Transit(where); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return store.RemoteSecretsRoot(a.transit), nil
	}
	if from == "" {
		return store.OwnSecretsRoot(dir), nil
	}
	given, err := a.places.Open([]secret.Source{{Name: name, From: from}})
	if err != nil {
		return nil, err
	}
	return store.GivenSecretsRoot(func() (string, error) {
		v, err := given.Get(name)
		return v.Reveal(), err
	}), nil
}

// sealing refuses to serve while the root key of the encrypted store cannot be asked.
func (a *App) sealing() error {
	if a.transit == nil {
		return nil
	}
	if err := a.transit.Check(); err != nil {
		return fmt.Errorf("secret_store.root: %w", err)
	}
	return nil
}

// overlapping are the secrets of which two versions may count.
func overlapping(cfg *config.Config) map[string]bool {
	out := map[string]bool{}
	for name, s := range cfg.Secrets {
		if s.Overlap > 0 {
			out[name] = true
		}
	}
	return out
}

// keptSecret is a secret of Doorward's own store.
func (a *App) keptSecret(name string, _ bool) (secret.Reading, error) {
	now, before, err := a.kept.Read(name)
	switch {
	case errors.Is(err, store.ErrNoSecret):
		return secret.Reading{}, fmt.Errorf("%w: doorward secret set %s", secret.ErrAbsent, name)
	case err != nil:
		return secret.Reading{}, fmt.Errorf("cannot be read: %w", err)
	}
	return secret.Reading{Text: now.Text, Changed: now.Created, Before: before.Text}, nil
}

// secrets opens what the configuration refers to. Where the gateway does not
// serve, one that is missing matters to what needs it alone. Every fault is told.
func (a *App) secrets(cfg *config.Config, serving bool) (*secret.Store, error) {
	sources := make([]secret.Source, 0, len(cfg.Secrets))
	for _, name := range names(cfg.Secrets) {
		s := cfg.Secrets[name]
		if s.PerCall() {
			continue // nobody has it but a call
		}
		sources = append(sources, secret.Source{
			Name: name, From: s.From, Required: s.Required && serving, Type: s.Type, MaxAge: time.Duration(s.MaxAge), Overlap: time.Duration(s.Overlap),
		})
	}
	var opened atomic.Bool
	places := a.places
	if !serving && places.Vault != nil {
		places.Vault = a.inVault(opened.Load) // a command asks for what it needs alone: nothing leases what nobody uses
	}
	held, err := places.Open(sources)
	opened.Store(true)
	if serving {
		err = errors.Join(err, proves(cfg, held))
	}
	if err != nil {
		return nil, fmt.Errorf("reading secrets: %w", err)
	}
	return held, nil
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

// blocksLeaks tells whether a message with one of the configuration's own secrets in it
// is refused, as one with anybody's is.
func (a *App) blocksLeaks() bool {
	return act(a.current.Load().cfg.Trust.Results.Secrets) == gate.Block
}

// signed has a target sign with a secret as it is at each use, and with the version
// before while that counts too.
func signed(c webhook.TargetConfig, held func() *secret.Store, name string) webhook.TargetConfig {
	c.Secret = func() (gate.Secret, error) { return held().Get(name) }
	c.Before = func() gate.Secret {
		all, err := held().Versions(name)
		if err != nil || len(all) < 2 {
			return gate.Secret{}
		}
		return all[1]
	}
	return c
}

// secretsNow are the secrets of the configuration in force.
func (a *App) secretsNow() *secret.Store { return a.current.Load().secret }
