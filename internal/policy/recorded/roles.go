package recorded

import (
	"slices"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// Under is the principal of a call under a policy. Those who came with a token or
// a certificate have the roles which that policy gives them. Keys, the anonymous
// and the local user have those of then: no policy gives them.
//
// The record does not say which roles the token itself claimed. They are taken to
// be those which the present policy's memberships do not account for.
func (c *Call) Under(p, present *policy.Policy) *gate.Principal {
	who := c.Who()
	switch who.Method {
	case gate.MethodJWT, gate.MethodIntrospection, gate.MethodMTLS:
		given := present.RolesOf(who, nil)
		claimed := slices.DeleteFunc(slices.Clone(who.Roles), func(r string) bool { return slices.Contains(given, r) })
		if who.Method == gate.MethodMTLS {
			claimed = nil // a certificate claims nothing
		}
		who.Roles = p.RolesOf(who, claimed)
	}
	return who
}
