package upstream

import (
	"context"
	"errors"
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
	for ctx.Err() == nil {
		want := t.wanted()
		if want.empty() {
			t.told(want, want)
			select {
			case <-t.changed:
			case <-ctx.Done():
			}
			continue
		}
		ended, err := t.until(ctx, want)
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

// until listens for what is wanted until more is wanted, or it ends by itself.
func (t *tuned) until(ctx context.Context, want wanted) (ended bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	f := *t.follower
	var honoured atomic.Pointer[wanted]
	f.told = func(w wanted) { honoured.Store(&w); t.told(want, w) }
	over := make(chan struct{})
	var why error
	go func() { defer close(over); why = f.run(ctx, want) }()
	defer func() { stop(); <-over }()
	for {
		select {
		case <-over:
			return true, why
		case <-t.changed:
			if !want.covers(t.wanted()) {
				return false, nil
			}
			if w := honoured.Load(); w != nil { // for those who came since
				t.told(want, *w)
			}
		case <-ctx.Done():
			return false, nil
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
