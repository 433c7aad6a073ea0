package identify

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"doorward/internal/gate"
)

// Token is what an issuer says of an access token that was good.
type Token struct {
	Method          string // gate.MethodJWT or gate.MethodIntrospection
	Issuer, Subject string // required
	Tenant, Client  string
	ID              string       // its jti; may be empty
	Act             []gate.Actor // who acts for the subject, the one who called first
	Groups, Roles   []string
	Scopes          []string
	Expires         time.Time // required
	// Thumbprint is the SHA-256 of the key whose proof must come with it (RFC 9449
	// §6.1); empty for a token that is not bound to a key.
	Thumbprint string
	// CertificateSHA256 is that of the certificate that it must come with (RFC 8705
	// §3.1); empty for one that is not bound to a certificate.
	CertificateSHA256 string
}

// ErrToken is a token or a proof that is not good. The reason is in the error
// that wraps it.
var ErrToken = errors.New("the token is not valid")

// Issuers judge access tokens. Their errors wrap ErrToken or ErrExpired for a
// token that they have judged; any other error means that they cannot.
type Issuers interface {
	// Verify judges a token for the resource that audience names in each issuer's
	// words; from is whose request it came with. With ErrExpired it returns what the
	// token is, for the audit log.
	Verify(ctx context.Context, from netip.Addr, text string, audience func(issuer string) string) (Token, error)
	// Prove judges the proof that a token's holder has its key (RFC 9449 §4.3).
	Prove(ctx context.Context, p Proof) error
}

// Proof is a DPoP proof and what it must be about.
type Proof struct {
	Text       string // the DPoP header
	Method     string // of HTTP
	URL        string // without query
	Token      string
	Thumbprint string // of the key that the token is bound to
}

// TokenMethod is how access tokens are judged.
type TokenMethod struct {
	Issuers Issuers
	// Audience is what tokens of an issuer must be for, to be good at a resource: the
	// URL that the client uses. root is the resource of all upstreams.
	Audience func(issuer, root, resource string) string
}

// leeway is how far clocks may be apart (RFC 7519 §4.1.4): issuers judge by it, and
// what they let pass is held to it again.
const leeway = 30 * time.Second

// pathMCP is the path of Streamable HTTP, which names the resource for every
// transport.
const pathMCP = "/mcp"

// resource is the URL of what the request is for: it is one for all transports,
// and one for each profile (RFC 8707, RFC 9728).
func resource(in *gate.Inbound) string {
	if in.Profile == "" {
		return in.Base + pathMCP
	}
	return in.Base + pathMCP + "/" + in.Profile
}

// token judges an access token, and what it is bound to.
func (s *Stage) token(ctx context.Context, ex *gate.Exchange, scheme, text string) (*proof, gate.Verdict, error) {
	in := &ex.Inbound
	ex.Attempt.Method = gate.MethodJWT
	if strings.Count(text, ".") < 2 {
		ex.Attempt.Method = gate.MethodIntrospection
	}
	if in.Base == "" {
		return refused("a token on a transport that has no resource")
	}
	root := in.Base + pathMCP
	of := resource(in)
	t, err := guarded("an issuer", func() (Token, error) {
		return s.Tokens.Issuers.Verify(ctx, in.Remote, text, func(issuer string) string { return s.Tokens.Audience(issuer, root, of) })
	})
	ex.Attempt.Realm, ex.Attempt.Subject, ex.Attempt.Credential = t.Issuer, t.Subject, t.ID
	switch {
	case errors.Is(err, ErrExpired):
		return nil, gate.Refuse(gate.CodeExpiredCredential, "expired token", notAccepted), nil
	case errors.Is(err, ErrToken):
		return refused(err.Error())
	case err == nil && (t.Issuer == "" || t.Subject == "" || t.Method == "" || t.Expires.IsZero()):
		err = errors.New("an issuer gave a token without issuer, subject, method or end")
	}
	if err != nil {
		return nil, gate.Verdict{}, down("judging a token", err)
	}
	if time.Since(t.Expires) >= leeway {
		return nil, gate.Refuse(gate.CodeExpiredCredential, "expired token", notAccepted), nil
	}
	if v, err := s.possession(ctx, ex, scheme, text, &t); err != nil || v.Effect != gate.Continue {
		return nil, v, err
	}
	who := &gate.Principal{
		Method: t.Method, Realm: t.Issuer, Subject: t.Subject, Tenant: t.Tenant, Credential: t.ID, Client: t.Client,
		Groups: t.Groups, Scopes: t.Scopes, Act: t.Act, Expires: t.Expires,
	}
	if who.Credential == "" {
		sum := sha256.Sum256([]byte(text))
		who.Credential = "sha256:" + hex.EncodeToString(sum[:16])
	}
	if s.Roles != nil {
		who.Roles = s.Roles(who, t.Roles)
	}
	if t.Method == gate.MethodIntrospection {
		audience := s.Tokens.Audience(t.Issuer, in.Base+pathMCP, resource(in))
		who.Renewal = &gate.Renewal{Token: gate.NewSecret(text), Audience: audience, From: in.Remote}
	}
	p := &proof{who: who}
	if t.CertificateSHA256 != "" {
		p.with = &gate.Principal{Method: gate.MethodMTLS, Realm: gate.RealmMTLS, Credential: fingerprint(in.Certificate)}
	}
	return p, gate.Pass(), nil
}

// possession judges what a token is bound to: a bound one is good in the hands of
// its holder alone, and a proof for one that is not bound says nothing.
func (s *Stage) possession(ctx context.Context, ex *gate.Exchange, scheme, text string, t *Token) (gate.Verdict, error) {
	in := &ex.Inbound
	if t.CertificateSHA256 != "" {
		if in.Certificate == nil {
			return invalid("a token that is bound to a certificate, and none was shown")
		}
		sum := sha256.Sum256(in.Certificate.Raw)
		if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(t.CertificateSHA256)) != 1 {
			return invalid("a token that is bound to another certificate")
		}
	}
	switch {
	case scheme == schemeDPoP && t.Thumbprint == "":
		return invalid("a token that is not bound to a key, as DPoP")
	case scheme != schemeDPoP && t.Thumbprint != "":
		return invalid("a token that is bound to a key, without a proof")
	case scheme != schemeDPoP:
		return gate.Pass(), nil
	}
	values := in.Header["Dpop"]
	if len(values) != 1 {
		return invalid("not one DPoP proof")
	}
	if oneTime(in) {
		return invalid(oneTimeOnly)
	}
	path, _, _ := strings.Cut(in.Target, "?")
	_, err := guarded("an issuer", func() (struct{}, error) {
		return struct{}{}, s.Tokens.Issuers.Prove(ctx, Proof{Text: values[0], Method: in.Method, URL: in.Base + path, Token: text, Thumbprint: t.Thumbprint})
	})
	switch {
	case errors.Is(err, ErrToken):
		return invalid(err.Error())
	case err != nil:
		return gate.Verdict{}, down("judging a DPoP proof", err)
	}
	return gate.Pass(), nil
}

const oneTimeOnly = "a proof that is good once, on a connection of many messages"

// oneTime tells whether one request of HTTP carries many messages, each of which
// is identified by that request's headers: what is good once cannot stand for them.
func oneTime(in *gate.Inbound) bool { return in.Transport == transportWebSocket }

const transportWebSocket = "websocket"
