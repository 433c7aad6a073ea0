package lock

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
)

// Bounds of what is remembered of definitions that nobody has decided about:
// an upstream that offers more gets no further in than this.
const (
	maxObserved      = 50_000
	maxObservedBytes = 64 << 20 // names and definitions together
)

// seenEvery is how exact the time is at which an item was last seen.
const seenEvery = time.Minute

// definition is a definition in canonical form and its digest.
type definition struct {
	canonical []byte
	digest    gate.Digest
}

// observation is an undecided definition as an upstream last offered it.
type observation struct {
	definition
	since decision     // the approval in force when it was offered; zero when there was none
	seen  atomic.Int64 // Unix seconds
}

// observed is what upstreams offer and the lock does not approve, or offered
// since it did: one definition for each item, the newest. No I/O happens under its lock.
type observed struct {
	path  string
	log   *slog.Logger
	dirty chan struct{} // holds a token when the file is behind

	mu    sync.RWMutex
	items map[key]*observation
	marks map[key]mark // of approved items that drifted: no more than the lock approves
	bytes int
	full  bool // the bound was hit and logged
}

// init reads what the file says. One that cannot be read is an error: what drifted
// would be approved again.
func (o *observed) init(path string, log *slog.Logger) error {
	o.path, o.log = path, log
	o.dirty = make(chan struct{}, 1)
	o.items, o.marks = make(map[key]*observation), make(map[key]mark)
	if path == "" {
		return nil
	}
	if err := o.load(); err != nil {
		return fmt.Errorf("reading what drifted from %s: %w: restore the file; or remove it, which forgets what drifted, and then run doorward trust verify", path, err)
	}
	return nil
}

// known tells whether this definition is the one on record, with the approval
// that it drifted from, and notes that it was seen. It is the hot path: a read lock and no allocation.
func (o *observed) known(k key, digest gate.Digest, since decision) bool {
	o.mu.RLock()
	rec := o.items[k]
	o.mu.RUnlock()
	if rec == nil || rec.digest != digest || rec.since != since {
		return false
	}
	now := time.Now().Unix()
	if then := rec.seen.Load(); now-then >= int64(seenEvery/time.Second) {
		rec.seen.Store(now)
	}
	return true
}

func (o *observed) get(k key) *observation {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.items[k]
}

// put records a definition; false when there is no room for it.
func (o *observed) put(k key, d definition, since decision) bool {
	rec := &observation{definition: d, since: since}
	rec.seen.Store(time.Now().Unix())
	o.mu.Lock()
	stored := o.store(k, rec)
	warn := !stored && !o.full
	o.full = !stored
	o.mu.Unlock()
	if warn {
		o.log.Warn("too many definitions await approval; further ones stay withheld and are not recorded",
			"upstream", k.upstream, "items", maxObserved, "bytes", maxObservedBytes)
	}
	if stored {
		o.touch()
	}
	return stored
}

// store needs mu.
func (o *observed) store(k key, rec *observation) bool {
	size, count := o.bytes+weight(k, rec), len(o.items)
	if old := o.items[k]; old != nil {
		size, count = size-weight(k, old), count-1
	}
	if count >= maxObserved || size > maxObservedBytes {
		return false
	}
	o.items[k], o.bytes = rec, size
	return true
}

// weight is what an observation counts against maxObservedBytes.
func weight(k key, rec *observation) int {
	return len(k.upstream) + len(k.name) + len(rec.canonical)
}

// forget drops an item that the upstream now offers as it was decided about.
func (o *observed) forget(k key) {
	if o.get(k) == nil {
		return
	}
	o.mu.Lock()
	o.remove(k)
	o.mu.Unlock()
	o.touch()
}

// remove needs mu.
func (o *observed) remove(k key) {
	if rec := o.items[k]; rec != nil {
		o.bytes -= weight(k, rec)
		delete(o.items, k)
		o.full = false
	}
}

// mark keeps that an approved item drifted.
func (o *observed) mark(k key, m mark) {
	o.mu.Lock()
	o.marks[k] = m
	o.mu.Unlock()
	o.touch()
}

// drifted are the marks that hold under a lock.
func (o *observed) drifted(l *Lock) map[key]mark {
	drifted := make(map[key]mark)
	o.mu.RLock()
	defer o.mu.RUnlock()
	for k, m := range o.marks {
		if m.holds(l, k) {
			drifted[k] = m
		}
	}
	return drifted
}

// settle drops what the lock decides about, but for what drifted since.
func (o *observed) settle(l *Lock) {
	o.mu.Lock()
	before := len(o.items) + len(o.marks)
	for k, m := range o.marks {
		if !m.holds(l, k) {
			delete(o.marks, k)
		}
	}
	for k, rec := range o.items {
		if pin, ok := l.pins[k]; ok && pin.Digest == rec.digest && !o.marks[k].holds(l, k) {
			o.remove(k)
		}
	}
	settled := len(o.items)+len(o.marks) != before
	o.mu.Unlock()
	if settled {
		o.touch()
	}
}

// keyed is an observation with its identity.
type keyed struct {
	key
	*observation
}

// all are the observations, sorted.
func (o *observed) all() []keyed {
	o.mu.RLock()
	list := make([]keyed, 0, len(o.items))
	for k, rec := range o.items {
		list = append(list, keyed{k, rec})
	}
	o.mu.RUnlock()
	slices.SortFunc(list, func(a, b keyed) int { return compareKeys(a.key, b.key) })
	return list
}

// marked is a mark with its identity.
type marked struct {
	key
	mark
}

// allMarks are the marks, sorted.
func (o *observed) allMarks() []marked {
	o.mu.RLock()
	list := make([]marked, 0, len(o.marks))
	for k, m := range o.marks {
		list = append(list, marked{k, m})
	}
	o.mu.RUnlock()
	slices.SortFunc(list, func(a, b marked) int { return compareKeys(a.key, b.key) })
	return list
}

// touch notes that the file is behind.
func (o *observed) touch() {
	select {
	case o.dirty <- struct{}{}:
	default:
	}
}
