package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"doorward/internal/envelope"
	"doorward/internal/monitor"
)

// Config is what a Deliverer is made of. All is required; without Dir, what belongs to the
// spool is not.
type Config struct {
	// Receivers are those of now; an alert is owed to those that there are when it is
	// raised.
	Receivers func() []Receiver
	// Failed is told of every try that failed, by the kind of the receiver.
	Failed func(kind string)
	Dir    string                 // of the spool; empty: what waits is lost at the end
	Key    [envelope.KeySize]byte // of the spool, and nothing else
	Book   Book
	// Distrusted is told when the spool is not as it was left: how many faults, and the first.
	Distrusted func(faults int, first error)
	Log        *slog.Logger
}

// Deliverer takes alerts to receivers. It is safe for concurrent use.
type Deliverer struct {
	cfg  Config
	wake chan struct{}
	kept chan struct{} // something is to be written to the spool

	spooling   sync.Mutex // guards the spool, and what follows
	anew       bool       // the index is to be written, whatever has changed: a fault is told of once
	loaded     bool
	generation uint64 // of the index

	mu      sync.Mutex
	letters []*letter // the oldest first, at most maxLetters
	changed map[string]bool
	lines   map[string]*line // by the key of a receiver
}

// line is how things are with one receiver.
type line struct {
	busy     bool
	failures int // in a row
	next     time.Time
}

// New makes a Deliverer. Its owner calls Run, once.
func New(c Config) (*Deliverer, error) {
	if c.Receivers == nil || c.Failed == nil || c.Log == nil {
		return nil, errors.New("delivery: receivers, failed and log are required")
	}
	if c.Dir != "" && (c.Key == [envelope.KeySize]byte{} || c.Book == nil || c.Distrusted == nil) {
		return nil, errors.New("delivery: a spool has a key, a book, and somebody who is told of faults")
	}
	return &Deliverer{
		cfg: c, wake: make(chan struct{}, 1), kept: make(chan struct{}, 1),
		changed: map[string]bool{}, lines: map[string]*line{},
	}, nil
}

// Deliver takes an alert and returns at once. Of more than 1,000 that wait the oldest
// is given up.
func (d *Deliverer) Deliver(a monitor.Alert) {
	l := &letter{Alert: a, refused: map[string]int{}}
	for _, r := range d.cfg.Receivers() {
		if takes(r, &a) {
			l.Owed = append(l.Owed, r.Place().key())
		}
	}
	if len(l.Owed) == 0 {
		return
	}
	d.mu.Lock()
	d.letters = append(d.letters, l)
	d.mark(a.ID)
	var gone string
	if len(d.letters) > maxLetters {
		gone = d.letters[0].Alert.ID
		d.forget(d.letters[0])
	}
	d.mu.Unlock()
	if gone != "" {
		d.cfg.Log.Error("alert given up, too many wait", "alert", gone)
	}
	signal(d.wake)
	signal(d.kept)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// forget takes a letter out. Its caller holds mu.
func (d *Deliverer) forget(l *letter) {
	l.Owed = nil
	d.letters = slices.DeleteFunc(d.letters, func(o *letter) bool { return o == l })
	d.mark(l.Alert.ID)
}

// mark has the spool follow what has changed of a letter. Its caller holds mu.
func (d *Deliverer) mark(id string) {
	if d.cfg.Dir != "" {
		d.changed[id] = true
	}
}

// Run delivers until ctx ends. What waits then is in the spool.
func (d *Deliverer) Run(ctx context.Context) {
	var keeping sync.WaitGroup
	if d.cfg.Dir != "" {
		if err := d.load(); err != nil {
			d.cfg.Log.Error("alerts of before cannot be read", "error", err)
		}
		end := make(chan struct{})
		keeping.Go(func() { d.keep(end) })
		defer keeping.Wait()
		defer close(end)
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := d.dispatch(ctx, &sending)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-timer.C:
		}
	}
}

// idle is how long nothing is looked at when nothing waits.
const idle = time.Minute

