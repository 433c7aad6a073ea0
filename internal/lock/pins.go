package lock

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
)

// FirstUse says what happens to a definition that nobody has decided about.
type FirstUse uint8

// The first-use policies (config.md, trust.first_use). The zero value holds.
const (
	HoldFirst    FirstUse = iota // withheld until a person approves it
	ApproveFirst                 // approved and written to the lock when first seen
)

// byFirstUse is who approved a definition that ApproveFirst let in.
const byFirstUse = "first use"

// Config is what Pins needs; Path is required.
type Config struct {
	Path     string   // doorward.lock
	Observed string   // data_dir/observed.json; empty keeps observations in memory
	FirstUse FirstUse // trust.first_use
	Signing  Signing  // trust.signing and trust.signers
	Findings Effects  // trust.findings
	Inspect  Inspect  // the detectors; nil finds nothing
	// Changed is told of the first definition that differs from what was decided
	// about, and not of those that take turns after it. May be nil.
	Changed func(it *gate.Item, decided gate.Digest)
	Log     *slog.Logger // nil discards
}

// Pins is the lock file in memory together with what upstreams were seen to
// offer beyond it. Any number of goroutines may use it: State reads an
// immutable snapshot behind an atomic pointer, everything that changes the
// lock file goes one at a time.
type Pins struct {
	config   Config
	log      *slog.Logger
	snapshot atomic.Pointer[snapshot]
	writing  sync.Mutex // serialises what changes the lock file; held across its I/O
	marking  sync.Mutex // serialises what replaces the snapshot; no I/O under it
	scales   scales     // of what is offered and not approved
	observed observed
}

// snapshot is one state of the lock file.
type snapshot struct {
	lock     *Lock
	file     fingerprint      // of the file it was read from or written to
	approved map[string]int   // number of approved entries of each upstream
	drifted  map[key]mark     // approved items that were seen to differ since
	found    found            // in the approved definitions
	flagged  map[key]struct{} // approved items with a finding that blocks and nobody accepted
}

// Open reads the lock file and what was observed before. Where either cannot be
// read the gateway must not start: a lock file that Load refuses says nothing, and
// without observed.json what drifted would be as it was approved.
func Open(c Config) (*Pins, error) {
	if c.Path == "" {
		return nil, errors.New("opening pins: no lock file named")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pins{config: c, log: c.Log}
	if err := p.observed.init(c.Observed, c.Log); err != nil {
		return nil, err
	}
	l, file, err := p.read()
	if err != nil {
		return nil, err
	}
	p.swap(l, file)
	return p, nil
}

// read reads the lock file, and notes which it was where it is to be believed.
func (p *Pins) read() (*Lock, fingerprint, error) {
	sign := &p.config.Signing
	after, err := sign.kept()
	if err != nil {
		return nil, fingerprint{}, err
	}
	l, file, err := load(p.config.Path)
	if err == nil {
		err = sign.check(l, file != fingerprint{}, after)
	}
	if err == nil {
		err = sign.keep(l)
	}
	return l, file, err
}

// Signed is the number of the lock in force and whose key signed it; zero and
// empty where it is not signed.
func (p *Pins) Signed() (sequence uint64, signer string) {
	l := p.snapshot.Load().lock
	if l.signature == nil {
		return 0, ""
	}
	return l.sequence, SignerText(l.signature.by)
}

// swap makes a lock the current one and forgets observations that it settles.
func (p *Pins) swap(l *Lock, file fingerprint) {
	p.marking.Lock()
	s := &snapshot{lock: l, file: file, approved: make(map[string]int), drifted: p.observed.drifted(l)}
	for k, pin := range l.pins {
		if pin.State == gate.Approved {
			s.approved[k.upstream]++
		}
	}
	p.appraise(s)
	p.snapshot.Store(s)
	p.marking.Unlock()
	p.observed.settle(l)
}

// Reload reads the lock file again, as after a git pull. When it is bad the
// pins stay as they were and the error says why. app calls it on SIGHUP and
// when the file changes.
func (p *Pins) Reload() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.reread()
}

