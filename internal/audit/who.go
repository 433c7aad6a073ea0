package audit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"doorward/internal/gate"
)

// caller is who acted; of a sign-in that was refused, what was proved of it.
func caller(ex *gate.Exchange) Principal {
	if ex.Principal != nil {
		return principal(ex.Principal)
	}
	a := &ex.Attempt
	return principal(&gate.Principal{Method: a.Method, Realm: a.Realm, Subject: a.Subject, Credential: a.Credential})
}

func principal(p *gate.Principal) Principal {
	r := Principal{
		Method:     clip(p.Method, maxShort),
		Subject:    clip(p.Subject, maxText),
		Tenant:     clip(p.Tenant, maxShort),
		Client:     clip(p.Client, maxShort),
		Credential: clip(p.Credential, maxShort),
	}
	if p.Method == gate.MethodJWT || p.Method == gate.MethodIntrospection {
		r.Issuer = clip(p.Realm, maxText)
	}
	return r
}

// actors are a chain within the bounds of a record.
func actors(all []gate.Actor) []gate.Actor {
	if len(all) == 0 {
		return nil
	}
	out := make([]gate.Actor, 0, len(all))
	for _, a := range all[:min(len(all), maxActors)] {
		out = append(out, gate.Actor{Subject: clip(a.Subject, maxActor), Issuer: clip(a.Issuer, maxActor), Client: clip(a.Client, maxActor)})
	}
	return out
}

// ErrNotWhole means that a record does not say all that its principal was.
var ErrNotWhole = errors.New("the record does not hold the whole principal")

// Who is the principal that the record is about, as identify made it but for its
// end (Expires, Renewal) and the certificate beside it (Bound). It is ErrNotWhole where anything of it was cut, and
// for an outcome whose intent says the rest. Records before format 4 have no
// groups, roles and scopes, and do not show it: the caller looks at the format.
func (r *Record) Who() (*gate.Principal, error) {
	p := &r.Principal
	if r.Transport == "" || len(r.Person) > 0 && p.Subject == "" { // still sealed
		return nil, ErrNotWhole
	}
	realm, err := p.Realm()
	if err != nil {
		return nil, err
	}
	short := [...]string{p.Method, p.Tenant, p.Client, p.Credential}
	if slices.ContainsFunc(short[:], func(s string) bool { return cut(s, maxShort) }) || cut(p.Subject, maxText) || cut(p.Issuer, maxText) {
		return nil, ErrNotWhole
	}
	for _, list := range [...][]string{r.Groups, r.Roles, r.Scopes} {
		if len(list) > maxNames || slices.ContainsFunc(list, func(s string) bool { return cut(s, maxShort) }) {
			return nil, ErrNotWhole
		}
	}
	for _, a := range r.Act {
		if cut(a.Subject, maxActor) || cut(a.Issuer, maxActor) || cut(a.Client, maxActor) {
			return nil, ErrNotWhole
		}
	}
	return &gate.Principal{
		Method: p.Method, Realm: realm, Subject: p.Subject, Tenant: p.Tenant, Credential: p.Credential, Client: p.Client,
		Groups: r.Groups, Scopes: r.Scopes, Roles: r.Roles, Act: r.Act,
	}, nil
}

// Realm is who vouched for the subject: the method says it of all but tokens.
func (p *Principal) Realm() (string, error) {
	switch p.Method {
	case gate.MethodAPIKey, gate.MethodSignature:
		return gate.RealmKeys, nil
	case gate.MethodMTLS:
		return gate.RealmMTLS, nil
	case gate.MethodAnonymous:
		return gate.RealmAnonymous, nil
	case gate.MethodLocal:
		return gate.RealmLocal, nil
	case gate.MethodJWT, gate.MethodIntrospection:
		if p.Issuer != "" {
			return p.Issuer, nil
		}
	}
	return "", fmt.Errorf("%w: it came by %q", ErrNotWhole, p.Method)
}

// WholeItem tells whether the record holds the whole name of the tool, prompt or
// resource.
func (r *Record) WholeItem() bool { return !cut(r.Item, maxItem) }

// cut tells whether clip may have cut a text, or the encoder replaced what was
// no character.
func cut(s string, limit int) bool {
	return len(s) >= limit-1 && strings.HasSuffix(s, "…") || strings.ContainsRune(s, utf8.RuneError)
}
