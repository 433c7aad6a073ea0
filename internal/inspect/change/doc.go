// Package change tells which changes of a definition are only wording, so that a
// person can say yes to them quickly, and which need reading: a definition that
// changes after it was approved is how a server turns on its users (rug pull, OWASP
// MCP03:2025).
//
// Wording is what stands at the places that the protocol and JSON Schema have for
// titles and descriptions of what goes in; whatever else changes is read. Wording is
// read when it brings in a word of what goes where, of secrets or of orders; when a
// sentence asks for something of people, of what was said, or of other tools; when a
// parameter is to have something beside what it had, or is described as another was.
//
// app asks it about each changed definition, and the measurement does. Every change is
// held whatever it says; it does no I/O, keeps nothing, and decides nothing.
package change

import (
	"slices"

	"doorward/internal/gate"
	"doorward/internal/inspect/definition"
)

// Triage is how a change is to be looked at. The zero value is a change to read.
type Triage struct {
	Quick   bool     // only wording changed, or what takes away, and nothing speaks against it
	Reasons []string // why it is to be read; sentences for people, sorted
}

// Of compares a definition as it was approved with what it is now, beside all that a
// model may read with it.
func Of(before, after *gate.Item, near *definition.Neighbours) Triage {
	reasons := map[string]bool{}
	if before.Kind != after.Kind || before.Upstream != after.Upstream || before.Name != after.Name {
		reasons["It is not the same definition."] = true
	}
	was, okBefore := take(before)
	is, okAfter := take(after)
	if !okBefore || !okAfter {
		reasons["It cannot be read."] = true
	}
	structure(was, is, reasons)
	command(was, is, reasons)
	words(was, is, reasons)
	steering(was, is, reasons)
	swapped(was, is, reasons)
	if more(definition.Inspect(before, near), definition.Inspect(after, near)) {
		reasons["The detectors find something that was not there before."] = true
	}
	t := Triage{Quick: len(reasons) == 0}
	for r := range reasons {
		t.Reasons = append(t.Reasons, r)
	}
	slices.Sort(t.Reasons)
	return t
}

// more tells whether a finding is new: its rule was not there as often, or as bad.
func more(before, after []gate.Finding) bool {
	type kind struct {
		rule     string
		severity gate.Severity
	}
	had := map[kind]int{}
	for i := range before {
		had[kind{before[i].Rule, before[i].Severity}]++
	}
	for i := range after {
		k := kind{after[i].Rule, after[i].Severity}
		if had[k]--; had[k] < 0 {
			return true
		}
	}
	return false
}
