package monitor

func scopeGrowth() rule {
	return rule{
		name: "scope_growth", text: "a principal has a role or a scope that it never had",
		limit: once(func(s *Settings) bool { return s.ScopeGrowth }), subject: principalOf,
	}
}

// grantsOf are the roles and scopes that a call came with.
func grantsOf(e *Event, k *Key) []uint64 {
	out := make([]uint64, 0, len(e.Who.Roles)+len(e.Who.Scopes))
	for _, r := range e.Who.Roles {
		out = append(out, k.name("role", r))
	}
	for _, s := range e.Who.Scopes {
		out = append(out, k.name("scope", s))
	}
	return out
}

// newGrant counts what was never seen. Of more than maxGrants nothing is told: no
// such principal can be learned.
func newGrant(p *profile, e *Event, k *Key) (n int64) {
	all := grantsOf(e, k)
	if len(all) > maxGrants {
		return 0
	}
	for _, g := range all {
		if !p.Grants.has(g) {
			n++
		}
	}
	return n
}
