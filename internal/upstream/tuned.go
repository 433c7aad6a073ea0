package upstream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// tuned is a listen that follows what is wanted of it: anew each time that this
// changes, and again after a while when the upstream does not listen.
type tuned struct {
	follower *follower
	wanted   func() wanted                // what is wanted now
	told     func(asked, honoured wanted) // what the upstream says to that
	changed  chan struct{}                // what is wanted changed; room for one
}

func newTuned(f *follower, want func() wanted, told func(asked, honoured wanted)) *tuned {
	f.lapse = &lapse{} // for all of its listens
	return &tuned{follower: f, wanted: want, told: told, changed: make(chan struct{}, 1)}
}

// wake makes run look again at what is wanted.
func (t *tuned) wake() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// run listens until ctx ends or the upstream is configured no more.
func (t *tuned) run(ctx context.Context) {
	stands := func() {} // ends the listen that stands until the next one does
	defer func() { stands() }()
	for ctx.Err() == nil {
		want := t.wanted()
		if want.empty() {
			stands()
			stands = func() {}
			t.told(want, want)
			select {
			case <-t.changed:
			case <-ctx.Done():
			}
			continue
		}
		var ended bool
		var err error
		ended, stands, err = t.until(ctx, want, stands)
		switch {
		case !ended:
		case errors.Is(err, errReplaced):
			return
		default:
			t.told(want, wanted{})
			t.rest(ctx)
		}
	}
}

// until listens for what is wanted until more is wanted, or it ends by itself. before ends the listen that this one takes
// the place of, once the upstream has agreed to this one: nothing is missed between them. stands is the same for the
// next. What listens for all who share a link cannot have two there (see farewell), and misses what comes between.
func (t *tuned) until(ctx context.Context, want wanted, before func()) (ended bool, stands func(), err error) {
	ctx, stop := context.WithCancel(ctx)
	f := *t.follower
	var honoured atomic.Pointer[wanted]
	f.told = func(w wanted) { before(); honoured.Store(&w); t.told(want, w); t.wake() }
	over := make(chan struct{})
	var why error
	go func() { defer close(over); why = f.run(ctx, want) }()
	end := sync.OnceFunc(func() { stop(); <-over })
	late := time.NewTimer(ackTimeout)
	defer late.Stop()
	for silent := false; ; {
		select {
		case <-over:
			before()
			stop()
			return true, func() {}, why
		case <-late.C:
			silent = true
		case <-t.changed:
		case <-ctx.Done():
			before()
			end()
			return false, func() {}, nil
		}
		w := honoured.Load()
		switch {
		case want.covers(t.wanted()):
			if w != nil { // for those who came since
				t.told(want, *w)
			}
		case f.alone, silent && w == nil:
			end()
			return false, before, nil
		case w != nil:
			return false, end, nil
		}
	}
}

// rest waits for the time after which an upstream that would not listen is asked
// again, or until something else is wanted.
func (t *tuned) rest(ctx context.Context) {
	timer := time.NewTimer(relistenMax)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.changed:
	case <-ctx.Done():
	}
}
