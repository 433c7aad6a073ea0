package gate

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Principal is who the client proved to be. identify makes it; nothing changes
// it afterwards.
type Principal struct {
	Method     string    // how it was proved: one of the Method constants
	Realm      string    // who vouches for the subject: an issuer's URL, or one of the Realm constants
	Subject    string    // who: a key's name, a token's sub, a certificate's name, or the configured anonymous subject
	Tenant     string    // empty when the method knows no tenants
	Credential string    // public id of the credential (a key's id, a token's jti); never the credential itself
	Client     string    // OAuth client_id that the token was issued to; empty for other methods
	Groups     []string  // of the token, sorted
	Scopes     []string  // of the token, sorted
	Roles      []string  // sorted
	Act        []Actor   // who acts for the subject, the one who called first; empty without delegation
	Expires    time.Time // zero: does not expire
	Renewal    *Renewal  // of an opaque token; nil for every other credential
	// Bound is whom the certificate names that the credential is good with alone (RFC
	// 8705 §3): what is suspended or revoked of it holds for this principal. Nil without one.
	Bound *Principal
}

// Actor is one of those who act for the subject of a token (RFC 8693 §4.1). Only the
// first has called; the others say how it came to act.
type Actor struct {
	Subject string // empty for one that is named by its client alone
	Issuer  string // empty: the token's
	Client  string
}

// MaxActors bounds a chain of actors. A token with a longer one is refused.
const MaxActors = 8

// Renewal is what an issuer is asked again with whether an opaque token is still
// good, while a stream that it opened goes on. identify makes it.
type Renewal struct {
	Token    Secret
	Audience string
	From     netip.Addr // whose share of the questions it takes
}

// How a principal proved who it is.
const (
	MethodAPIKey        = "api_key"
	MethodSignature     = "signature"     // RFC 9421, with an API key's signing secret
	MethodJWT           = "jwt"           // RFC 9068
	MethodIntrospection = "introspection" // RFC 7662
	MethodMTLS          = "mtls"
	MethodAnonymous     = "anonymous"
	MethodLocal         = "local" // the transport itself proves the local user
)

// Who vouches for the subject of a principal without an issuer. No issuer has
// such a name: theirs are URLs.
const (
	RealmKeys      = "api_key" // the owner of an API key, sent or signed with
	RealmMTLS      = "mtls"
	RealmAnonymous = "anonymous"
	RealmLocal     = "local"
)

// HasScopes tells whether the principal came with a token, whose scopes can be
// widened by its issuer.
func (p *Principal) HasScopes() bool {
	return p != nil && (p.Method == MethodJWT || p.Method == MethodIntrospection)
}

// Key identifies the principal in session, pool and ownership tables: two
// requests belong to the same principal exactly when their keys are equal: the
// same subject of the same realm and tenant, however it was proved.
// The parts are length-prefixed, so no subject can imitate another's key.
func (p *Principal) Key() string {
	if p == nil {
		return ""
	}
	return string(p.appendKey(make([]byte, 0, len(p.Realm)+len(p.Tenant)+len(p.Subject)+len("00:00:00:"))))
}

// HasKey tells whether key is the principal's Key, without making one.
func (p *Principal) HasKey(key string) bool {
	if p == nil {
		return key == ""
	}
	var room [128]byte
	return string(p.appendKey(room[:0])) == key
}

func (p *Principal) appendKey(b []byte) []byte {
	for _, s := range [...]string{p.Realm, p.Tenant, p.Subject} {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, ':')
		b = append(b, s...)
	}
	return b
}

// KeyParts are what a Key was made of; ok is false for a text that is none. It is for
// those who keep what is a principal's by the key alone.
func KeyParts(key string) (realm, tenant, subject string, ok bool) {
	var parts [3]string
	for i := range parts {
		size, rest, found := strings.Cut(key, ":")
		n, err := strconv.Atoi(size)
		if !found || err != nil || n < 0 || n > len(rest) {
			return "", "", "", false
		}
		parts[i], key = rest[:n], rest[n:]
	}
	return parts[0], parts[1], parts[2], key == ""
}
