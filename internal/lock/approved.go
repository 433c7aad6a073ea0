package lock

import (
	"iter"

	"doorward/internal/gate"
)

// Approved are the names of an upstream's approved definitions of a kind, in no
// order and without those that drifted. app asks which upstreams a principal can read anything of.
func (p *Pins) Approved(upstream string, kind gate.ItemKind) iter.Seq[string] {
	return func(yield func(string) bool) {
		s := p.snapshot.Load()
		for k, pin := range s.lock.pins {
			if k.upstream == upstream && k.kind == kind && s.state(k, pin.Digest) == gate.Approved && !yield(pin.Name) {
				return
			}
		}
	}
}
