package app

import (
	"context"
	"slices"

	"doorward/internal/config"
	"doorward/internal/gate"
)

// endUnadmitted ends the sessions and processes of those whom the configuration lets in no
// more, so that nobody finds them who is let in later under the same names (TEN-14).
func (a *App) endUnadmitted(id *config.Identity) {
	a.front.CloseThose(func(gs *gate.Session) bool { return gs.Principal != nil && !admits(id, gs.Principal) })
	a.pool.ClosePrincipals(func(key string) bool {
		realm, tenant, _, ok := gate.KeyParts(key)
		return !ok || unadmitted(id, realm, tenant)
	})
}

// unadmitted tells of people for whom an issuer would have to vouch, and none does.
func unadmitted(id *config.Identity, realm, tenant string) bool {
	switch realm {
	case gate.RealmKeys, gate.RealmMTLS, gate.RealmAnonymous, gate.RealmLocal:
		return false // of no tenant, and known to no issuer
	}
	return !vouches(id, realm, tenant)
}

// dropUnadmitted drops the approvals that people asked for whom a configuration does not
// let in, with every yes to them (TEN-14).
func (a *App) dropUnadmitted(ctx context.Context, id *config.Identity) error {
	m := a.shared.now.Load()
	if m == nil {
		return nil // there are none
	}
	n, err := m.approvals.Drop(ctx, func(realm, tenant string) bool { return unadmitted(id, realm, tenant) })
	if n > 0 {
		a.Log.InfoContext(ctx, "approvals of people who are let in no more are dropped", "approvals", n)
	}
	return err
}

// widened tells whether a configuration lets people in by an issuer whom the one before
// did not: what namesakes of theirs may have left has to be gone first.
func widened(was, is *config.Identity) bool {
	return slices.ContainsFunc(is.Issuers, func(i config.Issuer) bool {
		at := slices.IndexFunc(was.Issuers, func(o config.Issuer) bool { return o.Issuer == i.Issuer })
		if at < 0 || (was.Issuers[at].Claims.Tenant == "") != (i.Claims.Tenant == "") {
			return true
		}
		before := was.Issuers[at].Tenants
		return before != nil && (i.Tenants == nil || slices.ContainsFunc(i.Tenants, func(t string) bool { return !slices.Contains(before, t) }))
	})
}
