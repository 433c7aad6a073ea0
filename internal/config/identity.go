package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"doorward/internal/loopback"
)

// Bounds of identity.
const (
	maxIssuers     = 16
	maxRequestKeys = 16
	maxMembers     = 256 // scopes, groups or subjects of one role; clients of one issuer
	maxTenants     = 10_000
	maxClaim       = 128 // bytes of a claim's name
	minWindow      = Duration(10 * time.Second)
	maxWindow      = Duration(15 * time.Minute)
)

// methods are the identity methods that let clients in from other machines.
func (id *Identity) methods() bool {
	return id.APIKeys || len(id.Issuers) > 0 || id.SignedRequests != nil || id.MTLS != nil
}

// tls checks the listener's certificate and what it asks of clients.
func (v *checker) tls() {
	t := &v.c.Listen.TLS
	has := t.Cert != "" || t.ACME != nil
	switch {
	case (t.Cert == "") != (t.Key == ""):
		v.fault("listen.tls", "needs both cert and key")
	case t.Cert != "" && t.ACME != nil:
		v.fault("listen.tls", "has a certificate or acme, not both")
	case has && t.TerminatedBy != "":
		v.fault("listen.tls", "has a certificate or terminated_by, not both")
	}
	if t.ClientCA != "" && !has {
		v.fault("listen.tls.client_ca", "needs cert and key: clients show certificates where TLS ends, and that is not here")
	}
	if t.ClientCRL != "" && t.ClientCA == "" {
		v.fault("listen.tls.client_crl", "needs client_ca")
	}
	if t.ClientCA != "" && t.ClientCertificate == "optional" && v.c.Identity.MTLS == nil {
		v.fault("listen.tls.client_certificate", "optional means something with identity.mtls alone: without it a certificate is no identity, and asking for one and taking none is no check")
	}
	if a := t.ACME; a != nil {
		if len(a.Hosts) == 0 {
			v.fault("listen.tls.acme.hosts", "must name a host")
		}
		for i, h := range a.Hosts {
			if !regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`).MatchString(h) {
				v.fault(fmt.Sprintf("listen.tls.acme.hosts[%d]", i), "must be a host's name in lower case, such as mcp.example.com")
			}
		}
		v.url("listen.tls.acme.directory", a.Directory, "https")
	}
}

// open refuses what would let strangers in from other machines (security cases
// AUT-48 and ADM-02).
func (v *checker) open() {
	l := &v.c.Listen
	if l.ProxyProtocol && len(l.TrustedProxies) == 0 {
		v.fault("listen.proxy_protocol", "needs trusted_proxies: a header that anybody may send says nothing")
	}
	for i, p := range l.TrustedProxies {
		if p.IsValid() && p.Bits() == 0 {
			v.fault(fmt.Sprintf("listen.trusted_proxies[%d]", i), "is every address there is: name the proxies (CVE-2026-76835)")
		}
	}
	if !l.Address.IsValid() || l.Address.Addr().IsLoopback() {
		return
	}
	if l.TLS.Cert == "" && l.TLS.ACME == nil && l.TLS.TerminatedBy == "" {
		v.fault("listen.address", "is not loopback and has no TLS: set listen.tls, or tls: {terminated_by: proxy} if a proxy in front has it")
	}
	if !v.c.Identity.methods() {
		v.fault("listen.address", "is not loopback and has no identity method: set identity.api_keys, issuers, signed_requests or mtls")
	}
}

func (v *checker) identity() {
	id := &v.c.Identity
	if id.Anonymous == nil && !id.methods() {
		v.fault("identity", "lets nobody in: set api_keys, issuers, signed_requests, mtls or anonymous")
	}
	if id.MTLS != nil && v.c.Listen.TLS.ClientCA == "" {
		v.fault("identity.mtls", "needs listen.tls.client_ca: nobody has verified the certificates otherwise")
	}
	if s := id.SignedRequests; s != nil && (s.Window < minWindow || s.Window > maxWindow) {
		v.fault("identity.signed_requests.window", "must be between %v and %v", minWindow, maxWindow)
	}
	v.scopes("identity.scopes", id.Scopes)
	if id.Anonymous == nil {
		return
	}
	l := &v.c.Listen
	if l.Address.IsValid() && !l.Address.Addr().IsLoopback() {
		v.fault("identity.anonymous", "is for loopback addresses only, and listen.address is %s", l.Address)
	} else if len(l.TrustedProxies) > 0 || l.TLS.TerminatedBy != "" || public(l.PublicURL) {
		v.fault("identity.anonymous", "is for clients on this machine, and a proxy in front brings others who look like them: take it out, or listen.trusted_proxies, tls.terminated_by and public_url")
	}
	if s := id.Anonymous.Subject; s == "" || len(s) > maxSubject {
		v.fault("identity.anonymous.subject", "must be a name of at most %d bytes", maxSubject)
	}
	if len(id.Anonymous.Roles) == 0 {
		v.fault("identity.anonymous.roles", "must name a role: without one nothing is allowed")
	}
	for i, r := range id.Anonymous.Roles {
		if _, ok := v.c.Roles[r]; !ok {
			v.fault(fmt.Sprintf("identity.anonymous.roles[%d]", i), "there is no role %q%s", shorten(r), among(v.c.Roles))
		}
	}
}

func (v *checker) issuers() {
	all := v.c.Identity.Issuers
	if len(all) > maxIssuers {
		v.fault("identity.issuers", "has more than %d", maxIssuers)
	}
	asked := 0
	for i := range all {
		path := fmt.Sprintf("identity.issuers[%d]", i)
		if slices.ContainsFunc(all[:i], func(o Issuer) bool { return o.Issuer == all[i].Issuer }) {
			v.fault(path+".issuer", "is written twice")
		}
		v.issuer(path, &all[i])
		if all[i].Introspection != nil {
			asked++
		}
		if asked > 1 {
			v.fault(path+".introspection", "is the second: a token that is no JWT does not say whose it is, and would be shown to both")
			asked = 1
		}
	}
	if len(all) == 0 && v.c.Identity.SignedRequests == nil {
		return
	}
	if l := &v.c.Listen; l.PublicURL == "" && l.Address.IsValid() && !l.Address.Addr().IsLoopback() {
		v.fault("listen.public_url", "is needed with identity.issuers and signed_requests: it is what tokens and signatures are for, and is never taken from a request")
	}
}

func (v *checker) issuer(path string, i *Issuer) {
	v.endpoint(path+".issuer", i.Issuer)
	if i.JWKSURL != "" {
		v.endpoint(path+".jwks_url", i.JWKSURL)
	}
	if len(i.Algorithms) == 0 {
		v.fault(path+".algorithms", "must name an algorithm")
	}
	for _, c := range []struct {
		key, name string
		required  bool
	}{{"subject", i.Claims.Subject, true}, {"tenant", i.Claims.Tenant, false}, {"groups", i.Claims.Groups, false}, {"roles", i.Claims.Roles, false}} {
		if c.name == "" && c.required || len(c.name) > maxClaim {
			v.fault(path+".claims."+c.key, "must be the name of a claim, at most %d bytes", maxClaim)
		} else if strings.HasPrefix(c.name, "/") && !regexp.MustCompile(`^(?:/(?:[^/~]|~[01])+){1,8}$`).MatchString(c.name) {
			v.fault(path+".claims."+c.key, "is no JSON Pointer of 1 to 8 names: a ~ in one is written ~0, and a / ~1")
		}
	}
	if i.Claims.Roles != "" && v.c.BuiltInRole {
		v.fault(path+".claims.roles", "needs roles: where none are written, a token that says user would have everything")
	}
	if len(i.Clients) > maxMembers {
		v.fault(path+".clients", "has more than %d", maxMembers)
	}
	v.tenants(path, i)
	if i.MaxTokenAge <= 0 || i.MaxTokenAge > Duration(400*aDay) {
		v.fault(path+".max_token_age", "must be more than 0s and at most 400d")
	}
	if i.KeysStale < Duration(time.Minute) || i.KeysStale > Duration(7*aDay) {
		v.fault(path+".keys_stale", "must be between 1m and 7d")
	}
	if i.Introspection != nil {
		v.introspection(path+".introspection", i.Introspection)
	}
}

// tenants checks those of an issuer.
func (v *checker) tenants(path string, i *Issuer) {
	path += ".tenants"
	switch {
	case i.Tenants == nil:
	case i.Claims.Tenant == "":
		v.fault(path, "needs claims.tenant: no token says of which tenant it is otherwise")
	default:
		v.tenantList(path, i.Tenants)
	}
}

func (v *checker) introspection(path string, n *Introspection) {
	if n.URL != "" {
		v.endpoint(path+".url", n.URL)
	}
	if n.ClientID == "" {
		v.fault(path+".client_id", "must be written: an endpoint that answers anybody is no authority")
	}
	if n.Cache < Duration(time.Second) || n.Cache > Duration(30*time.Second) {
		v.fault(path+".cache", "must be 1s to 30s")
	}
	v.clientProof(path, n.Method, n.ClientSecret, n.PrivateKey)
}

// endpoint checks the URL of something that tokens rest on: https, or http on
// this machine.
func (v *checker) endpoint(path, s string) {
	v.url(path, s, "https", "http")
	if u, err := url.Parse(s); err == nil && u.Scheme == "http" && !loopback.Host(u.Hostname()) {
		v.fault(path, "must be https; http is for this machine alone")
	}
}

// public tells whether a URL leads to this machine from others.
func public(s string) bool {
	u, err := url.Parse(s)
	return s != "" && (err != nil || !loopback.Host(u.Hostname()))
}

// scopes checks that each is a scope-token (RFC 6749, 3.3).
func (v *checker) scopes(path string, all []string) {
	if len(all) > maxMembers {
		v.fault(path, "has more than %d", maxMembers)
	}
	for i, s := range all {
		if !regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,128}$`).MatchString(s) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), "must be a scope: visible ASCII without quotes and backslashes, at most 128")
		}
	}
}

