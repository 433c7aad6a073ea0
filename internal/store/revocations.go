package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// How the list is kept fresh. What is revoked anywhere holds everywhere within
// revokedLimit (AUT-23): a gateway that has not seen the list for that long
// refuses everyone.
const (
	lookFileEvery  = 200 * time.Millisecond
	lookRedisEvery = 500 * time.Millisecond

	lookPostgresEvery = 500 * time.Millisecond
	lookWithin        = 4 * time.Second
	openWithin        = 30 * time.Second // of the first look, before anyone depends on it
	revokedLimit      = 5 * time.Second
)

// ErrRevocations means that nobody can tell what is revoked.
var ErrRevocations = errors.New("what is revoked is unknown")

// errOld is a constant: Check returns it without allocating.
var errOld = fmt.Errorf("%w: the list was last seen more than %v ago", ErrRevocations, revokedLimit)

// revokedSource is where the list is. Its methods are called one at a time.
type revokedSource interface {
	// read returns the list as it is now: have itself when nothing has changed.
	read(ctx context.Context, have revokedList) (revokedList, error)
	// add returns when the revocation is kept for good.
	add(ctx context.Context, r *Revocation) error
	// replace returns when the one is kept for good, and the other is no more.
	replace(ctx context.Context, old, by *Revocation) error
}

// Revocations is the list of what was revoked, in a file for one gateway or in
// Redis or PostgreSQL for several. Checks go to a copy in memory, which a goroutine of its own
// keeps fresh. It is safe for concurrent use. Close it.
type Revocations struct {
	from    revokedSource
	blind   blinder
	strict  bool // refuse at the first failure to read, and not when the list has got old
	log     *slog.Logger
	current atomic.Pointer[revokedView]
	changed chan struct{} // has room for one

	look sync.Mutex // held by the one that talks to the source
	stop context.CancelFunc
	done chan struct{}
}

// revokedView is the list as it was at a time.
type revokedView struct {
	list   revokedList
	erased bool      // there are subjects without a name in it
	at     time.Time // before it was read
	err    error
}

// openRevocations reads the list and keeps looking at it.
func openRevocations(ctx context.Context, r *Revocations, every time.Duration) (*Revocations, error) {
	r.current.Store(&revokedView{})
	r.changed = make(chan struct{}, 1)
	err := r.refresh(ctx, openWithin)
	if err == nil && r.Healthy() != nil { // it took so long that it is old
		err = r.refresh(ctx, lookWithin)
	}
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop, r.done = stop, make(chan struct{})
	go r.watch(watching, every)
	return r, nil
}

// Check tells whether a key, subject or token is revoked. It does no I/O. Every
// error comes with true.
func (r *Revocations) Check(kind, realm, value string) (revoked bool, err error) {
	if !named(kind, realm, value) {
		return true, errUnnamed
	}
	now := time.Now()
	v := r.current.Load()
	if err := v.fault(now); err != nil {
		return true, err
	}
	found, ok := v.list[revokedName{kind, realm, value}]
	if !ok && v.erased && kind == RevokedSubject {
		found, ok = v.list[r.blind.name(realm, value)]
	}
	return ok && found.holds(now), nil
}

// fault says why the view must not be judged by. Its age is taken by both clocks:
// the one stands still while the machine sleeps, the other may be set.
func (v *revokedView) fault(now time.Time) error {
	if v.err != nil {
		return v.err
	}
	if now.Sub(v.at) > revokedLimit || time.Duration(now.UnixNano()-v.at.UnixNano()) > revokedLimit {
		return errOld
	}
	return nil
}

// Healthy tells whether checks can be answered, for readiness.
func (r *Revocations) Healthy() error { return r.current.Load().fault(time.Now()) }

// Changed is sent to when the list is another than before. Of several changes one
// may be told.
func (r *Revocations) Changed() <-chan struct{} { return r.changed }

// Add revokes. It is kept for good, and this gateway knows it, when it returns;
// the others know it within a second or two. What was revoked for longer stays so.
func (r *Revocations) Add(ctx context.Context, what Revocation) error {
	now := time.Now()
	if what.At.IsZero() {
		what.At = now
	}
	what.At = what.At.UTC().Truncate(time.Second)
	if !what.Until.IsZero() {
		what.Until = roundUp(what.Until)
	}
	if err := what.check(); err != nil {
		return fmt.Errorf("revoking: %w", err)
	}
	if !what.holds(now) {
		return errors.New("revoking: it would have ended already")
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin) // for both, or the list would get old meanwhile
	defer cancel()
	r.look.Lock()
	defer r.look.Unlock()
	if _, erased := r.current.Load().list[r.blind.name(what.Realm, what.Value)]; erased && what.Kind == RevokedSubject {
		what = *r.blind.erased(&what)
	}
	if err := r.from.add(ctx, &what); err != nil {
		return fmt.Errorf("revoking: %w", err)
	}
	if err := r.readAgain(ctx); err != nil {
		return fmt.Errorf("revoking: kept, but not in force here yet: %w", err)
	}
	return nil
}

// List returns what is in force, by kind, realm and value.
func (r *Revocations) List(ctx context.Context) ([]Revocation, error) {
	if err := r.refresh(ctx, lookWithin); err != nil {
		return nil, fmt.Errorf("listing revocations: %w", err)
	}
	return r.current.Load().list.live(time.Now()), nil
}

func (r *Revocations) refresh(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r.look.Lock()
	defer r.look.Unlock()
	return r.readAgain(ctx)
}

// readAgain looks at the source. Its caller holds r.look.
func (r *Revocations) readAgain(ctx context.Context) error {
	old, began := r.current.Load(), time.Now()
	list, err := r.from.read(ctx, old.list)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrRevocations, err)
		if r.strict {
			r.current.Store(&revokedView{list: old.list, erased: old.erased, at: old.at, err: err})
		}
		return err
	}
	next := &revokedView{list: list, erased: old.erased, at: began}
	if !list.is(old.list) {
		next.erased = list.nameless()
		defer r.tell()
	}
	r.current.Store(next)
	return nil
}

func (r *Revocations) tell() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// watch keeps the list fresh, and logs the first failure of several, and their
// end. It belongs to Revocations; Close waits for it.
func (r *Revocations) watch(ctx context.Context, every time.Duration) {
	defer close(r.done)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := r.refresh(ctx, lookWithin)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			r.log.Error("revocations cannot be read; everyone is refused until they can, at the latest when the limit has passed", "limit", revokedLimit, "error", err)
		case err == nil && failed:
			r.log.Info("revocations can be read again")
		}
		failed = err != nil
	}
}

// Close ends the watch. Checks after it soon refuse everyone.
func (r *Revocations) Close() error {
	r.stop()
	<-r.done
	return nil
}