// dispatch begins a try for each receiver that is owed something and not busy. It
// returns how long until there may be more to do.
func (d *Deliverer) dispatch(ctx context.Context, sending *sync.WaitGroup) time.Duration {
	receivers := d.cfg.Receivers()
	now := time.Now()
	wait := idle
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clean(receivers, now)
	for _, r := range receivers {
		key := r.Place().key()
		l := d.first(key)
		if l == nil {
			continue
		}
		n := d.lines[key]
		if n == nil {
			n = &line{}
			d.lines[key] = n
		}
		if n.busy {
			continue
		}
		if until := n.next.Sub(now); until > 0 {
			wait = min(wait, until)
			continue
		}
		n.busy = true
		sending.Go(func() { d.try(ctx, r, key, l) })
	}
	return wait
}

// first is the oldest letter that is owed to a receiver. Its caller holds mu.
func (d *Deliverer) first(key string) *letter {
	for _, l := range d.letters {
		if slices.Contains(l.Owed, key) {
			return l
		}
	}
	return nil
}

// clean gives up what nobody is there for any more, and what is too old. Its caller
// holds mu.
func (d *Deliverer) clean(receivers []Receiver, now time.Time) {
	there := make(map[string]bool, len(receivers))
	for _, r := range receivers {
		there[r.Place().key()] = true
	}
	for key, n := range d.lines {
		if !there[key] && !n.busy {
			delete(d.lines, key)
		}
	}
	for _, l := range slices.Clone(d.letters) {
		old := now.Sub(l.Alert.Last) > maxAge
		for _, key := range slices.Clone(l.Owed) {
			if old || !there[key] {
				d.cfg.Log.Error("alert given up", "alert", l.Alert.ID, "too_old", old, "receiver_gone", !there[key])
				d.settle(l, key)
			}
		}
	}
}

// settle strikes a receiver off a letter. Its caller holds mu.
func (d *Deliverer) settle(l *letter, key string) {
	l.Owed = slices.DeleteFunc(l.Owed, func(k string) bool { return k == key })
	d.mark(l.Alert.ID)
	if len(l.Owed) == 0 {
		d.forget(l)
	}
	signal(d.kept)
}

// mostTime bounds one try, whatever the receiver is.
const mostTime = time.Minute

// try tries once, and takes note of what became of it.
func (d *Deliverer) try(ctx context.Context, r Receiver, key string, l *letter) {
	limited, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	d.mu.Lock()
	alert := l.Alert // Forget may change it meanwhile
	d.mu.Unlock()
	err := r.Send(limited, &alert)
	d.mu.Lock()
	n := d.lines[key]
	n.busy = false
	gone := false
	switch {
	case err == nil:
		n.failures = 0
		d.settle(l, key)
	case ctx.Err() != nil: // the end, not a failure
	default:
		n.failures++
		n.next = time.Now().Add(backoff(n.failures, err))
		if unwanted(err) {
			l.refused[key]++
		}
		if gone = l.refused[key] >= maxNoes; gone {
			d.settle(l, key)
		}
	}
	failures := n.failures
	d.mu.Unlock()
	signal(d.wake)
	if err == nil || ctx.Err() != nil {
		return
	}
	d.cfg.Failed(r.Place().Kind)
	level := slog.LevelDebug
	if failures == 1 || gone {
		level = slog.LevelWarn
	}
	d.cfg.Log.Log(ctx, level, "alert not delivered", "alert", alert.ID, "kind", r.Place().Kind, "receiver", r.Place().Name, "failures", failures, "given_up", gone, "error", err)
}

