package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/identify"
	"doorward/internal/issuer"
	"doorward/internal/policy"
	"doorward/internal/store"
)

// who makes the identify stage of a snapshot.
func (a *App) who(cfg *config.Config, pol *policy.Policy, tokens *issuer.Set, pace identify.Pace) (*identify.Stage, error) {
	id := &cfg.Identity
	c := identify.Config{
		APIKeys: id.APIKeys, Keys: keyring{a.keys},
		Anonymous: anonymous(cfg), Local: local(cfg),
		Roles: pol.RolesOf, Revoked: a.shared.isRevoked, Suspended: suspended{&a.shared}, Pace: pace,
	}
	if id.SignedRequests != nil {
		c.Signatures = &identify.SignatureMethod{Keys: keyring{a.keys}, Once: &a.shared, Window: time.Duration(id.SignedRequests.Window)}
	}
	if len(id.Issuers) > 0 {
		c.Tokens = &identify.TokenMethod{Issuers: authority{tokens}, Audience: audience(cfg)}
	}
	if id.MTLS != nil {
		c.Certificates = id.MTLS.Subject
	}
	return identify.New(c)
}

// audience is what tokens must be for. One that is configured stands for the whole
// gateway, unless it is the URL of all upstreams: then a profile is a resource of
// its own, as where none is configured (security case AUT-31).
func audience(cfg *config.Config) func(issuer, root, resource string) string {
	fixed := map[string]string{}
	for _, i := range cfg.Identity.Issuers {
		fixed[i.Issuer] = i.Audience
	}
	return func(issuer, root, resource string) string {
		if aud := fixed[issuer]; aud != "" && aud != root {
			return aud
		}
		return resource
	}
}

// keyring lets identify look keys up without knowing the store.
type keyring struct{ keys *store.Keys }

// Lookup implements identify.Keys.
func (k keyring) Lookup(text string) (identify.KeyInfo, error) {
	key, err := k.keys.Lookup(text)
	return keyInfo(key), keyFault(err)
}

// Signer implements identify.Signers.
func (k keyring) Signer(id string) ([32]byte, identify.KeyInfo, error) {
	secret, key, err := k.keys.Signer(id)
	return secret, keyInfo(key), keyFault(err)
}

// Used implements identify.Signers.
func (k keyring) Used(id string) { k.keys.Used(id) }

func keyInfo(key store.Key) identify.KeyInfo {
	return identify.KeyInfo{ID: key.ID, Name: key.Name, Roles: key.Roles, Expires: key.Expires}
}

// keyFault is the store's judgement in identify's words. Any other error says that
// keys cannot be judged, and refuses too.
func keyFault(err error) error {
	for _, is := range []struct{ theirs, ours error }{
		{store.ErrUnknown, identify.ErrUnknown},
		{store.ErrRevoked, identify.ErrRevoked},
		{store.ErrExpired, identify.ErrExpired},
		{store.ErrNoSigning, identify.ErrNoSigning},
	} {
		if errors.Is(err, is.theirs) {
			return is.ours
		}
	}
	return err
}

// authority lets identify ask the issuers.
type authority struct{ set *issuer.Set }

// errNotServing is that of issuers that were not asked for their keys, since this
// process does not serve.
var errNotServing = errors.New("the gateway does not serve")

// Verify implements identify.Issuers.
func (a authority) Verify(ctx context.Context, from netip.Addr, text string, audience func(issuer string) string) (identify.Token, error) {
	if a.set == nil {
		return identify.Token{}, errNotServing
	}
	t, err := a.set.Verify(ctx, from, text, audience)
	return identify.Token(t), tokenFault(err)
}

// Prove implements identify.Issuers.
func (a authority) Prove(ctx context.Context, p identify.Proof) error {
	if a.set == nil {
		return errNotServing
	}
	return tokenFault(a.set.Proof(ctx, issuer.Proof(p)))
}

func tokenFault(err error) error {
	switch {
	case errors.Is(err, issuer.ErrInvalid):
		return fmt.Errorf("%w: %w", identify.ErrToken, err)
	case errors.Is(err, issuer.ErrExpired):
		return fmt.Errorf("%w: %w", identify.ErrExpired, err)
	}
	return err
}

// live tells whether the credential that opened a stream is still good.
func (a *App) live(p *gate.Principal) bool {
	if p == nil || !p.Expires.IsZero() && time.Now().After(p.Expires) {
		return false
	}
	for one := p; one != nil; one = one.Bound {
		if gone, err := a.shared.isRevoked(one); gone || err != nil {
			return false
		}
	}
	if code, err := (suspended{&a.shared}).callers(p); code != gate.CodeUnset || err != nil {
		return false
	}
	if !admits(&a.current.Load().cfg.Identity, p) {
		return false
	}
	switch p.Method {
	case gate.MethodAPIKey, gate.MethodSignature:
		return a.keys.Alive(p.Credential)
	case gate.MethodIntrospection:
		return a.renewed(p)
	}
	return true
}

// admits tells whether a configuration lets in whoever proves to be this principal in
// the same way again, of the same tenant. It judges no credential.
func admits(id *config.Identity, p *gate.Principal) bool {
	switch p.Method {
	case gate.MethodAPIKey:
		return id.APIKeys
	case gate.MethodSignature:
		return id.SignedRequests != nil
	case gate.MethodJWT, gate.MethodIntrospection:
		return vouches(id, p.Realm, p.Tenant)
	case gate.MethodMTLS:
		return id.MTLS != nil
	case gate.MethodAnonymous:
		return id.Anonymous != nil
	}
	return p.Method == gate.MethodLocal
}

// vouches tells whether an issuer of the configuration vouches for people of a tenant, or
// for people of none where tenant is empty.
func vouches(id *config.Identity, issuer, tenant string) bool {
	at := slices.IndexFunc(id.Issuers, func(i config.Issuer) bool { return i.Issuer == issuer })
	if at < 0 {
		return false
	}
	i := &id.Issuers[at]
	return (i.Claims.Tenant == "") == (tenant == "") && (i.Tenants == nil || slices.Contains(i.Tenants, tenant))
}

// renewed asks again whether an opaque token is good, is somebody's of the same tenant and
// grants all that it did: what it opened was judged by that (TEN-15). What its issuer has
// said within introspection.cache is not asked.
func (a *App) renewed(p *gate.Principal) bool {
	set := a.current.Load().tokens
	if p.Renewal == nil || set == nil {
		return false
	}
	t, err := set.Verify(a.ctx, p.Renewal.From, p.Renewal.Token.Reveal(), func(issuer string) string {
		if issuer != p.Realm {
			return ""
		}
		return p.Renewal.Audience
	})
	return err == nil && t.Issuer == p.Realm && t.Subject == p.Subject && t.Tenant == p.Tenant &&
		containsAll(t.Groups, p.Groups) && containsAll(t.Scopes, p.Scopes)
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}
