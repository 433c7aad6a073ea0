package lock

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Observe takes note of definitions that an upstream offers. With ApproveFirst
// those that nobody has decided about, and in which nothing was found that holds
// them, are approved and written to the lock
// before it returns; it returns how many. Changed and rejected ones never are,
// and an approved item of which another definition was seen once is Changed
// from then on until a person decides, whatever is offered.
// The same holds where both are among items: a name that an upstream uses twice.
// What is not approved is remembered for review. For items that are already
// known in their state it does two map lookups each. The upstream adapter calls
// it with every catalogue it has read.
func (p *Pins) Observe(items []gate.Item) int {
	s := p.snapshot.Load()
	var fresh []gate.Item
	var drifted []drifting
	for i := range items {
		it := &items[i]
		k := key{it.Upstream, it.Kind, it.Name}
		switch s.state(k, it.Digest) {
		case gate.Approved, gate.Flagged, gate.Rejected:
			p.observed.forget(k)
		case gate.Changed:
			if d, drifts := s.drifts(k, it); drifts {
				drifted = append(drifted, d)
			}
			p.note(s, k, it)
		case gate.Held:
			if p.config.FirstUse == ApproveFirst {
				fresh = append(fresh, *it)
			} else {
				p.note(s, k, it)
			}
		}
	}
	p.announce(p.mark(drifted))
	if fresh = p.unsuspicious(s, p.undisputed(s, fresh)); len(fresh) == 0 {
		return 0
	}
	return p.approveFirst(fresh)
}

// undisputed are those of fresh of which no second definition is among them. The
// others stay recorded for a person.
func (p *Pins) undisputed(s *snapshot, fresh []gate.Item) []gate.Item {
	if len(fresh) < 2 {
		return fresh
	}
	offered := make(map[key]gate.Digest, len(fresh))
	disputed := make(map[key]bool)
	for i := range fresh {
		it := &fresh[i]
		k := key{it.Upstream, it.Kind, it.Name}
		if other, twice := offered[k]; twice && other != it.Digest {
			disputed[k] = true
		}
		offered[k] = it.Digest
	}
	if len(disputed) == 0 {
		return fresh
	}
	return slices.DeleteFunc(fresh, func(it gate.Item) bool {
		k := key{it.Upstream, it.Kind, it.Name}
		if disputed[k] {
			p.note(s, k, &it)
		}
		return disputed[k]
	})
}

// unsuspicious are those of fresh that first use may approve. The others stay
// recorded for a person.
func (p *Pins) unsuspicious(s *snapshot, fresh []gate.Item) []gate.Item {
	if len(fresh) == 0 || p.config.Inspect == nil {
		return fresh
	}
	for i := range fresh {
		p.note(s, key{fresh[i].Upstream, fresh[i].Kind, fresh[i].Name}, &fresh[i])
	}
	offered := p.weigh(s)
	return slices.DeleteFunc(fresh, func(it gate.Item) bool {
		findings, ok := offered.of(key{it.Upstream, it.Kind, it.Name}, it.Digest)
		return inspected(it.Kind) && (!ok || p.config.withholds(findings))
	})
}

// note records a definition for review. Of what was rejected it tells the first
// that differs, not each of those that take turns after it; mark tells of what
// was approved. New ones are many at the first look, and `serve` counts them.
func (p *Pins) note(s *snapshot, k key, it *gate.Item) {
	since := s.lock.approval(k)
	if p.observed.known(k, it.Digest, since) {
		return
	}
	before := p.observed.get(k)
	pin, pinned := s.lock.pins[k]
	d, err := defined(it)
	if err != nil {
		p.log.Warn("a definition cannot be recorded; it stays withheld", "upstream", it.Upstream, "kind", it.Kind.String(), "name", gate.Visible(it.Name), "error", err)
		if !pinned || before != nil {
			return
		}
		d = definition{canonical: pin.Definition, digest: pin.Digest} // that it drifted is on record
	}
	if !p.observed.put(k, d, since) || before != nil {
		return
	}
	switch {
	case !pinned:
		p.log.Debug("a definition awaits approval", "upstream", it.Upstream, "kind", it.Kind.String(), "name", gate.Visible(it.Name), "digest", d.digest.String())
	case pin.State != gate.Approved:
		p.tell(it, pin.Digest)
	}
}

// defined is the item's canonical definition. The digest is computed again: a
// pin whose digest is not its definition's would make the lock unreadable.
func defined(it *gate.Item) (definition, error) {
	if !utf8.ValidString(it.Name) || it.Upstream == "" || section(it.Kind) == gate.NoItem.String() {
		return definition{}, errors.New("it has no proper identity")
	}
	text, digest, err := canonical(it.Kind, it.Raw)
	if err != nil {
		return definition{}, err
	}
	if digest != it.Digest {
		return definition{}, fmt.Errorf("its digest is %s, not %s", digest, it.Digest)
	}
	return definition{canonical: text, digest: digest}, nil
}

// approveFirst approves definitions that were never pinned. When the lock
// cannot be written they stay held.
func (p *Pins) approveFirst(items []gate.Item) int {
	var n int
	err := p.change(func(l *Lock) (bool, error) {
		n = 0
		for i := range items {
			it := &items[i]
			k := key{it.Upstream, it.Kind, it.Name}
			if _, decided := l.pins[k]; decided {
				continue
			}
			d, err := defined(it)
			if err != nil {
				p.log.Warn("a definition cannot be approved; it stays withheld", "upstream", it.Upstream, "kind", it.Kind.String(), "name", gate.Visible(it.Name), "error", err)
				continue
			}
			l.decide(k, d, saying{state: gate.Approved, by: byFirstUse})
			n++
		}
		return n > 0, nil
	})
	if err == nil {
		return n
	}
	p.log.Error("first-use approvals are not written; the definitions stay withheld", "error", err)
	s := p.snapshot.Load()
	for i := range items {
		p.note(s, key{items[i].Upstream, items[i].Kind, items[i].Name}, &items[i])
	}
	return 0
}
