package lock

import (
	"cmp"
	"time"

	"doorward/internal/gate"
)

// Pin is one entry of the lock file: a definition and what a person (or the
// first-use policy) said about it.
type Pin struct {
	Upstream   string
	Kind       gate.ItemKind
	Name       string        // as the upstream names it; may be empty for the kinds that an upstream has one of
	Digest     gate.Digest   // of Definition
	State      gate.PinState // Approved or Rejected, nothing else
	By         string        // who decided, at most maxBy bytes
	At         time.Time     // when, UTC, whole seconds
	Definition []byte        // pinned form (mcp.Pinned); never changed
	Accepted   []string      // rules whose findings in it a person accepted, sorted; of approved ones only
}

// key is the identity of an item in every table of this package.
type key struct {
	upstream string
	kind     gate.ItemKind
	name     string
}

func (p *Pin) key() key { return key{p.Upstream, p.Kind, p.Name} }

// maxBy bounds the name of who decided: it is a subject, a key's name or "uid:N".
const maxBy = 256

// ranks is the order of the kinds within an upstream, in the file and in
// lists: what runs, what it says it is, what it offers.
//
//nolint:gochecknoglobals // a table; read-only
var ranks = [...]gate.ItemKind{
	gate.Command, gate.Server, gate.Instructions,
	gate.Prompt, gate.Resource, gate.Template, gate.Tool,
}

// section is the kind's member name in the lock file. Kinds that an upstream
// has many of are plural.
func section(k gate.ItemKind) string {
	switch k {
	case gate.Prompt, gate.Resource, gate.Template, gate.Tool:
		return k.String() + "s"
	case gate.Command, gate.Server, gate.Instructions, gate.NoItem:
	}
	return k.String()
}

// kindOf is the kind of a section; NoItem when there is no such section.
func kindOf(name string) gate.ItemKind {
	for _, k := range ranks {
		if section(k) == name {
			return k
		}
	}
	return gate.NoItem
}

func rank(k gate.ItemKind) int {
	for i, r := range ranks {
		if r == k {
			return i
		}
	}
	return len(ranks)
}

// compareKeys orders by upstream, then kind as in ranks, then name by bytes.
func compareKeys(a, b key) int {
	return cmp.Or(
		cmp.Compare(a.upstream, b.upstream),
		cmp.Compare(rank(a.kind), rank(b.kind)),
		cmp.Compare(a.name, b.name),
	)
}
