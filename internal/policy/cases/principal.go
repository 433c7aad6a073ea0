package cases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// Principal is somebody who asks, as people write it down.
type Principal struct {
	Subject string
	Tenant  string
	Client  string // OAuth client_id
	Issuer  string // of the token; empty: the default of Policy.Principal
	Method  string // one of gate's Method constants; empty: api_key where roles are written, else jwt
	// Roles are those of a key. Where they are not written, Groups, Scopes and the
	// subject give the roles, as for a token.
	Roles, Groups, Scopes []string
}

func (r *reader) principal(name string, n ast.Node, path string) Principal {
	p := Principal{Subject: name}
	r.keys(n, path, map[string]func(ast.Node, string){
		"subject": r.text(&p.Subject), "tenant": r.text(&p.Tenant), "client": r.text(&p.Client),
		"issuer": r.text(&p.Issuer), "method": r.text(&p.Method),
		"roles": r.texts(&p.Roles), "groups": r.texts(&p.Groups), "scopes": r.texts(&p.Scopes),
	})
	if p.Method != "" && !slices.Contains(methods(), p.Method) {
		r.fault(path+".method", n, "must be one of %s", strings.Join(methods(), ", "))
	}
	return p
}

// methods are the ways to prove who one is.
func methods() []string {
	return []string{
		gate.MethodAPIKey, gate.MethodSignature, gate.MethodJWT, gate.MethodIntrospection,
		gate.MethodMTLS, gate.MethodAnonymous, gate.MethodLocal,
	}
}

// Made is the principal as identify would make it. issuer is the realm of a token
// that names none. It fails on roles that the source does not have.
func (p *Principal) Made(src *policy.Source, made *policy.Policy, issuer string) (*gate.Principal, error) {
	who := &gate.Principal{
		Method: p.Method, Realm: p.Issuer, Subject: p.Subject, Tenant: p.Tenant, Client: p.Client,
		Groups: slices.Sorted(slices.Values(p.Groups)), Scopes: slices.Sorted(slices.Values(p.Scopes)),
		Roles: slices.Sorted(slices.Values(p.Roles)),
	}
	for _, role := range who.Roles {
		if _, ok := src.Roles[role]; !ok {
			return nil, fmt.Errorf("there is no role %q; there are %s", shorten(role), list(src.Roles))
		}
	}
	if who.Method == "" {
		who.Method = gate.MethodJWT
		if p.Roles != nil {
			who.Method = gate.MethodAPIKey
		}
	}
	if who.Realm == "" {
		switch who.Method {
		case gate.MethodAPIKey, gate.MethodSignature:
			who.Realm = gate.RealmKeys
		case gate.MethodMTLS:
			who.Realm = gate.RealmMTLS
		case gate.MethodAnonymous:
			who.Realm = gate.RealmAnonymous
		case gate.MethodLocal:
			who.Realm = gate.RealmLocal
		default:
			who.Realm = issuer
		}
	}
	if p.Roles == nil {
		who.Roles = made.RolesOf(who, nil)
	}
	return who, nil
}
