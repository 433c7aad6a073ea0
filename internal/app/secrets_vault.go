package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/secret"
	"doorward/internal/secret/vault"
)

// vaultParting is how long leases may take to be given back at the end.
const vaultParting = 5 * time.Second

// openVault makes the client of Vault, where there is one. Nothing is asked yet.
func (a *App) openVault() error {
	v := &a.Config.Vault
	if v.Address == "" {
		return nil
	}
	pool, err := roots(v.CA)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	c := vault.Config{Address: v.Address, Roots: pool, Namespace: v.Namespace, Lease: time.Duration(v.Lease), Lent: a.leaseEnded, Log: a.Log}
	switch {
	case v.Auth.TokenFile != "":
		c.Token, err = a.contentOf(v.Auth.TokenFile)
	case v.Auth.AppRole != nil:
		r := v.Auth.AppRole
		var id func() (string, error)
		id, err = a.contentOf(r.SecretIDFile)
		c.Login = func() (string, map[string]string, error) {
			text, err := id()
			return "auth/" + r.Mount + "/login", map[string]string{"role_id": r.RoleID, "secret_id": text}, err
		}
	case v.Auth.Kubernetes != nil:
		k := v.Auth.Kubernetes
		var token func() (string, error)
		token, err = a.contentOf(k.TokenPath)
		c.Login = func() (string, map[string]string, error) {
			text, err := token()
			return "auth/" + k.Mount + "/login", map[string]string{"role": k.Role, "jwt": text}, err
		}
	}
	if err == nil {
		a.vault, err = vault.New(c)
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// contentOf reads a file at each use, as one of a secret: it must not be open to others.
func (a *App) contentOf(path string) (func() (string, error), error) {
	const name = "vault"
	held, err := secret.Open([]secret.Source{{Name: name, From: "file:" + path}}, a.variable)
	return func() (string, error) {
		v, err := held.Get(name)
		return v.Reveal(), err
	}, err
}

// inVault is the place of secrets in Vault; nil where there is none. It is asked once
// ready says so; nil: from the beginning.
func (a *App) inVault(ready func() bool) secret.Place {
	if a.vault == nil {
		return nil
	}
	return func(where string, fresh bool) (secret.Reading, error) {
		if ready != nil && !ready() {
			return secret.Reading{}, fmt.Errorf("%w: it is asked when it is needed", secret.ErrAbsent)
		}
		text, changed, err := a.vault.Read(where, fresh)
		switch {
		case errors.Is(err, vault.ErrAbsent):
			return secret.Reading{}, fmt.Errorf("%w: %w", secret.ErrAbsent, err)
		case err != nil:
			return secret.Reading{}, err
		}
		return secret.Reading{Text: text, Changed: changed}, nil
	}
}

// onlyInVault lets go of what the configuration names no more.
func (a *App) onlyInVault(cfg *config.Config) {
	if a.vault == nil {
		return
	}
	var wheres []string
	for _, s := range cfg.Secrets {
		if where, ok := strings.CutPrefix(s.From, "vault:"); ok {
			wheres = append(wheres, where)
		}
	}
	a.vault.Only(wheres)
}

// leaveVault gives back what Vault made for this process.
func (a *App) leaveVault() error {
	if a.vault == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), vaultParting)
	defer cancel()
	return a.vault.Close(ctx)
}
