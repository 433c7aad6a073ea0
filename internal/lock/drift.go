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

// drift tells whether something else than what l approves was offered since l
// approved it.
func (l *Lock) drift(k key, rec *observation) bool {
	return rec.since != decision{} && rec.since == l.approval(k)
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
	if _, flagged := s.flagged[k]; flagged {
		return gate.Flagged
	}
	return state
}

// drifts is the approval that an item which is Changed drifts from now; the
// zero value when nothing was approved or the drift is known.
func (s *snapshot) drifts(k key) decision {
	if _, known := s.drifted[k]; known {
		return decision{}
	}
	return s.lock.approval(k)
}

// stillDrifted is what is drifted under a lock that takes the current one's
// place: what was and has not been decided about anew, and what the record of
// observations says. It needs marking.
func (p *Pins) stillDrifted(l *Lock) map[key]struct{} {
	drifted := make(map[key]struct{})
	if old := p.snapshot.Load(); old != nil {
		for k := range old.drifted {
			if since := l.approval(k); since == old.lock.approval(k) && since != (decision{}) {
				drifted[k] = struct{}{}
			}
		}
	}
	for _, it := range p.observed.all() {
		if l.drift(it.key, it.observation) {
			drifted[it.key] = struct{}{}
		}
	}
	return drifted
}

// mark makes items drifted, unless they were decided about meanwhile.
func (p *Pins) mark(since map[key]decision) {
	if len(since) == 0 {
		return
	}
	p.marking.Lock()
	defer p.marking.Unlock()
	next := *p.snapshot.Load()
	next.drifted = maps.Clone(next.drifted)
	for k, from := range since {
		if next.lock.approval(k) == from {
			next.drifted[k] = struct{}{}
		}
	}
	p.snapshot.Store(&next)
}