// members checks who has a role.
func (v *checker) members(path string, r Role) {
	v.scopes(path+".scopes", r.Scopes)
	for _, l := range []struct {
		key string
		all []string
	}{{"groups", r.Groups}, {"subjects", r.Subjects}} {
		if len(l.all) > maxMembers {
			v.fault(path+"."+l.key, "has more than %d", maxMembers)
		}
		for i, s := range l.all {
			if s == "" || len(s) > maxSubject {
				v.fault(fmt.Sprintf("%s.%s[%d]", path, l.key, i), "must be 1 to %d bytes", maxSubject)
			}
		}
	}
	for i, s := range r.Issuers {
		known := s == "mtls" && v.c.Identity.MTLS != nil || slices.ContainsFunc(v.c.Identity.Issuers, func(o Issuer) bool { return o.Issuer == s })
		if !known {
			v.fault(fmt.Sprintf("%s.issuers[%d]", path, i), "must be one of identity.issuers, or mtls")
		}
	}
}

// requestKeys checks the headers in which clients bring keys.
func (v *checker) requestKeys() {
	all := v.c.Identity.RequestKeys
	if len(all) > maxRequestKeys {
		v.fault("identity.request_keys", "has more than %d", maxRequestKeys)
	}
	for i, name := range all {
		path := fmt.Sprintf("identity.request_keys[%d]", i)
		if why := BadHeader(name); why != "" {
			v.fault(path, "%s", why)
		} else if slices.Contains([]string{"Authorization", "Cookie", "Dpop", "Signature", "Signature-Input"}, name) || strings.HasPrefix(name, "Doorward-") {
			v.fault(path, "must not be %s, which says who the client is", name)
		}
		if slices.Contains(all[:i], name) {
			v.fault(path, "is written twice")
		}
	}
}

// requestKey checks a reference to a client's own key.
func (v *checker) requestKey(path, name string) {
	if !slices.Contains(v.c.Identity.RequestKeys, name) {
		v.fault(path, "names a header that identity.request_keys does not have")
	}
}
