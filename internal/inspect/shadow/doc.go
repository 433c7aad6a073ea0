// Package shadow looks for tools that stand in the way of another upstream's: that
// name them to redirect or steer their use, have their name and text, a name that
// reads the same, or their text under another name (tool shadowing, OWASP MCP03:2025;
// MSB, "name collision"; Trail of Bits, "line jumping", 2025).
//
// The detector of definitions builds an Index of all that a model may read once, and
// looks each tool up in it. Two vendors who both offer "search" are no finding; nor is a
// tool that a person approved, whoever copies it and is approved later. Of two that
// nobody approved, both are accused: which of them is the copy, no name says. It does
// no I/O, and decides nothing.
package shadow

import "doorward/internal/gate"

// Tool is one tool among those that a model may read.
type Tool struct {
	Upstream    string
	Name        string
	Shown       string // as clients see it; may be empty
	Description string
	Inputs      []string // names of its parameters at the top
	Trusted     bool     // a person approved it
}

// Scan is how a tool imitates others: clones, look-alikes, overlaps; the worst of
// each other tool, at most one a rule. Where is the pointer of the name or the description.
func (x *Index) Scan(t *Tool) []gate.Finding {
	if t.Trusted {
		return nil
	}
	e := x.entry(t)
	best := map[string]gate.Finding{}
	for _, other := range x.candidates(&e) {
		if other.Upstream == t.Upstream {
			continue
		}
		f, ok := x.either(&e, other)
		if had, seen := best[f.Rule]; ok && (!seen || f.Severity > had.Severity) {
			best[f.Rule] = f
		}
	}
	var found []gate.Finding
	for _, rule := range [...]string{"shadow.clone", "shadow.lookalike", "shadow.overlap"} {
		if f, ok := best[rule]; ok {
			found = append(found, f)
		}
	}
	return found
}
