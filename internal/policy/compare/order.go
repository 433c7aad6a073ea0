package compare

import (
	"slices"
	"strings"
)

// tie is two allows of which the first that Judge meets decides something: on which
// of two equal terms people are asked, or whether what the call's schema does not
// name is refused.
type tie struct{ first, second atom }

// maxTied bounds the allows among which ties are looked for, for their number grows
// with the square. Of a policy with more, every order counts.
const maxTied = 3000

func (s *atoms) allows() []atom {
	var out []atom
	for _, a := range s.all {
		if !a.deny {
			out = append(out, a)
		}
	}
	return out
}

// orderless tells whether no order decides anything. also are upstreams whose
// arguments the other policy gives types.
func (s *atoms) orderless(also map[string]bool) bool {
	return len(s.allows()) <= maxTied && len(s.ties(also)) == 0
}

// ties are the pairs whose order decides.
func (s *atoms) ties(also map[string]bool) []tie {
	var out []tie
	allows := s.allows()
	for i := range allows {
		for j := i + 1; j < len(allows); j++ {
			if s.tied(&allows[i], &allows[j], also) {
				out = append(out, tie{allows[i], allows[j]})
			}
		}
	}
	return out
}

func (s *atoms) tied(a, b *atom, also map[string]bool) bool {
	if a.kind != b.kind || !meet(a, b) {
		return false
	}
	if a.effect.approves() && b.effect.approves() && a.effect.count == b.effect.count && a.effect.terms() != b.effect.terms() {
		return true
	}
	up, _, _ := strings.Cut(a.pattern, "/")
	judged := a.kind == "resources" || exact(up) && s.typed[up] && also[up] // whichever comes first
	return !judged && (a.effect.where == "") != (b.effect.where == "")
}

// meet tells whether there could be something that both patterns match. It errs
// towards yes.
func meet(a, b *atom) bool {
	if exact(a.pattern) && exact(b.pattern) {
		return a.pattern == b.pattern
	}
	if a.kind == "resources" {
		return true
	}
	upA, nameA, _ := strings.Cut(a.pattern, "/")
	upB, nameB, _ := strings.Cut(b.pattern, "/")
	return (upA == upB || !exact(upA) || !exact(upB)) && (nameA == nameB || !exact(nameA) || !exact(nameB))
}

// order reports where the order of rules differs and decides. Of patterns that
// differ anyway it says nothing.
func (c *comparison) order(old, now *atoms) {
	a, b := old.allows(), now.allows()
	if max(len(a), len(b)) > maxTied {
		if !slices.Equal(a, b) {
			c.add(Difference{Change: Order, What: "of rules, of which there are too many to say where it decides"})
		}
		return
	}
	known := map[tie]bool{}
	for _, t := range now.ties(old.typed) {
		known[t] = true
	}
	for _, t := range old.ties(now.typed) {
		if known[t] || !slices.Contains(b, t.first) || !slices.Contains(b, t.second) {
			continue
		}
		first, second := t.first.role+": "+t.first.pattern, t.second.role+": "+t.second.pattern
		c.add(Difference{Change: Order, What: "of " + t.first.kind, Before: first + " before " + second, After: second + " before " + first})
	}
}
