package identify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"doorward/internal/gate"
)

// Config says which methods there are. At least one is required.
type Config struct {
	APIKeys      bool                // identity.api_keys
	Keys         Keys                // required with APIKeys
	Signatures   *SignatureMethod    // identity.signed_requests; nil: off
	Tokens       *TokenMethod        // identity.issuers; nil: off
	Certificates string              // identity.mtls: san_uri, san_dns or san_email; empty: off
	Anonymous    *AnonymousPrincipal // identity.anonymous; nil: off
	Local        *LocalPrincipal     // who speaks on stdio; nil: Anonymous, or nobody
	// Roles are the roles of a principal who came with a token or a certificate;
	// claimed are those that the token names. Nil: none.
	Roles func(who *gate.Principal, claimed []string) []string
	// Revoked tells whether a credential, or whoever it stands for, was revoked
	// after it was given out. An error is that it cannot be known. Nil: nothing was.
	Revoked func(*gate.Principal) (bool, error)
	// Suspended tells what an operator has suspended. Nil: nothing is.
	Suspended Suspended
	// Pace counts requests by where they come from. Nil: nobody does.
	Pace Pace
}

// Pace counts requests by where they come from.
type Pace interface {
	// Arrive is asked before anything is looked at that a request carries: its verdict
	// refuses one too many. An error is that it cannot be known.
	Arrive(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error)
	// Fail is told that what the request carries was not good.
	Fail(ctx context.Context, ex *gate.Exchange) error
}

// Suspended tells what an operator has suspended: the code is that of the refusal, and
// empty where nothing is. An error is that it cannot be known; a *gate.Error.
type Suspended interface {
	// Origin is asked before anything is looked at that a request carries: of
	// everything, and of the address that it comes from.
	Origin(from netip.Addr) (gate.Code, error)
	// Caller is asked of whoever has proved who they are.
	Caller(who *gate.Principal) (gate.Code, error)
}

// Once remembers what may be used once: the nonces of signatures.
type Once interface {
	// Use takes note of a key, which was made then and need not be remembered
	// after until. It is false where it was used before, or made before the memory
	// began. An error is that it cannot be known.
	Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error)
}

// Stage is the identify stage. It is immutable and safe for concurrent use.
type Stage struct {
	Config
	anonymous *gate.Principal // nil when off; shared by all its exchanges
	local     *gate.Principal
}

var _ gate.Stage = (*Stage)(nil)

// New checks the configuration.
func New(cfg Config) (*Stage, error) {
	s := &Stage{Config: cfg}
	var err error
	switch {
	case cfg.APIKeys && cfg.Keys == nil:
		return nil, errors.New("identify: API keys need a key store")
	case cfg.Signatures != nil && (cfg.Signatures.Keys == nil || cfg.Signatures.Once == nil || cfg.Signatures.Window <= 0):
		return nil, errors.New("identify: signatures need keys, a memory of nonces and a window")
	case cfg.Tokens != nil && (cfg.Tokens.Issuers == nil || cfg.Tokens.Audience == nil):
		return nil, errors.New("identify: tokens need issuers and an audience")
	case cfg.Certificates != "" && !goodName(cfg.Certificates):
		return nil, fmt.Errorf("identify: a certificate has no name %q", cfg.Certificates)
	}
	if a := cfg.Anonymous; a != nil {
		if s.anonymous, err = fixed(gate.MethodAnonymous, gate.RealmAnonymous, a.Subject, a.Roles); err != nil {
			return nil, err
		}
	}
	if l := cfg.Local; l != nil {
		if s.local, err = fixed(gate.MethodLocal, gate.RealmLocal, l.Subject, l.Roles); err != nil {
			return nil, err
		}
	}
	if !cfg.remote() && s.anonymous == nil && s.local == nil {
		return nil, errors.New("identify: no identity method is configured")
	}
	return s, nil
}

// remote tells whether there is a method with a credential.
func (c *Config) remote() bool {
	return c.APIKeys || c.Signatures != nil || c.Tokens != nil || c.Certificates != ""
}

// maxSubject bounds who a principal is, in bytes.
const maxSubject = 256

// fixed is a principal that the configuration names.
func fixed(method, realm, subject string, roles []string) (*gate.Principal, error) {
	if subject == "" || len(subject) > maxSubject || strings.ContainsFunc(subject, unprintable) {
		return nil, fmt.Errorf("identify: the %s subject needs 1 to %d printable characters", method, maxSubject)
	}
	return &gate.Principal{Method: method, Realm: realm, Subject: subject, Roles: sorted(roles)}, nil
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }

// sorted is roles in order, without touching the caller's slice.
func sorted(roles []string) []string {
	if slices.IsSorted(roles) {
		return slices.Clip(roles)
	}
	return slices.Sorted(slices.Values(roles))
}

// Name is "identify".
func (*Stage) Name() string { return "identify" }

// Applies is true: there is no method for strangers.
func (*Stage) Applies(gate.Route) bool { return true }

// proof is a credential that was good.
type proof struct {
	who *gate.Principal
	// with is the certificate of this connection, where the credential is good with
	// it alone: then certificate and token say the same (RFC 8705, section 3).
	with *gate.Principal
}

// method proves one kind of credential. A verdict other than Continue, or an
// error, refuses; nil is a credential that the request does not carry.
type method func(context.Context, *gate.Exchange) (*proof, gate.Verdict, error)

