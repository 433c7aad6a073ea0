package issuer

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Settings is one issuer.
type Settings struct {
	Issuer         string         // its identifier, compared byte for byte with iss and with its metadata
	Algorithms     []string       // of its JWTs: RS, PS, ES (256, 384, 512) and EdDSA; empty: it has no JWTs
	JWKSURL        string         // where its keys are; empty: its metadata says so
	TokenType      string         // empty: typ may be at+jwt, JWT or absent; at+jwt: only that (RFC 9068)
	Clients        []string       // the client_id (or azp) that are accepted; empty: any
	Tenants        []string       // whose tokens are accepted; empty: any. It needs Claims.Tenant
	OtherAudiences bool           // accept a token whose aud names others beside us
	Claims         Claims         // where its tokens have what Doorward needs
	RequireTenant  bool           // refuse a token without a tenant; exactly when Claims.Tenant is set
	MaxAge         time.Duration  // the longest that a token may live, before and after now; 0: 24 h
	Stale          time.Duration  // how long keys are used while the issuer cannot be reached, at least 1 min; 0: 1 h
	Introspection  *Introspection // for its opaque tokens; nil: it has none
	RootCAs        *x509.CertPool // who vouches for its servers; nil: those of the system
}

// Claims says which claim is which. Each is a claim's name, or a JSON Pointer
// to one below others ("/realm_access/roles").
type Claims struct {
	Subject string // empty: sub
	Tenant  string // empty: there are no tenants
	Groups  string // empty: there are no groups
	Roles   string // empty: there are no roles
	Scopes  string // empty: scope, or scp where there is no scope
}

// Introspection is how the issuer is asked about a token (RFC 7662).
type Introspection struct {
	URL           string                 // empty: the issuer's metadata says so
	ClientID      string                 // ours, at the issuer
	Method        string                 // client_secret_basic, client_secret_post or private_key_jwt
	Secret        func() (string, error) // for the first two; asked each time; Close waits for it
	PrivateKeyPEM func() (string, error) // for private_key_jwt; asked each time
	// Instead is another version of the secret or the key than one that was refused, while it is
	// replaced; nil: there is never one.
	Instead  func(refused string) (string, bool)
	KeyID    string        // kid of that key, as the issuer knows it; empty: none is sent
	MaxCache time.Duration // how long an answer is used, at most 30 s; 0: 30 s
}

// The defaults and bounds of durations; maxCache is from AUT-28.
const (
	minStale      = time.Minute
	defaultMaxAge = 24 * time.Hour
	defaultStale  = time.Hour
	maxCache      = 30 * time.Second
)

// authority is one issuer at work.
type authority struct {
	settings Settings
	subject  pointer
	tenant   pointer // nil: no tenants
	groups   pointer
	roles    pointer
	scopes   pointer             // nil: scope or scp
	tenants  map[string]struct{} // that are accepted; nil: any
	names    []string            // of claims that no other may be like

	keeper *keeper // of its keys and metadata; nil: all that it has is configured
	asker  *asker  // nil: it has no opaque tokens
}

// newAuthority checks the settings.
func newAuthority(s Settings) (*authority, error) {
	if err := checkURL(s.Issuer, s.Issuer, true); err != nil {
		return nil, fmt.Errorf("issuer %q: %w", s.Issuer, err)
	}
	a := &authority{settings: s}
	if err := errors.Join(a.checkRules(), a.checkClaims(), a.checkIntrospection()); err != nil {
		return nil, fmt.Errorf("issuer %s: %w", s.Issuer, err)
	}
	return a, nil
}

func (a *authority) checkRules() error {
	s := &a.settings
	s.Algorithms, s.Clients = slices.Clone(s.Algorithms), slices.Clone(s.Clients)
	if err := checkAlgorithms(s.Algorithms); err != nil {
		return err
	}
	if len(s.Algorithms) == 0 && (s.Introspection == nil || s.JWKSURL != "" || s.TokenType != "") {
		return errors.New("no algorithms are listed")
	}
	if s.JWKSURL != "" {
		if err := checkURL(s.JWKSURL, s.Issuer, false); err != nil {
			return fmt.Errorf("the URL of its keys: %w", err)
		}
	}
	if s.TokenType != "" && s.TokenType != "at+jwt" {
		return fmt.Errorf("token type %q is neither empty nor at+jwt", s.TokenType)
	}
	if slices.ContainsFunc(s.Clients, func(id string) bool { return !clean(id) }) {
		return errors.New("a client id is not 1 to 256 printable bytes")
	}
	if s.MaxAge < 0 || s.Stale < 0 {
		return errors.New("a negative duration")
	}
	if s.Stale > 0 && s.Stale < minStale {
		return fmt.Errorf("keys are used for at least %s while the issuer cannot be reached: they are fetched twice as often", minStale)
	}
	if s.MaxAge == 0 {
		s.MaxAge = defaultMaxAge
	}
	if s.Stale == 0 {
		s.Stale = defaultStale
	}
	return nil
}

func (a *authority) checkClaims() error {
	c := a.settings.Claims
	if c.Subject == "" {
		c.Subject = "sub"
	}
	if (c.Tenant != "") != a.settings.RequireTenant {
		return errors.New("a tenant is required exactly when a claim has it")
	}
	if all := a.settings.Tenants; len(all) > 0 {
		if c.Tenant == "" || slices.ContainsFunc(all, func(name string) bool { return !clean(name) }) {
			return errors.New("tenants need a claim that has them, and are 1 to 256 printable bytes")
		}
		a.tenants = make(map[string]struct{}, len(all))
		for _, name := range all {
			a.tenants[name] = struct{}{}
		}
	}
	a.names = slices.Clone(registered)
	for _, claim := range []struct {
		what string
		text string
		to   *pointer
	}{
		{"subject", c.Subject, &a.subject},
		{"tenant", c.Tenant, &a.tenant},
		{"groups", c.Groups, &a.groups},
		{"roles", c.Roles, &a.roles},
		{"scopes", c.Scopes, &a.scopes},
	} {
		p, err := readPointer(claim.text)
		if err != nil {
			return fmt.Errorf("the claim of %s: %w", claim.what, err)
		}
		*claim.to = p
		if p != nil && !slices.Contains(a.names, p[0]) {
			a.names = append(a.names, p[0])
		}
	}
	return nil
}

func (a *authority) checkIntrospection() error {
	if a.settings.Introspection == nil {
		return nil
	}
	in := *a.settings.Introspection
	a.settings.Introspection = &in
	if in.URL != "" {
		if err := checkURL(in.URL, a.settings.Issuer, false); err != nil {
			return fmt.Errorf("introspection: %w", err)
		}
	}
	if err := in.checkProof(); err != nil {
		return fmt.Errorf("introspection: %w", err)
	}
	if in.MaxCache < 0 || in.MaxCache > maxCache {
		return fmt.Errorf("introspection: an answer is used for 0 to %s", maxCache)
	}
	if in.MaxCache == 0 {
		a.settings.Introspection.MaxCache = maxCache
	}
	return nil
}

// checkProof checks how Doorward proves who it is.
func (in *Introspection) checkProof() error {
	if !clean(in.ClientID) {
		return errors.New("the client id is not 1 to 256 printable bytes")
	}
	switch in.Method {
	case methodBasic, methodPost:
		if in.Secret == nil {
			return fmt.Errorf("%s needs a secret", in.Method)
		}
	case methodPrivateKey:
		if in.PrivateKeyPEM == nil {
			return fmt.Errorf("%s needs a private key", in.Method)
		}
	default:
		return fmt.Errorf("%q is not a way to authenticate that is known", in.Method)
	}
	return nil
}
