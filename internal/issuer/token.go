package issuer

import (
	"time"

	"doorward/internal/gate"
)

// How a token was judged.
const (
	MethodJWT           = "jwt"           // by its signature (RFC 9068)
	MethodIntrospection = "introspection" // by asking its issuer (RFC 7662)
)

// Token is what an issuer says of a token that was accepted. Those who read it
// share its slices, and change none.
type Token struct {
	Method  string // MethodJWT or MethodIntrospection
	Issuer  string
	Subject string
	Tenant  string // empty when no claim has it
	Client  string // client_id or azp; empty when the token has none
	ID      string // jti; empty when the token has none
	Act     []gate.Actor
	Groups  []string
	Roles   []string
	Scopes  []string // all three sorted, each once

	// Expires is exp. The token is accepted for 30 s longer, for the clocks.
	Expires time.Time

	// What the token is bound to. The caller must check each that is not empty.
	Thumbprint        string // cnf.jkt: of the key of its DPoP proofs
	CertificateSHA256 string // cnf.x5t#S256: of the client's TLS certificate
}

// expired is what may be known of a token that was good: whose it was.
func expired(t Token) Token {
	return Token{Method: t.Method, Issuer: t.Issuer, Subject: t.Subject, ID: t.ID}
}