// load takes what the last process left, once. An error says that there may be more: the
// next call tries again.
func (d *Deliverer) load() error {
	d.spooling.Lock()
	defer d.spooling.Unlock()
	if d.cfg.Dir == "" || d.loaded {
		return nil
	}
	s := spool{d.cfg.Dir, d.cfg.Key}
	if err := s.open(); err != nil {
		return err
	}
	ids, err := s.list()
	if err != nil {
		return err // what cannot be seen is not missing
	}
	least := d.cfg.Book.Least()
	is, trusted, fault := s.index(least)
	all, faults, err := s.read(ids)
	if fault != nil {
		faults = append(faults, fault)
	}
	if trusted {
		var again []*letter
		var missing []error
		all, again, missing = is.held(all)
		faults = append(faults, missing...)
		for _, l := range again {
			d.cfg.Log.Warn("alert of before left out, it was delivered", "alert", l.Alert.ID)
			err = errors.Join(err, s.remove(l.Alert.ID))
		}
	}
	for _, err := range faults {
		d.cfg.Log.Error("alerts of before are lost", "error", err)
	}
	if len(faults) > 0 {
		d.cfg.Distrusted(len(faults), faults[0])
		d.anew = true
		signal(d.kept)
	}
	d.loaded, d.generation = err == nil, max(d.generation, is.Generation, least)
	d.mu.Lock()
	defer d.mu.Unlock()
	all = slices.DeleteFunc(all, d.knows)
	for _, l := range all {
		l.refused = map[string]int{}
	}
	d.letters = append(all, d.letters...)
	for len(d.letters) > maxLetters {
		d.forget(d.letters[0])
	}
	return err
}

// knows tells whether a letter of the spool is one of this process, whatever became of
// it. Its caller holds mu.
func (d *Deliverer) knows(l *letter) bool {
	return d.changed[l.Alert.ID] || slices.ContainsFunc(d.letters, func(have *letter) bool { return have.Alert.ID == l.Alert.ID })
}

// keep writes to the spool what has changed, until the end; then once more. It has a
// goroutine of its own, so that a disk that hangs delays no delivery.
func (d *Deliverer) keep(end <-chan struct{}) {
	for ended := false; !ended; {
		select {
		case <-d.kept:
		case <-end:
			ended = true
		}
		if err := d.flush(); err != nil {
			d.cfg.Log.Error("alerts not in the spool", "error", err)
		}
	}
}

// flush writes to the spool what has changed. What could not be written counts as changed
// still.
func (d *Deliverer) flush() error {
	d.spooling.Lock()
	defer d.spooling.Unlock()
	if d.cfg.Dir == "" {
		return nil
	}
	s := spool{d.cfg.Dir, d.cfg.Key}
	changes := d.changes(s)
	if len(changes) == 0 && !d.anew {
		return nil
	}
	var errs []error
	written, failed := d.enter(s)
	if d.anew = failed != nil; d.anew {
		errs = append(errs, failed)
	}
	for id, content := range changes {
		var err error
		switch {
		case !written: // by the index of before, what comes would be one that was delivered
			err = errors.New("its place in the index is not written")
		case content == nil:
			err = s.remove(id)
		default:
			err = s.write(id, content)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("alert %s: %w", id, err))
			d.mu.Lock()
			d.mark(id)
			d.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// changes are the letters that differ from the spool, as it should have them; nil for
// one that it should not have.
func (d *Deliverer) changes(s spool) map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string][]byte, len(d.changed))
	for id := range d.changed {
		out[id] = nil
	}
	for _, l := range d.letters {
		if !d.changed[l.Alert.ID] {
			continue
		}
		content, err := s.seal(l.Alert.ID, l)
		if err != nil {
			d.cfg.Log.Error("alert not in the spool", "alert", l.Alert.ID, "error", err)
			continue
		}
		out[l.Alert.ID] = content
	}
	clear(d.changed)
	return out
}

// Waiting is how many alerts wait for a receiver.
func (d *Deliverer) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.letters)
}

// Attempt is what became of an alert that tries a receiver out.
type Attempt struct {
	Place Place
	Err   error // nil: it was taken
}

// Try sends an alert to every receiver at once, past the spool, and says what became
// of it.
func Try(ctx context.Context, receivers []Receiver, a *monitor.Alert) []Attempt {
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	out := make([]Attempt, len(receivers))
	var wg sync.WaitGroup
	for i, r := range receivers {
		wg.Go(func() {
			alert := *a
			out[i] = Attempt{Place: r.Place(), Err: r.Send(ctx, &alert)}
		})
	}
	wg.Wait()
	return out
}
