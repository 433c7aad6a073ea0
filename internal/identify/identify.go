package identify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"doorward/internal/gate"
)

// Config says which methods there are. At least one is required.
type Config struct {
	APIKeys   bool                // identity.api_keys
	Keys      Keys                // required with APIKeys
	Anonymous *AnonymousPrincipal // identity.anonymous; nil: off
	Local     *LocalPrincipal     // who speaks on stdio; nil: Anonymous, or nobody
}

// Stage is the identify stage. It is immutable and safe for concurrent use.
type Stage struct {
	keys      Keys            // nil when API keys are off
	anonymous *gate.Principal // nil when off; shared by all its exchanges
	local     *gate.Principal
}

var _ gate.Stage = (*Stage)(nil)

// New checks the configuration.
func New(cfg Config) (*Stage, error) {
	s := &Stage{}
	if cfg.APIKeys {
		if cfg.Keys == nil {
			return nil, errors.New("identify: API keys need a key store")
		}
		s.keys = cfg.Keys
	}
	var err error
	if a := cfg.Anonymous; a != nil {
		if s.anonymous, err = fixed(methodAnonymous, a.Subject, a.Roles); err != nil {
			return nil, err
		}
	}
	if l := cfg.Local; l != nil {
		if s.local, err = fixed(methodLocal, l.Subject, l.Roles); err != nil {
			return nil, err
		}
	}
	if s.keys == nil && s.anonymous == nil && s.local == nil {
		return nil, errors.New("identify: no identity method is configured")
	}
	return s, nil
}

// fixed is a principal that the configuration names.
func fixed(method, subject string, roles []string) (*gate.Principal, error) {
	const limit = 256
	if subject == "" || len(subject) > limit || strings.ContainsFunc(subject, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("identify: the %s subject needs 1 to %d printable characters", method, limit)
	}
	return &gate.Principal{Method: method, Subject: subject, Roles: sorted(roles)}, nil
}

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

// Judge sets the exchange's principal or refuses. One method decides: with an
// Authorization header it is the API key, whatever it holds; without one the
// transport.
func (s *Stage) Judge(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	ex.Principal = nil
	if values, present := ex.Inbound.Header["Authorization"]; present {
		return s.apiKey(ex, values)
	}
	switch {
	case ex.Inbound.Local && s.local != nil:
		ex.Principal = s.local
	case s.anonymous != nil && (ex.Inbound.Local || fromLoopback(ex)):
		ex.Principal = s.anonymous
	case s.keys == nil:
		return gate.Refuse(gate.CodeUnauthenticated, "no identity method applies to this address", ""), nil
	default:
		return gate.Refuse(gate.CodeUnauthenticated, "no Authorization header",
			"an API key is required: send it as Authorization: Bearer KEY"), nil
	}
	return gate.Pass(), nil
}