// Judge sets the exchange's principal or refuses. Who has proved who they are and is
// refused as revoked or suspended is its principal all the same: the record is theirs.
func (s *Stage) Judge(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	ex.Principal, ex.Digest, ex.Attempt = nil, nil, gate.Attempt{}
	if v, err := s.origin(ex.Inbound.Remote); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	if s.Pace == nil {
		return s.prove(ctx, ex)
	}
	if v, err := s.Pace.Arrive(ctx, ex); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	v, err := s.prove(ctx, ex)
	if err == nil && failed(v.Code) {
		err = s.Pace.Fail(ctx, ex)
	}
	return v, err
}

// failed tells whether a credential was there and not good. None at all is how every
// client of OAuth begins.
func failed(code gate.Code) bool {
	switch code {
	case gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityConflict:
		return true
	default:
		return false
	}
}

// prove finds out who sent the request.
func (s *Stage) prove(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	var found *proof
	for _, m := range [...]method{s.certificate, s.signature, s.authorization} {
		p, v, err := m(ctx, ex)
		switch {
		case err != nil || v.Effect != gate.Continue:
			return v, err
		case p == nil:
		case found != nil:
			if found = agreed(found, p); found == nil {
				return gate.Refuse(gate.CodeIdentityConflict, "several credentials on one request, which do not say the same", notAccepted), nil
			}
		default:
			found = p
		}
	}
	if found == nil {
		return s.nobody(ex)
	}
	who := found.who
	ex.Attempt = gate.Attempt{Method: who.Method, Realm: who.Realm, Subject: who.Subject, Credential: who.Credential}
	who.Bound = found.with
	ex.Principal = who
	if v, err := s.revoked(who, who.Bound); err != nil || v.Effect != gate.Continue {
		return v, err
	}
	return s.suspended(who, who.Bound)
}

func (s *Stage) origin(from netip.Addr) (gate.Verdict, error) {
	if s.Suspended == nil {
		return gate.Pass(), nil
	}
	code, err := s.Suspended.Origin(from)
	return contained(code), err
}

// suspended refuses whom an operator has suspended: the principal, and that of the
// certificate that the credential is bound to.
func (s *Stage) suspended(all ...*gate.Principal) (gate.Verdict, error) {
	for _, p := range all {
		if p == nil || s.Suspended == nil {
			continue
		}
		if code, err := s.Suspended.Caller(p); err != nil || code != gate.CodeUnset {
			return contained(code), err
		}
	}
	return gate.Pass(), nil
}

func contained(code gate.Code) gate.Verdict {
	if code == gate.CodeUnset {
		return gate.Pass()
	}
	return gate.Refuse(code, "suspended by an operator or a rule", "")
}

// revoked refuses what was revoked: the credential, its subject, and those of the
// certificate that it is bound to.
func (s *Stage) revoked(all ...*gate.Principal) (gate.Verdict, error) {
	for _, p := range all {
		if p == nil || s.Revoked == nil {
			continue
		}
		gone, err := s.Revoked(p)
		if err != nil {
			return gate.Verdict{}, down("asking what was revoked", err)
		}
		if gone {
			return invalid("the credential or its subject was revoked")
		}
	}
	return gate.Pass(), nil
}

// agreed is what two credentials of one request say together; nil when they do
// not say the same. A certificate goes with the token that is bound to it, and a
// signature with the very key that made it: the rights are those of one of them.
func agreed(a, b *proof) *proof {
	switch {
	case a.who.Method == gate.MethodMTLS && b.with != nil:
		return &proof{who: b.who, with: a.who}
	case a.who.Method == gate.MethodSignature && b.who.Method == gate.MethodAPIKey && a.who.Credential == b.who.Credential:
		return a
	}
	return nil
}

// nobody judges a request that carries no credential: by its transport.
func (s *Stage) nobody(ex *gate.Exchange) (gate.Verdict, error) {
	var p *gate.Principal
	switch {
	case ex.Inbound.Local && s.local != nil:
		p = s.local
	case s.anonymous != nil && (ex.Inbound.Local || fromLoopback(ex)):
		p = s.anonymous
	case !s.remote():
		return gate.Refuse(gate.CodeUnauthenticated, "no identity method applies to this address", ""), nil
	default:
		return gate.Refuse(gate.CodeUnauthenticated, "no credential", s.advice()), nil
	}
	ex.Attempt = gate.Attempt{Method: p.Method, Realm: p.Realm, Subject: p.Subject}
	ex.Principal = p
	return s.suspended(p)
}

// advice tells a client without a credential what there is.
func (s *Stage) advice() string {
	switch {
	case s.Tokens != nil && s.APIKeys:
		return "sign in first: send an access token or an API key as Authorization: Bearer"
	case s.Tokens != nil:
		return "sign in first: send an access token as Authorization: Bearer"
	case s.APIKeys:
		return "an API key is required: send it as Authorization: Bearer KEY"
	}
	return "sign in first"
}

const notAccepted = "the credential was not accepted"

func invalid(reason string) (gate.Verdict, error) {
	return gate.Refuse(gate.CodeBadCredential, reason, notAccepted), nil
}

// down is the error of something that a credential cannot be judged without.
func down(op string, err error) error {
	return &gate.Error{Code: gate.CodeIdentityDown, Public: "credentials cannot be checked now", Op: op, Err: err}
}

// guarded calls somebody who judges a credential; a panic there is an error. What
// it panicked with is not repeated: it could hold the credential.
func guarded[T any](what string, ask func() (T, error)) (answer T, err error) {
	defer func() {
		if p := recover(); p != nil {
			var none T
			answer, err = none, fmt.Errorf("%s panicked (%T)", what, p)
		}
	}()
	return ask()
}

// nothing is the SHA-256 of an empty body.
func nothing() [sha256.Size]byte { return sha256.Sum256(nil) }
