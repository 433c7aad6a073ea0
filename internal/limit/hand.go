package limit

import (
	"fmt"
	"math"

	"doorward/internal/gate"
)

// hand is the budgets of one decision and how they stand. It is used again.
type hand struct {
	rules    []*rule
	budgets  []gate.Budget
	standing []gate.Standing
}

func (s *Stage) hand() *hand { return s.pool.Get().(*hand) } //nolint:forcetypeassert // New says what the pool makes

func (s *Stage) putDown(h *hand) {
	clear(h.budgets) // they point to principals
	h.rules, h.budgets = h.rules[:0], h.budgets[:0]
	s.pool.Put(h)
}

// add puts in a budget of a rule. The pointer is good until the next call.
func (h *hand) add(r *rule, cost int64) *gate.Budget {
	h.rules = append(h.rules, r)
	h.budgets = append(h.budgets, gate.Budget{Limit: r.name, Most: r.Most * r.unit, Per: r.Per, Cost: cost, Unit: r.unit, Lasting: r.lasting()})
	return &h.budgets[len(h.budgets)-1]
}

func (r *rule) lasting() bool {
	return r.kind == QuotaCalls || r.kind == QuotaBytes || r.kind == QuotaCost
}

// standings is room for how the budgets stand.
func (h *hand) standings() []gate.Standing {
	if n := len(h.budgets); cap(h.standing) < n {
		h.standing = make([]gate.Standing, n)
	} else {
		h.standing = h.standing[:n]
	}
	clear(h.standing)
	return h.standing
}

// allowance is what a caller is told of one budget: of one that others take from, too,
// its name and how long to wait.
func (h *hand) allowance(at int) gate.Allowance {
	r, st := h.rules[at], &h.standing[at]
	a := gate.Allowance{Limit: r.name, Per: r.Per, Wait: st.Wait, Next: st.Next}
	if r.own() {
		a.Most, a.Left = r.Most, st.Left/r.unit
	}
	return a
}

// own tells whether the budgets of a rule are each one caller's alone. A key is, for who
// holds it; behind one address may be many.
func (r *rule) own() bool {
	switch r.kind {
	case PerPrincipal, PerKey, PerTool, QuotaCalls, QuotaBytes, QuotaCost:
		return true
	}
	return false
}

// least is the caller's own budget of which the smallest part is left.
func (h *hand) least() (a gate.Allowance) {
	part, at := math.Inf(1), -1
	for i := range h.budgets {
		if b := &h.budgets[i]; h.rules[i].own() {
			if p := float64(h.standing[i].Left) / float64(b.Most); p < part {
				part, at = p, i
			}
		}
	}
	if at < 0 {
		return a
	}
	return h.allowance(at)
}

// public is what a refused client reads: which limit, and how long to wait.
func public(a *gate.Allowance) string {
	return fmt.Sprintf("too much was asked for (%s): try again in %d s", a.Limit, gate.WholeSeconds(a.Wait))
}
