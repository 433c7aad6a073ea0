package lock

import (
	"maps"

	"doorward/internal/gate"
)

// Drift is sticky. An upstream that offers something else in place of what was
// approved, and then the approved definition again, may do so as often as it
// likes, each time for as long as nobody looks (security.md PIN-08): what
// drifted once is withheld whatever is offered, until a person decides.

// decision identifies what a person decided: a digest and when. Deciding again
// about the same digest is another decision. The zero value is none.
type decision struct {
	digest gate.Digest
	at     int64 // Unix seconds
}

func (p *Pin) decision() decision { return decision{p.Digest, p.At.Unix()} }

// approval is the approval of an item that is in force, the zero value when
// there is none.
func (l *Lock) approval(k key) decision {
	if pin, ok := l.pins[k]; ok && pin.State == gate.Approved {
		return pin.decision()
	}
	return decision{}
}

// mark is what is kept of an approved item of which something else was seen.
type mark struct {
	since    decision // the approval that it drifted from
	stranger bool     // a server with another name was seen; of a Server
}

// holds tells whether nobody has decided about the item since.
func (m mark) holds(l *Lock, k key) bool {
	return m.since != decision{} && m.since == l.approval(k)
}

// drifting is a mark in the making.
type drifting struct {
	key key
	mark
	it *gate.Item // that was seen
}

// state is Lock.state, Changed for what drifted, and Flagged for what a finding
// blocks.
func (s *snapshot) state(k key, digest gate.Digest) gate.PinState {
	state := s.lock.state(k, digest)
	if state != gate.Approved || len(s.drifted) == 0 && len(s.flagged) == 0 {
		return state
	}
	if _, drifted := s.drifted[k]; drifted {
		return gate.Changed
	}
	if s.blocks(k) {
		return gate.Flagged
	}
	return state
}

// blocks tells whether a finding withholds what was approved.
func (s *snapshot) blocks(k key) bool {
	_, flagged := s.flagged[k]
	return flagged
}

// drifts is what an item that is Changed is to be marked with; false when
// nothing was approved or all of it is known.
func (s *snapshot) drifts(k key, it *gate.Item) (drifting, bool) {
	pin, ok := s.lock.pins[k]
	if !ok || pin.State != gate.Approved {
		return drifting{}, false
	}
	had, known := s.drifted[k]
	stranger := k.kind == gate.Server && !had.stranger && pin.Digest != it.Digest && !sameName(pin.Definition, it.Raw)
	if known && !stranger {
		return drifting{}, false
	}
	return drifting{k, mark{pin.decision(), stranger}, it}, true
}

// mark keeps what was seen of approved items, unless they were decided about
// meanwhile, and returns those that had not drifted before.
func (p *Pins) mark(seen []drifting) []drifting {
	if len(seen) == 0 {
		return nil
	}
	p.marking.Lock()
	defer p.marking.Unlock()
	next := *p.snapshot.Load()
	next.drifted = maps.Clone(next.drifted)
	var first []drifting
	for _, d := range seen {
		if !d.holds(next.lock, d.key) {
			continue
		}
		had, known := next.drifted[d.key]
		if !known {
			first = append(first, d)
		}
		d.stranger = d.stranger || had.stranger
		next.drifted[d.key] = d.mark
		p.observed.mark(d.key, d.mark)
	}
	p.snapshot.Store(&next)
	return first
}

// announce tells an operator of an approved item that drifted.
func (p *Pins) announce(seen []drifting) {
	for _, d := range seen {
		p.tell(d.it, d.since.digest)
	}
}

// tell tells an operator of a definition that differs from what was decided about.
func (p *Pins) tell(it *gate.Item, decided gate.Digest) {
	p.log.Warn("a definition differs from what was decided about, and is withheld", "upstream", it.Upstream,
		"kind", it.Kind.String(), "name", gate.Visible(it.Name), "digest", it.Digest.String())
	if p.config.Changed != nil {
		p.config.Changed(it, decided)
	}
}
