package lock

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"doorward/internal/gate"
)

// What a review can be refused for.
var (
	// ErrConflict says that the definition is no longer the one that the person
	// was shown. Nothing was decided.
	ErrConflict = errors.New("the definition is not the one that was shown")
	// ErrUnknown says that nobody offered such an item and nothing pins it.
	ErrUnknown = errors.New("no such item")
)

// Ref names a definition as it was shown: a decision binds to the digest.
type Ref struct {
	Upstream string
	Kind     gate.ItemKind
	Name     string
	Digest   gate.Digest
	Accept   []string // rules whose findings in it are accepted; for Approve
}

func (r Ref) key() key { return key{r.Upstream, r.Kind, r.Name} }

// Entry is one item under review or decided.
type Entry struct {
	Upstream     string
	Kind         gate.ItemKind
	Name         string
	State        gate.PinState
	Digest       gate.Digest // of what the upstream offers, as far as known; else PinnedDigest
	PinnedDigest gate.Digest // of what the lock decides about; zero when it does not
	By           string      // who decided; empty when nobody has
	At           time.Time   // when
	SeenAt       time.Time   // when an undecided definition was last offered, within a minute; else zero
	Findings     []gate.Finding
	Blocks       []string // rules that block it and are not accepted, sorted
	Holds        bool     // a finding asks for a person who decides about it by name
}

// Ref is what a decision about the entry must name.
func (e Entry) Ref() Ref {
	return Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name, Digest: e.Digest}
}

func (e Entry) key() key { return key{e.Upstream, e.Kind, e.Name} }

// Filter narrows List; empty fields do not.
type Filter struct {
	Upstream string
	Kind     gate.ItemKind
	Name     string
	States   []gate.PinState
}

func (f Filter) admits(e *Entry) bool {
	return (f.Upstream == "" || f.Upstream == e.Upstream) &&
		(f.Kind == gate.NoItem || f.Kind == e.Kind) &&
		(f.Name == "" || f.Name == e.Name) &&
		(len(f.States) == 0 || slices.Contains(f.States, e.State))
}

// List is every item that is pinned or was offered, by upstream, kind and name.
func (p *Pins) List(f Filter) []Entry {
	s := p.snapshot.Load()
	l := s.lock
	offered := p.weigh(s)
	var list []Entry
	add := func(e Entry) {
		if f.admits(&e) {
			p.appraised(&e, s.findings(offered, e.key(), e.Digest), l)
			list = append(list, e)
		}
	}
	seen := make(map[key]bool)
	for _, it := range p.observed.all() {
		seen[it.key] = true
		e := Entry{
			Upstream: it.upstream, Kind: it.kind, Name: it.name,
			State: s.state(it.key, it.digest), Digest: it.digest, SeenAt: time.Unix(it.seen.Load(), 0).UTC(),
		}
		if pin, ok := l.pins[it.key]; ok {
			e.PinnedDigest, e.By, e.At = pin.Digest, pin.By, pin.At
		}
		add(e)
	}
	for k, pin := range l.pins {
		if !seen[k] {
			add(Entry{
				Upstream: k.upstream, Kind: k.kind, Name: k.name,
				State: s.state(k, pin.Digest), Digest: pin.Digest, PinnedDigest: pin.Digest, By: pin.By, At: pin.At,
			})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return compareKeys(a.key(), b.key()) })
	return list
}

// appraised enters what was found in an entry's definition.
func (p *Pins) appraised(e *Entry, findings []gate.Finding, l *Lock) {
	var accepted []string
	if pin := l.pins[e.key()]; pin.Digest == e.Digest {
		accepted = pin.Accepted
	}
	e.Findings, e.Blocks, e.Holds = findings, p.config.blocked(findings, accepted), p.config.withholds(findings)
}

// Show gives an item's two definitions as Indent renders them: the one that was
// decided about and the one that the upstream offers. Either is nil when there
// is none; offered is nil when nothing else was offered than what was decided
// about, and the same as pinned when something else was and no longer is.
func (p *Pins) Show(upstream string, kind gate.ItemKind, name string) (pinned, offered []byte) {
	k := key{upstream, kind, name}
	if pin, ok := p.snapshot.Load().lock.pins[k]; ok {
		pinned = Indent(pin.Definition)
	}
	if rec := p.observed.get(k); rec != nil {
		offered = Indent(rec.canonical)
	}
	return pinned, offered
}

// Both are an item's two definitions as they are: the one that was decided about
// and the one that the upstream offers. ok is false where it is not so that there are
// two and that they differ.
func (p *Pins) Both(e Entry) (decided, offered gate.Item, ok bool) {
	pin, pinned := p.snapshot.Load().lock.pins[e.key()]
	rec := p.observed.get(e.key())
	if !pinned || rec == nil || rec.digest == pin.Digest {
		return decided, offered, false
	}
	it := gate.Item{Kind: e.Kind, Upstream: e.Upstream, Name: e.Name, State: e.State}
	decided, offered = it, it
	decided.Raw, decided.Digest = pin.Definition, pin.Digest
	offered.Raw, offered.Digest = rec.canonical, rec.digest
	return decided, offered, true
}

// Offers are the definitions that a model may read, as upstreams were last seen to
// offer them, approved or not; each with its state.
func (p *Pins) Offers() []gate.Item { return p.offers(p.snapshot.Load()) }

