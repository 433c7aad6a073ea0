package issuer

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// leeway is by how much the clocks of an issuer and ours may differ (AUT-08).
const leeway = 30 * time.Second

// maxAudiences bounds the audiences of one token.
const maxAudiences = 100

// registered are the names that mean something to us or to an upstream. Another
// that reads like one of them is a lie (AUT-14).
var registered = []string{ //nolint:gochecknoglobals // a table; read-only
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "scp", "cnf", "client_id", "azp", "act",
	"active", "token_type", "events", "at_hash", "c_hash", "email", "email_verified", "hasgroups", "_claim_names",
}

// request is what a token is judged for.
type request struct {
	audience string
	now      time.Time
	asked    bool // the claims come from introspection, and not from a JWT
}

// judge judges the claims of a token whose issuer vouched for them. The token
// comes with ErrExpired too, with what names it alone.
func (a *authority) judge(c object, r request) (Token, error) {
	if why := c.misnamed(a.names...); why != "" {
		return Token{}, invalid("the claims: " + why)
	}
	// An ID token (OpenID Connect Core 1.0 §3.1.3.6), or a security event or
	// logout token (RFC 8417 §2.2), says who signed in and grants nothing (AUT-07).
	if name, found := c.has("at_hash", "c_hash", "events"); found {
		return Token{}, invalid("a token with " + name + " is not an access token")
	}
	t := Token{Method: MethodJWT, Issuer: a.settings.Issuer}
	if r.asked {
		t.Method = MethodIntrospection
	}
	if iss, ok := text(c["iss"]); !ok || iss != a.settings.Issuer {
		return Token{}, invalid("iss is not the issuer, or absent")
	}
	for _, step := range []func(object, request, *Token) error{
		a.readSubject, a.readActors, a.readAudience, a.readClient, a.readGrants, a.readConfirmation, a.readTimes,
	} {
		err := step(c, r, &t)
		if errors.Is(err, ErrExpired) {
			return expired(t), err
		}
		if err != nil {
			return Token{}, err
		}
	}
	return t, nil
}

// readSubject reads who it is, of which tenant, and the token's own id.
func (a *authority) readSubject(c object, _ request, t *Token) error {
	var err error
	if t.Subject, err = c.name("sub", a.subject); err != nil {
		return err
	}
	if a.subject[len(a.subject)-1] == "email" && !verifiedMail(c, a.subject, t.Subject) {
		return invalid("the subject is an e-mail address that is not verified, or is none")
	}
	if sub, found := c["sub"]; found {
		if s, ok := text(sub); !ok || !clean(s) {
			return invalid("sub is not 1 to 256 printable bytes")
		}
	}
	if a.tenant != nil {
		if t.Tenant, err = c.name("the tenant", a.tenant); err != nil {
			return err
		}
		if _, known := a.tenants[t.Tenant]; a.tenants != nil && !known {
			return invalid("the tenant is not one that is accepted")
		}
	}
	if jti, found := c["jti"]; found {
		var ok bool
		if t.ID, ok = text(jti); !ok || !clean(t.ID) {
			return invalid("jti is not 1 to 256 printable bytes")
		}
	}
	return nil
}

// name is the claim at p, which must be the name of somebody.
func (o object) name(what string, p pointer) (string, error) {
	v, err := o.find(p)
	if err != nil {
		return "", invalid(what + " " + err.Error())
	}
	s, ok := text(v)
	if !ok || !clean(s) {
		return "", invalid(what + " is not 1 to 256 printable bytes")
	}
	return s, nil
}

// verifiedMail tells whether the issuer has checked that the address is the
// subject's: email_verified is true beside it (OpenID Connect Core 1.0 §5.1).
// Anybody can write an address into an account of theirs (AUT-56).
func verifiedMail(c object, p pointer, address string) bool {
	verified, err := c.find(append(slices.Clone(p[:len(p)-1]), "email_verified"))
	local, domain, found := strings.Cut(address, "@")
	return err == nil && verified.Kind() == 't' &&
		found && local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(address, func(r rune) bool { return r > '~' || r == ' ' })
}

