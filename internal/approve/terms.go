package approve

import (
	"slices"

	"doorward/internal/gate"
)

// terms are those on which people let the call pass, and the rules that ask for
// them: policy's, the flows', or both together. Whom both ask must be named by both,
// and nobody confirms for himself what one of them puts before others. ok is false
// when no role could approve.
func terms(ex *gate.Exchange) (t *gate.Terms, rule string, ok bool) {
	p, f := ex.Grant.Approval, ex.Flow.Terms
	switch {
	case f == nil:
		return p, ex.Grant.Rule, true
	case p == nil:
		return f, ex.Flow.Rule, true
	}
	rule = ex.Grant.Rule + " and " + ex.Flow.Rule
	both := gate.Terms{Count: max(p.Count, f.Count), Expires: min(p.Expires, f.Expires)}
	switch {
	case p.Self && f.Self:
		both.Self = true
	case p.Self:
		both.Roles = f.Roles
	case f.Self:
		both.Roles = p.Roles
	default:
		both.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(r string) bool { return !slices.Contains(f.Roles, r) })
		ok = len(both.Roles) > 0
		return &both, rule, ok
	}
	return &both, rule, true
}
