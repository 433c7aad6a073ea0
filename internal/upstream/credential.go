package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/leak"
)

// errSecret is a secret that cannot be had; what needs it is not sent.
var errSecret = errors.New("a secret is not available")

// secret finds a secret. The error says which it is, and never what.
func (p *Pool) secret(name string) (Secret, error) {
	if p.cfg.Secret == nil {
		return nil, fmt.Errorf("%w: %s", errSecret, name)
	}
	s, err := p.cfg.Secret(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecret, err)
	}
	return s, nil
}

// credential is the header by which the upstream knows Doorward, or with own the
// client whose message the request carries; nil when there is none. It is asked for
// with every request, after everything else has been decided, so that a rotated
// secret is used at once.
func (s *server) credential(own gate.Secret) (http.Header, error) {
	s.handed()
	c, held := s.set.Credential, Secret(nil)
	name, made := c.Secret, leaseCalled(c.Secret)
	switch {
	case made != "" && own != gate.Secret{}:
		held, name = own, made
	case made != "":
		return nil, fmt.Errorf("%w: %s is made for calls alone", errSecret, made)
	case c.Request != "" && own != gate.Secret{}:
		held, name = own, c.Request
	case c.Request != "" || c.Secret == "":
		return nil, nil //nolint:nilnil // no credential is no failure
	default:
		var err error
		if held, err = s.pool.secret(c.Secret); err != nil {
			return nil, err
		}
	}
	value, err := held.Header()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errSecret, name, err)
	}
	if c.Request == "" && made == "" {
		s.guard.hand(name, c.Prefix, value)
	}
	return http.Header{http.CanonicalHeaderKey(c.Header): {c.Prefix + value}}, nil
}

// handed notes what a server of Doorward's own asks for by itself, before it is asked for
// anything. A secret that cannot be had it cannot have either.
func (s *server) handed() {
	for _, name := range s.set.Handed {
		if held, err := s.pool.secret(name); err == nil {
			s.guard.hand(name, "", held.Reveal())
		}
	}
}

// instead is the credential in place of the one that was refused: another version of the
// secret while it is replaced. Nil: there is none. A client's own key has no other.
func (s *server) instead(refused http.Header) http.Header {
	c := s.set.Credential
	text, ours := strings.CutPrefix(refused.Get(c.Header), c.Prefix)
	if c.Secret == "" || leaseOf(c.Secret) != "" || !ours || s.pool.cfg.Instead == nil {
		return nil
	}
	other, ok := s.pool.cfg.Instead(c.Secret, gate.NewSecret(text))
	if !ok {
		return nil
	}
	value, err := other.Header()
	if err != nil {
		return nil
	}
	s.guard.hand(c.Secret, c.Prefix, value)
	return http.Header{http.CanonicalHeaderKey(c.Header): {c.Prefix + value}}
}

// environment is what the upstream's command gets: a few harmless variables of
// Doorward's own, and the secrets that the configuration names, which are looked for in
// what it writes. keys are those that a client brought for its one call; a process that
// lasts has none of them.
func (s *server) environment(keys map[string]gate.Secret) (env []string, secrets *given, err error) {
	env = s.inherited()
	var list []leak.Secret
	for _, name := range slices.Sorted(maps.Keys(s.set.Env)) {
		held, err := s.variable(s.set.Env[name], keys)
		if err != nil {
			return nil, nil, err
		}
		if held == nil {
			continue
		}
		called := s.set.Env[name]
		if requestHeader(called) != "" {
			called = ownKeyName
		}
		called = cmp.Or(leaseCalled(called), called)
		env, list = append(env, name+"="+held.Reveal()), append(list, spelledOut(called, "", held.Reveal())...)
	}
	return env, &given{s.guard, leak.New(list)}, nil
}

// variable is what stands behind a value of Settings.Env; nil for a client's own
// key where there is no client, and for what is made for calls where there is none.
func (s *server) variable(value string, keys map[string]gate.Secret) (Secret, error) {
	header := requestHeader(value)
	if leaseOf(value) != "" {
		header = value
	}
	if header == "" {
		return s.pool.secret(value)
	}
	if key, there := keys[header]; there {
		return key, nil
	}
	return nil, nil //nolint:nilnil // no key is no failure: the call that takes one was refused
}