// readAudience compares byte for byte: what is alike is not ours (AUT-10, A27).
func (a *authority) readAudience(c object, r request, _ *Token) error {
	aud := c["aud"]
	list, ok := texts(aud, maxAudiences)
	if one, isText := text(aud); isText {
		list, ok = []string{one}, true
	}
	if !ok || len(list) == 0 {
		return invalid("aud is not a string or an array of strings, or absent")
	}
	if len(list) > 1 && !a.settings.OtherAudiences {
		return invalid("aud names others beside us")
	}
	if !slices.Contains(list, r.audience) {
		return invalid("aud is not this resource")
	}
	slices.Sort(list)
	if len(slices.Compact(list)) != len(list) {
		return invalid("aud names one audience twice")
	}
	return nil
}

// readClient reads which client the token was issued to: client_id (RFC 9068
// §2.2), or azp, which some issuers write in its place.
func (a *authority) readClient(c object, _ request, t *Token) error {
	for _, name := range []string{"client_id", "azp"} {
		v, found := c[name]
		if !found {
			continue
		}
		s, ok := text(v)
		if !ok || !clean(s) {
			return invalid(name + " is not 1 to 256 printable bytes")
		}
		if t.Client != "" && t.Client != s {
			return invalid("client_id and azp differ")
		}
		t.Client = s
	}
	if len(a.settings.Clients) > 0 && !slices.Contains(a.settings.Clients, t.Client) {
		return invalid("the client is not one that is accepted")
	}
	return nil
}

// readConfirmation reads what the token is bound to (RFC 7800). A token with a
// binding that is not checked here would be a bearer token that was meant to be
// none, so it is refused (AUT-51).
func (a *authority) readConfirmation(c object, r request, t *Token) error {
	if v, found := c["cnf"]; found {
		cnf, err := readObject(v, 2)
		if err != nil || len(cnf) == 0 {
			return invalid("cnf is not an object, or empty")
		}
		for name, v := range cnf {
			s, _ := text(v)
			if !digest64(s) {
				return invalid("cnf holds what is not a SHA-256 in base64url")
			}
			switch name {
			case "jkt": // RFC 9449 §6
				t.Thumbprint = s
			case "x5t#S256": // RFC 8705 §3
				t.CertificateSHA256 = s
			default:
				return invalid("cnf binds to what is not checked here")
			}
		}
	}
	if v, found := c["token_type"]; found && r.asked {
		kind, _ := text(v)
		bearer, dpop := strings.EqualFold(kind, "Bearer"), strings.EqualFold(kind, "DPoP")
		if !bearer && !dpop || dpop && t.Thumbprint == "" {
			return invalid("token_type is not Bearer, nor DPoP with a key")
		}
	}
	return nil
}

// readTimes comes last, so that an expired token is one that was good.
func (a *authority) readTimes(c object, r request, t *Token) error {
	exp, ok := date(c["exp"])
	if !ok {
		return invalid("exp is not a number of seconds, or absent")
	}
	iat, ok := date(c["iat"])
	if _, found := c["iat"]; found && !ok || !found && !r.asked {
		return invalid("iat is not a number of seconds, or absent")
	}
	if ok && (iat.After(r.now.Add(leeway)) || iat.After(exp)) {
		return invalid("iat is in the future, or after exp")
	}
	if v, found := c["nbf"]; found {
		nbf, ok := date(v)
		if !ok || nbf.After(exp) || nbf.After(r.now.Add(leeway)) {
			return invalid("nbf is not a number of seconds, after exp, or in the future")
		}
	}
	if past(exp, r.now) {
		return ErrExpired
	}
	if exp.Sub(r.now) > a.settings.MaxAge+leeway || ok && r.now.Sub(iat) > a.settings.MaxAge+leeway {
		return invalid("the token lives longer than is accepted")
	}
	t.Expires = exp
	return nil
}

// past tells whether a token that expires at exp is no longer accepted.
func past(exp, now time.Time) bool { return !now.Before(exp.Add(leeway)) }

// date is a NumericDate (RFC 7519 §2) between 1970 and 9999.
func date(v jsontext.Value) (time.Time, bool) {
	const longest, last = 32, 253402300799
	if v.Kind() != '0' || len(v) > longest {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(v), 64)
	if err != nil || seconds < 0 || seconds > last {
		return time.Time{}, false
	}
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)), true
}
