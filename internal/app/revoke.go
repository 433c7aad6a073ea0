package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// Revoke implements admin.Revocations: a subject or a token of an issuer is let
// in no more, by no gateway that shares this one's state.
func (a *App) Revoke(ctx context.Context, actor string, r admin.Revocation) error {
	realm, err := a.realmOf(r.Issuer)
	if err != nil {
		return operated("revoking", err)
	}
	what := store.Revocation{Kind: r.Kind, Realm: realm, Value: r.Value, Until: r.Until, At: time.Now(), By: actor}
	if what.Kind != store.RevokedSubject && what.Kind != store.RevokedToken {
		return operated("revoking", fmt.Errorf("%q can be revoked neither as subject nor as token", r.Kind))
	}
	e := gate.Event{Kind: "identity.revoke", Actor: actor, Detail: what.Kind + " " + what.Value + " of " + realm}
	if what.Kind == store.RevokedSubject {
		e.Principal, e.Detail = &gate.Principal{Realm: realm, Subject: what.Value}, what.Kind+" of "+realm
	}
	err = a.act(ctx, []gate.Event{e}, func() error { return a.publish(ctx, what) })
	return operated("revoking", err)
}

// publish tells every gateway what is revoked.
func (a *App) publish(ctx context.Context, what store.Revocation) error {
	m, err := a.memory(ctx)
	if err != nil {
		return err
	}
	defer a.forgetAnswers() // also where it failed: it may have been done
	return m.revoked.Add(ctx, what)
}

// realmOf is the issuer that an operator means: the only one there is, where none
// is named.
func (a *App) realmOf(issuer string) (string, error) {
	id := &a.current.Load().cfg.Identity
	var realms []string
	for i := range id.Issuers {
		realms = append(realms, id.Issuers[i].Issuer)
	}
	if id.MTLS != nil {
		realms = append(realms, gate.RealmMTLS)
	}
	switch {
	case issuer == "" && len(realms) == 1:
		return realms[0], nil
	case issuer == "":
		return "", fmt.Errorf("name the issuer with --issuer: the configuration has %v", realms)
	case issuer == gate.RealmKeys || issuer == gate.RealmAnonymous || issuer == gate.RealmLocal:
		return "", errors.New("an API key is revoked by its name or id")
	}
	return issuer, nil // one that was taken out of the configuration may come back
}

// ListRevoked implements admin.Revocations.
func (a *App) ListRevoked(ctx context.Context) ([]admin.Revocation, error) {
	m, err := a.memory(ctx)
	if err != nil {
		return nil, operated("listing what is revoked", err)
	}
	list, err := m.revoked.List(ctx)
	out := make([]admin.Revocation, 0, len(list))
	for _, r := range list {
		out = append(out, admin.Revocation{Kind: r.Kind, Issuer: r.Realm, Value: r.Value, Until: r.Until, At: r.At, By: r.By})
	}
	return out, operated("listing what is revoked", err)
}
