package upstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// LeasePrefix begins a value of Settings.Env, and the name of a Credential's secret, that is
// made for one call: the rest is the name that Config.Lend is asked for. What stands behind a
// # in it, a digest, tells it from another of the name.
const LeasePrefix = "lease:"

// leaseOf is the name behind LeasePrefix; empty for a secret that lasts.
func leaseOf(value string) string {
	name, ok := strings.CutPrefix(value, LeasePrefix)
	if !ok {
		return ""
	}
	return name
}

// leaseCalled is leaseOf as reports have it, without a digest.
func leaseCalled(value string) string {
	name, _, _ := strings.Cut(leaseOf(value), "#")
	return name
}

// leased are the names of what is made for each process of a command, sorted.
func (s Settings) leased() (names []string) {
	for _, value := range s.Env {
		if name := leaseOf(value); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkLeases refuses settings with which what is made for a call would outlast it.
func (s Settings) checkLeases() error {
	switch {
	case len(s.leased()) > 0 && !s.PerCall:
		return fmt.Errorf("upstream %s: a variable can be made for each call only where each call has a process", s.Name)
	case leaseOf(s.Credential.Secret) != "" && s.Transport != "" && s.Transport != transportHTTP:
		return fmt.Errorf("upstream %s: a credential can be made for each call only where each has headers of its own", s.Name)
	}
	return nil
}

// borrow has secrets made for one call of an upstream, by their names. back, which is never nil, is called
// once when the call, its process and all that knows them are over. Without an error all are
// there.
func (p *Pool) borrow(ctx context.Context, upstream string, names []string) (made map[string]gate.Secret, back func(), err error) {
	back = func() {}
	if len(names) == 0 {
		return nil, back, nil
	}
	if p.cfg.Lend == nil {
		return nil, back, fmt.Errorf("%w: %s", errSecret, names[0])
	}
	made, returned, err := p.cfg.Lend(ctx, upstream, names)
	if err != nil {
		return nil, back, fmt.Errorf("%w: %w", errSecret, err)
	}
	return made, returned, nil
}

// startLease adds what is made for the process of a call to the keys that it is started with.
// A process that is for no call has none: it lists what there is.
func (s *server) startLease(ctx context.Context, keys map[string]gate.Secret) (with map[string]gate.Secret, back func(), err error) {
	if keys == nil {
		return nil, func() {}, nil
	}
	made, back, err := s.pool.borrow(ctx, s.set.Name, s.set.leased())
	if err != nil || made == nil {
		return keys, back, err
	}
	with = maps.Clone(keys)
	for name, value := range made {
		with[LeasePrefix+name] = value
	}
	return with, back, nil
}

// callLease is the credential of one request, where one is made for each, and own otherwise.
func (s *server) callLease(ctx context.Context, own gate.Secret) (gate.Secret, func(), error) {
	name := leaseOf(s.set.Credential.Secret)
	if name == "" {
		return own, func() {}, nil
	}
	made, back, err := s.pool.borrow(ctx, s.set.Name, []string{name})
	if err != nil {
		return gate.Secret{}, back, withheld{err}
	}
	return made[name], back, nil
}
