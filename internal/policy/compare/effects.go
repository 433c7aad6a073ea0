package compare

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"doorward/internal/policy"
)

func number(n int) string { return strconv.Itoa(n) }

// group is a pattern of a role: what differences are told by.
type group struct{ role, kind, pattern string }

func (g group) compare(h group) int {
	return cmp.Or(cmp.Compare(g.role, h.role), cmp.Compare(g.kind, h.kind), cmp.Compare(g.pattern, h.pattern))
}

// effects are all that is done to one pattern, or to one thing.
type effects struct {
	texts  []string // sorted: "allow enforce where …"
	states []int
}

// What becomes of a thing, as far as it can be said without a call: a deny that
// hangs on a condition does not count as one, for the calls that it leaves.
const (
	closed = iota
	allowed
	held
	denied
)

func (e *effects) add(a *atom) {
	word := "allow "
	state := allowed
	switch {
	case a.deny:
		word, state = "deny ", closed
		if a.effect.when == "" && a.effect.mode == policy.Enforce {
			state = denied
		}
	case a.effect.approves():
		state = held
	}
	e.texts = append(e.texts, word+a.effect.String())
	e.states = append(e.states, state)
}

func (e *effects) settle() {
	slices.Sort(e.texts)
	e.texts = slices.Compact(e.texts)
}

func (e *effects) state() int {
	if len(e.states) == 0 {
		return closed
	}
	return slices.Max(e.states)
}

func (e *effects) String() string { return strings.Join(e.texts, "; ") }

func (s *atoms) grouped() map[group]effects {
	out := map[group]effects{}
	for i := range s.all {
		a := &s.all[i]
		key := group{a.role, a.kind, a.pattern}
		e := out[key]
		e.add(a)
		out[key] = e
	}
	for key, e := range out {
		e.settle()
		out[key] = e
	}
	return out
}
