package compare

import (
	"cmp"
	"slices"

	"doorward/internal/gate"
)

// pinned says, role by role, what becomes of approved definitions.
func pinned(old, now *atoms, pins []Pin) []Difference {
	pins = slices.Clone(pins)
	slices.SortFunc(pins, func(a, b Pin) int {
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	if len(pins) == 0 {
		return []Difference{}
	}
	a, b := old.matchers(), now.matchers()
	out := []Difference{}
	for _, role := range both(a, b) {
		for _, pin := range pins {
			was, is := effectsOn(a[role], pin), effectsOn(b[role], pin)
			if slices.Equal(was.texts, is.texts) {
				continue
			}
			out = append(out, Difference{
				Change: change(was, is), Role: role, What: pin.Kind.String() + " " + pin.Upstream + "/" + pin.Name,
				Before: was.String(), After: is.String(),
			})
		}
	}
	return out
}

// matched is an atom and what it matches.
type matched struct {
	atom *atom
	matcher
}

func (s *atoms) matchers() map[string][]matched {
	out := map[string][]matched{}
	for i := range s.all {
		a := &s.all[i]
		out[a.role] = append(out[a.role], matched{a, matcherOf(a)})
	}
	return out
}

func effectsOn(all []matched, pin Pin) effects {
	var e effects
	kind := pin.Kind
	for _, m := range all {
		if k := kindOf(m.atom.kind); k != kind && (k != gate.Resource || kind != gate.Template) {
			continue
		}
		if m.matches(kind, pin.Upstream, pin.Name) {
			e.add(m.atom)
		}
	}
	e.settle()
	return e
}
