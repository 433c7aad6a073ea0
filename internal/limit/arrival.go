package limit

import (
	"context"
	"net/netip"

	"doorward/internal/gate"
)

// The bits of an address that one customer of a provider has: a whole IPv4 address, and a
// /64 of IPv6, within which a client chooses its address as it likes (RFC 4291, section
// 2.5.4; security case RES-26).
const (
	ofIPv4 = 32
	ofIPv6 = 64
)

// Arrive counts a request by the address that it comes from, and refuses one too many.
// identify calls it before it looks at anything that the request carries.
func (s *Stage) Arrive(ctx context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	h := s.from(ex.Inbound.Remote, callUnits)
	if h == nil {
		return gate.Pass(), nil
	}
	defer s.putDown(h)
	ok, err := s.budgets.Take(ctx, h.budgets, h.standings())
	if err != nil {
		return gate.Verdict{}, down(err)
	}
	if !ok {
		return s.refuse(h, gate.CodeLimitAddress), nil
	}
	return gate.Pass(), nil
}

// Fail makes a request that has arrived cost as much as a sign-in that fails: guesses end
// long before honest requests would. identify calls it. Whoever hangs up is charged too.
func (s *Stage) Fail(ctx context.Context, ex *gate.Exchange) error {
	h := s.from(ex.Inbound.Remote, (FailedSignIn-1)*callUnits)
	if h == nil {
		return nil
	}
	defer s.putDown(h)
	if err := s.budgets.Spend(context.WithoutCancel(ctx), h.budgets); err != nil {
		return down(err)
	}
	return nil
}

// from is the budget of an address; nil where there is none, as on stdio.
func (s *Stage) from(addr netip.Addr, cost int64) *hand {
	r := s.rules.address
	if r == nil || !addr.IsValid() {
		return nil
	}
	bits := ofIPv6
	if addr = addr.Unmap(); addr.Is4() {
		bits = ofIPv4
	}
	network, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return nil // of a valid address there is none
	}
	h := s.hand()
	h.add(r, cost).From = network
	return h
}