// Diff says field by field how the definition that e names differs from the one
// that was decided about; a definition that nobody has decided about differs
// in everything, and an upstream that is back at what was approved in nothing.
// ErrConflict when the upstream offers another one by now.
func (p *Pins) Diff(e Entry) ([]Line, error) {
	l := p.snapshot.Load().lock
	pin := l.pins[e.key()]
	offered, err := p.find(l, e.Ref())
	if err != nil {
		return nil, err
	}
	return difference(pin.Definition, offered.canonical)
}

// Approve approves definitions, all or none, and says how many entries of the
// lock changed. by is who does it. The first approval of an upstream pins its
// observed command too. The error names the item and is ErrConflict when what
// was shown is no longer what is offered, ErrUnknown when there is no such item,
// ErrFindings when it has findings that block it and that its Ref does not accept.
func (p *Pins) Approve(refs []Ref, by string) (int, error) {
	return p.review(refs, gate.Approved, by)
}

// Reject withholds definitions until something else is approved, all or none,
// like Approve. A rejected change takes the place of what was approved before.
func (p *Pins) Reject(refs []Ref, by string) (int, error) {
	return p.review(refs, gate.Rejected, by)
}

func (p *Pins) review(refs []Ref, state gate.PinState, by string) (int, error) {
	if by == "" {
		return 0, errors.New("deciding about definitions: nobody is named as deciding")
	}
	if state != gate.Approved { // whatever was found
		return p.enter(refs, state, by, nil)
	}
	return p.weighed(func(offered *found) (int, error) { return p.enter(refs, state, by, offered) })
}

// enter enters decisions into the lock; offered is what was found, nil for
// what needs no look at it.
func (p *Pins) enter(refs []Ref, state gate.PinState, by string, offered *found) (int, error) {
	var n int
	err := p.change(func(l *Lock) (bool, error) {
		n = 0
		s := p.snapshot.Load()
		if err := p.still(offered); err != nil {
			return false, err
		}
		for _, ref := range refs {
			d, err := p.find(l, ref)
			if err != nil {
				return false, err
			}
			said := saying{state: state, by: by}
			if state == gate.Approved {
				if said.accepted, err = p.config.accepted(&ref, s.findings(offered, ref.key(), d.digest)); err != nil {
					return false, err
				}
			}
			if pin, ok := l.pins[ref.key()]; ok && pin.Digest == d.digest && pin.State == state && !p.drifted(ref.key()) && slices.Equal(pin.Accepted, said.accepted) {
				continue
			}
			l.decide(ref.key(), d, said)
			n++
			if state == gate.Approved {
				n += p.withCommand(l, ref.Upstream, by)
			}
		}
		return n > 0, nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// drifted tells whether an approval waits for a person to say it again.
func (p *Pins) drifted(k key) bool {
	_, drifted := p.snapshot.Load().drifted[k]
	return drifted
}

// find is the definition that ref names, as offered or as already decided.
func (p *Pins) find(l *Lock, ref Ref) (definition, error) {
	rec := p.observed.get(ref.key())
	pin, pinned := l.pins[ref.key()]
	switch {
	case rec != nil && rec.digest == ref.Digest:
		return rec.definition, nil
	case rec == nil && pinned && pin.Digest == ref.Digest:
		return definition{canonical: pin.Definition, digest: pin.Digest}, nil
	case rec == nil && !pinned:
		return definition{}, fmt.Errorf("%s %q of %s: %w", ref.Kind, ref.Name, ref.Upstream, ErrUnknown)
	}
	return definition{}, fmt.Errorf("%s %q of %s: %w", ref.Kind, ref.Name, ref.Upstream, ErrConflict)
}

// withCommand pins the command of an upstream that is approved for the first
// time: the child process that offered what is being approved.
func (p *Pins) withCommand(l *Lock, upstream, by string) int {
	k := key{upstream, gate.Command, commandName}
	rec := p.observed.get(k)
	if _, decided := l.pins[k]; decided || rec == nil {
		return 0
	}
	l.decide(k, rec.definition, saying{state: gate.Approved, by: by})
	return 1
}

// Drift is a difference between the lock and what upstreams offer.
type Drift struct {
	Entry
	Missing bool // approved, but no longer offered
}

// Verify compares what upstreams offer with the lock, for CI. Everything that
// is not exactly as approved, or was not since, is drift, and so is an approved prompt, resource,
// template or tool that an upstream among the observed ones no longer offers.
func (p *Pins) Verify(offered []gate.Item) []Drift {
	s := p.snapshot.Load()
	l := s.lock
	var drift []Drift
	seen, upstreams := make(map[key]bool), make(map[string]bool)
	for i := range offered {
		it := &offered[i]
		k := key{it.Upstream, it.Kind, it.Name}
		seen[k], upstreams[it.Upstream] = true, true
		if state := s.state(k, it.Digest); state != gate.Approved {
			pin := l.pins[k]
			drift = append(drift, Drift{Entry: Entry{
				Upstream: it.Upstream, Kind: it.Kind, Name: it.Name,
				State: state, Digest: it.Digest, PinnedDigest: pin.Digest, By: pin.By, At: pin.At,
			}})
		}
	}
	for k, pin := range l.pins {
		if pin.State == gate.Approved && upstreams[k.upstream] && !seen[k] && rank(k.kind) >= rank(gate.Prompt) {
			drift = append(drift, Drift{Missing: true, Entry: Entry{
				Upstream: k.upstream, Kind: k.kind, Name: k.name,
				State: s.state(k, pin.Digest), Digest: pin.Digest, PinnedDigest: pin.Digest, By: pin.By, At: pin.At,
			}})
		}
	}
	slices.SortFunc(drift, func(a, b Drift) int { return compareKeys(a.key(), b.key()) })
	return drift
}
