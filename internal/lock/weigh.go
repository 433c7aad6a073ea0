package lock

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
)

// unjudgedFor is how long findings are kept among which somebody gave no answer.
const unjudgedFor = 30 * time.Second

// scales keep the findings of what is offered and not approved. Whoever needs them
// first inspects, which may take as long as somebody outside takes to answer: no
// lock is held meanwhile, and who wants the same waits for it.
type scales struct {
	mu      sync.Mutex // guards what follows; no I/O under it
	kept    *found
	until   time.Time                   // when kept is stale; zero: while nothing changes
	looking map[fingerprint]*inspection // by what is offered: no more than ask at once
}

// inspection is a look under way, for all who wait for it.
type inspection struct {
	done  chan struct{}
	found *found
}

// weigh finds what is in the definitions that were offered and recorded, among
// all that is known; the findings are kept until anything of that changes. The
// caller holds no lock of this package.
func (p *Pins) weigh(s *snapshot) *found {
	if p.config.Inspect == nil {
		return &found{}
	}
	near := p.offers(s)
	sum := sumOf(near)
	w := &p.scales
	w.mu.Lock()
	if had := w.kept; had != nil && had.near == sum && (w.until.IsZero() || time.Now().Before(w.until)) {
		w.mu.Unlock()
		return had
	}
	if other := w.looking[sum]; other != nil {
		w.mu.Unlock()
		<-other.done
		return other.found
	}
	look := &inspection{done: make(chan struct{}), found: &found{near: sum}}
	if w.looking == nil {
		w.looking = make(map[fingerprint]*inspection)
	}
	w.looking[sum] = look
	w.mu.Unlock()
	defer p.handOn(look)
	offered := slices.DeleteFunc(slices.Clone(near), func(it gate.Item) bool { return it.State == gate.Approved })
	look.found.by = p.config.look(offered, near)
	return look.found
}

// handOn hands a look on to those who wait, and keeps what it found where that is
// still what is offered.
func (p *Pins) handOn(look *inspection) {
	current := look.found.by != nil && p.offered() == look.found.near
	w := &p.scales
	w.mu.Lock()
	delete(w.looking, look.found.near)
	if current {
		w.kept, w.until = look.found, time.Time{}
		if look.found.unjudged() {
			w.until = time.Now().Add(unjudgedFor)
		}
	}
	w.mu.Unlock()
	close(look.done)
}

// offered identifies what is offered now.
func (p *Pins) offered() fingerprint { return sumOf(p.offers(p.snapshot.Load())) }

// AskAgain has those asked again who gave no answer: app calls it when an operator
// asks for a new look.
func (p *Pins) AskAgain() {
	w := &p.scales
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.until.IsZero() {
		w.kept, w.until = nil, time.Time{}
	}
}

// unjudged tells whether somebody who was to be asked gave no answer.
func (f *found) unjudged() bool {
	for _, of := range f.by {
		if slices.ContainsFunc(of.findings, func(f gate.Finding) bool { return f.Rule == gate.RuleUnjudged }) {
			return true
		}
	}
	return false
}

// errStirred says that what is offered changed while it was inspected.
var errStirred = errors.New("what is offered changed")

// weighed is do with the findings of what is offered, inspected before and outside
// of any lock, and again where that changed meanwhile. do is to ask still.
func (p *Pins) weighed(do func(offered *found) (int, error)) (int, error) {
	for range retries {
		n, err := do(p.weigh(p.snapshot.Load()))
		if !errors.Is(err, errStirred) {
			return n, err
		}
	}
	return 0, fmt.Errorf("deciding about definitions: %w: what upstreams offer keeps changing", ErrConflict)
}

// still is an error where what is offered is not what was inspected. It is for the
// caller of weighed, who holds what keeps a decision from another.
func (p *Pins) still(offered *found) error {
	if offered != nil && p.config.Inspect != nil && p.offered() != offered.near {
		return errStirred
	}
	return nil
}
