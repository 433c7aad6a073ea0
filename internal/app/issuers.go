package app

import (
	"crypto/x509"
	"fmt"
	"reflect"
	"slices"
	"time"

	"doorward/internal/config"
	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/issuer"
)

// authorities are the issuers of a configuration, and who vouches for each.
type authorities struct {
	tokens  *issuer.Set
	vouched []*x509.CertPool // of each issuer, as its ca was when it was read
}

// issuers are those of a configuration: the ones that are running where nothing
// about them has changed, so that a reload forgets no key and no token. What their
// files of certificates hold is of them, too.
func (a *App) issuers(cfg *config.Config) (is authorities, err error) {
	if len(cfg.Identity.Issuers) == 0 {
		return is, nil
	}
	all := make([]issuer.Settings, 0, len(cfg.Identity.Issuers))
	for i := range cfg.Identity.Issuers {
		set, err := a.issuerSettings(&cfg.Identity.Issuers[i])
		if err != nil {
			return is, fmt.Errorf("reading identity.issuers[%d]: %w", i, err)
		}
		all, is.vouched = append(all, set), append(is.vouched, set.RootCAs)
	}
	if now := a.current.Load(); now != nil && now.tokens != nil && reflect.DeepEqual(now.cfg.Identity.Issuers, cfg.Identity.Issuers) &&
		slices.EqualFunc(now.vouched, is.vouched, (*x509.CertPool).Equal) {
		return now.authorities, nil
	}
	is.tokens, err = issuer.New(issuer.Config{Issuers: all, Replays: &a.shared, DPoPAlgorithms: dpopAlgorithms(), Log: a.Log, Alert: a.alert})
	return is, err
}

// dpopAlgorithms are those of proofs of possession that clients are told of and
// that are accepted: the asymmetric ones in wide use (RFC 9449, section 4.2).
func dpopAlgorithms() []string { return []string{"ES256", "RS256", "PS256", "EdDSA"} }

func (a *App) issuerSettings(i *config.Issuer) (issuer.Settings, error) {
	s := issuer.Settings{
		Issuer: i.Issuer, Algorithms: i.Algorithms, JWKSURL: i.JWKSURL, Clients: i.Clients, Tenants: i.Tenants, OtherAudiences: i.OtherAudiences,
		Claims:        issuer.Claims{Subject: i.Claims.Subject, Tenant: i.Claims.Tenant, Groups: i.Claims.Groups, Roles: i.Claims.Roles},
		RequireTenant: i.Claims.Tenant != "",
		MaxAge:        time.Duration(i.MaxTokenAge), Stale: time.Duration(i.KeysStale),
	}
	if i.TokenType != "any" {
		s.TokenType = i.TokenType
	}
	if n := i.Introspection; n != nil {
		s.Introspection = &issuer.Introspection{URL: n.URL, ClientID: n.ClientID, Method: n.Method, MaxCache: time.Duration(n.Cache)}
		if n.Method == "private_key_jwt" {
			s.Introspection.PrivateKeyPEM, s.Introspection.Instead = a.revealed(n.PrivateKey), a.otherwise(n.PrivateKey)
		} else {
			s.Introspection.Secret, s.Introspection.Instead = a.revealed(n.ClientSecret), a.otherwise(n.ClientSecret)
		}
	}
	var err error
	s.RootCAs, err = roots(i.CA)
	return s, err
}

// roots are the certificates of a file; nil, for the system's, without one.
func roots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // as crypto/tls has it
	}
	pem, err := durable.ReadNamed(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// revealed hands out a secret as it is when it is asked for.
func (a *App) revealed(name string) func() (string, error) {
	return func() (string, error) {
		v, err := a.current.Load().secret.Get(name)
		return v.Reveal(), err
	}
}

// otherwise hands out another version of a secret than the one that was refused.
func (a *App) otherwise(name string) func(refused string) (string, bool) {
	return func(refused string) (string, bool) {
		v, ok := a.secretsNow().Instead(name, gate.NewSecret(refused))
		return v.Reveal(), ok
	}
}

// alert puts on record what is odd about an issuer.
func (a *App) alert(kind, detail string) {
	err := a.trail.Event(a.ctx, gate.Event{Kind: kind, Actor: "doorward", Detail: detail, Status: "ok"})
	if err != nil {
		a.Log.WarnContext(a.ctx, "an issuer's oddity is not on record", "kind", kind, "error", err)
	}
}

// discard ends issuers of a snapshot that came to nothing, but for those that the
// current one has too.
func (a *App) discard(set *issuer.Set) {
	if now := a.current.Load(); set != nil && (now == nil || now.tokens != set) {
		_ = set.Close() // nobody has asked it anything
	}
}

// outlive is how long issuers that a reload has replaced go on, for the exchanges
// that began with them.
const outlive = time.Minute

// retire ends issuers that nobody asks any more.
func (a *App) retire(set *issuer.Set) {
	if set == nil {
		return
	}
	a.own(func() {
		t := time.NewTimer(outlive)
		defer t.Stop()
		select {
		case <-t.C:
		case <-a.ctx.Done():
		}
		if err := set.Close(); err != nil {
			a.Log.WarnContext(a.ctx, "ending issuers", "error", err)
		}
	})
}
