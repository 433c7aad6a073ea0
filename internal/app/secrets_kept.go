package app

import (
	"context"
	"errors"
	"time"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/gate"
)

// fromStore is what the configuration says of a secret in Doorward's own store.
const fromStore = "store"

// ListSecrets implements admin.Secrets.
func (a *App) ListSecrets(context.Context) ([]admin.Secret, error) {
	kept, err := a.kept.List()
	if err != nil {
		return nil, operated("listing secrets", err)
	}
	snap := a.current.Load()
	out := make([]admin.Secret, 0, len(kept)+len(snap.cfg.Secrets))
	stored := map[string]admin.Secret{}
	for _, k := range kept {
		one := admin.Secret{Name: k.Name, From: fromStore, Since: k.Created, Overlap: k.Overlap, Within: true}
		stored[k.Name] = one
		if snap.cfg.Secrets[k.Name].From != fromStore {
			one.Unused = true
			out = append(out, one)
		}
	}
	now := time.Now()
	for _, age := range a.secretAges(snap, now) {
		one := admin.Secret{
			Name: age.Name, From: snap.cfg.Secrets[age.Name].From, Since: age.Since, MaxAge: age.Most, Fault: gate.Visible(age.Fault),
			Within: age.Fault == "" && (age.Most <= 0 || age.Within(now)),
		}
		if one.From == fromStore {
			one.Overlap = stored[age.Name].Overlap
		}
		out = append(out, one)
	}
	return out, nil
}

// SetSecret implements admin.Secrets. What the gateway would refuse to start with is
// refused here.
func (a *App) SetSecret(ctx context.Context, actor string, v admin.SecretValue) (admin.Secret, error) {
	snap := a.current.Load()
	cfg := snap.cfg
	if !config.GoodSecretName(v.Name) {
		return admin.Secret{}, operated("setting a secret", errSecretName)
	}
	e := gate.Event{Kind: "secret.set", Actor: actor, Detail: v.Name}
	err := a.act(ctx, []gate.Event{e}, func() error {
		if err := suits(cfg, snap.secret, v.Name, v.Value); err != nil {
			return err
		}
		return a.kept.Set(v.Name, v.Value, v.Overlap)
	})
	if err != nil {
		return admin.Secret{}, operated("setting a secret", err)
	}
	now, _, err := a.kept.Read(v.Name)
	made := admin.Secret{Name: v.Name, From: fromStore, Since: now.Created, Within: true, Unused: cfg.Secrets[v.Name].From != fromStore}
	return made, operated("setting a secret", err)
}

// errSecretName is a name that no secret can have. It is not repeated, nor put on record: it may
// be the secret itself, written in the wrong place.
var errSecretName = errors.New("a secret's name is lower-case letters, digits, hyphens and underscores")

// RemoveSecret implements admin.Secrets.
func (a *App) RemoveSecret(ctx context.Context, actor, name string) error {
	if !config.GoodSecretName(name) {
		return operated("removing a secret", errSecretName)
	}
	err := a.act(ctx, []gate.Event{{Kind: "secret.remove", Actor: actor, Detail: name}}, func() error { return a.kept.Remove(name) })
	return operated("removing a secret", err)
}

// ReplaceSecretsRoot implements admin.Secrets.
func (a *App) ReplaceSecretsRoot(ctx context.Context, actor string) (count int, err error) {
	err = a.act(ctx, []gate.Event{{Kind: "secret.root", Actor: actor}}, func() error {
		count, err = a.kept.ReplaceRoot()
		return err
	})
	return count, operated("replacing the root key of secrets", err)
}
