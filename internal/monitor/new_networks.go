package monitor

import "net/netip"

func newNetworks() rule {
	return rule{
		name: "new_networks", text: "a principal comes from a network that it never came from",
		limit: once(func(s *Settings) bool { return s.NewNetworks }), subject: principalOf,
	}
}

// What counts as one network: about what a provider announces or a site is given.
const (
	networkBits4 = 24
	networkBits6 = 48
)

func networkOf(e *Event) (netip.Prefix, bool) {
	a := e.Address.Unmap().WithZone("")
	if !a.IsValid() {
		return netip.Prefix{}, false
	}
	if a.Is4() {
		return netip.PrefixFrom(a, networkBits4).Masked(), true
	}
	return netip.PrefixFrom(a, networkBits6).Masked(), true
}

func newNetwork(p *profile, e *Event, _ *Key) int64 {
	n, ok := networkOf(e)
	if !ok || p.Networks.has(n) {
		return 0
	}
	return 1
}