// Unchanged tells whether the lock file is the one that is in force. One that cannot be read is
// not: Reload says why. app asks once it watches the file.
func (p *Pins) Unchanged() bool {
	p.writing.Lock()
	defer p.writing.Unlock()
	file, err := current(p.config.Path)
	return err == nil && file == p.snapshot.Load().file
}

// reread needs writing. A lock file that was there and is gone is an error, not
// an empty lock: tools that replace files may remove them for a moment, and
// ApproveFirst would then approve whatever upstreams offer. To begin anew,
// restart without the file.
func (p *Pins) reread() error {
	l, file, err := p.read()
	if err != nil {
		return err
	}
	if old := p.snapshot.Load(); file == (fingerprint{}) && old.file != file {
		return fmt.Errorf("the lock file %s is gone; the pins stay as they were", p.config.Path)
	}
	p.swap(l, file)
	return nil
}

// State is how a definition with this digest stands against the lock: Approved
// only when it is exactly what was approved, nothing else was offered in its
// place since and no finding in it blocks it, Flagged when one does, Rejected when it is exactly what was rejected, Changed when
// something else was decided about or was offered since, Held when nothing was
// decided. It takes no lock and allocates nothing; the upstream adapter
// calls it for every item of a catalogue.
func (p *Pins) State(upstream string, kind gate.ItemKind, name string, digest gate.Digest) gate.PinState {
	return p.snapshot.Load().state(key{upstream, kind, name}, digest)
}

func (l *Lock) state(k key, digest gate.Digest) gate.PinState {
	pin, ok := l.pins[k]
	switch {
	case !ok:
		return gate.Held
	case pin.Digest != digest:
		return gate.Changed
	case pin.State == gate.Approved:
		return gate.Approved
	}
	return gate.Rejected
}

// errMoved says that another process changed the lock file meanwhile.
var errMoved = errors.New("the lock file keeps changing")

// retries bounds how often a change is tried again on a lock file that another
// process (git pull, a second doorward) changes at the same moment.
const retries = 5

// change applies edit to the newest content of the lock file and saves it. edit
// gets a copy of the entries and reports whether it changed them; its error
// leaves everything as it was. The caller holds no lock of this package.
func (p *Pins) change(edit func(l *Lock) (bool, error)) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	for range retries {
		err := p.attempt(edit)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return fmt.Errorf("changing %s: %w", p.config.Path, errMoved)
}

func (p *Pins) attempt(edit func(l *Lock) (bool, error)) error {
	s := p.snapshot.Load()
	file, err := current(p.config.Path)
	if err != nil {
		return err
	}
	if file != s.file {
		if err := p.reread(); err != nil {
			return err
		}
		s = p.snapshot.Load()
	}
	next := &Lock{pins: maps.Clone(s.lock.pins)}
	if next.pins == nil {
		next.pins = make(map[key]Pin)
	}
	changed, err := edit(next)
	if err != nil || !changed {
		return err
	}
	sign := &p.config.Signing
	if err := sign.may(s.lock); err != nil {
		return err
	}
	if sign.Key != nil {
		next.sign(sign.Key, s.lock.sequence)
	}
	written, err := next.save(p.config.Path, func() error {
		if now, err := current(p.config.Path); err != nil || now != s.file {
			return errors.Join(err, errMoved)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.swap(next, written)
	return sign.keep(next)
}

// decide enters a decision about a definition. Its
// time is later than that of the decision that it replaces, also within one
// second: that is what tells the two apart when they are about one digest.
func (l *Lock) decide(k key, d definition, said saying) {
	who := said.by[:min(len(said.by), maxBy)]
	at := time.Now().UTC().Truncate(time.Second)
	if old, ok := l.pins[k]; ok && !at.After(old.At) {
		at = old.At.Add(time.Second)
	}
	l.pins[k] = Pin{
		Upstream: k.upstream, Kind: k.kind, Name: k.name,
		Digest: d.digest, Definition: d.canonical,
		State: said.state, By: who, At: at, Accepted: said.accepted,
	}
}

// saying is what somebody says about a definition.
type saying struct {
	state    gate.PinState // Approved or Rejected
	by       string        // cut to what fits
	accepted []string      // rules of findings
}
