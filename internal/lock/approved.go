package lock

import (
	"iter"

	"doorward/internal/gate"
)

// Approved are the names of an upstream's approved definitions of a kind, in no
// order. app asks which upstreams a principal can read anything of.
func (p *Pins) Approved(upstream string, kind gate.ItemKind) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k, pin := range p.snapshot.Load().lock.pins {
			if k.upstream == upstream && k.kind == kind && pin.State == gate.Approved && !yield(pin.Name) {
				return
			}
		}
	}
}
