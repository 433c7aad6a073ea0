package queue_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/queue"
)

// worker is an upstream that serves so many calls at a time, and the others one after the other.
type worker struct {
	slots chan struct{}
	takes time.Duration
}

func newWorker(slots int, takes time.Duration) *worker {
	return &worker{slots: make(chan struct{}, slots), takes: takes}
}

func (w *worker) call() {
	w.slots <- struct{}{}
	time.Sleep(w.takes)
	<-w.slots
}

// crowd is so many callers who each make calls of a kind, one after the other.
type crowd struct {
	callers int
	kind    string
	call    func()
}

// load has a crowd make calls until stopped.
func load(ctx context.Context, q *queue.Queue, c crowd) (wait func()) {
	var all sync.WaitGroup
	for n := range c.callers {
		all.Go(func() {
			for ctx.Err() == nil {
				p, err := enter(ctx, q, fmt.Sprint(n), never)
				if err != nil {
					return
				}
				c.call()
				p.Leave(c.kind)
			}
		})
	}
	return all.Wait
}

// during runs a load for so long, and tells how many places there were at the end of it.
func during(t *testing.T, q *queue.Queue, d time.Duration, c crowd) int {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	wait := load(ctx, q, c)
	time.Sleep(d)
	places := q.Places()
	stop()
	wait()
	return places
}

// TestRES19_PlacesFollowWhatTheUpstreamBears has an upstream that serves 8 calls at a time meet 100
// callers: as many calls are made at once as keep it at work and no more, and when it has become
// faster all places are given out again.
func TestRES19_PlacesFollowWhatTheUpstreamBears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, w := queue.New(64, 256), newWorker(8, service)
		if got := during(t, q, 5*time.Second, crowd{4, "call", w.call}); got != 64 {
			t.Errorf("%d places before there was a load, want all 64", got)
		}
		if got := during(t, q, time.Minute, crowd{100, "call", w.call}); got < 8 || got > 24 {
			t.Errorf("%d places at an upstream that serves 8 at a time", got)
		}
		var served atomic.Int64
		during(t, q, 10*time.Second, crowd{100, "call", func() { w.call(); served.Add(1) }})
		if n := served.Load(); n < 780 {
			t.Errorf("%d calls in 10 s, of 800 that the upstream can do", n)
		}
		if got := during(t, q, time.Minute, crowd{100, "call", func() { time.Sleep(service) }}); got != 64 {
			t.Errorf("%d places at an upstream that bears any number", got)
		}
	})
}

// TestRES19_FailuresOpenNothing has the upstream that serves 8 calls at a time fail all at once: that says
// nothing of how many it bears, and as few are made at once as before. Callers who give up say less.
func TestRES19_FailuresOpenNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fails bool
	}{{"the upstream fails", true}, {"their callers give up", false}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, w := queue.New(64, 256), newWorker(8, service)
				during(t, q, 5*time.Second, crowd{4, "call", w.call})
				before := during(t, q, 20*time.Second, crowd{60, "call", w.call})
				got := during(t, q, 10*time.Second, crowd{60, "", func() {
					time.Sleep(service)
					if tc.fails {
						q.Ended()
					}
				}})
				if before > 24 || (got > 24) == tc.fails {
					t.Errorf("%d places, and %d after 10 s of failures", before, got)
				}
			})
		})
	}
}

// Callers who turn to what takes long, an upstream that became slow whatever is asked of it, and few
// calls at a time leave all places as they were.
func TestPlacesThatStay(t *testing.T) {
	sleep := func(d time.Duration) func() { return func() { time.Sleep(d) } }
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(64, 256)
		during(t, q, 10*time.Second, crowd{4, "quick", sleep(service)})
		during(t, q, 10*time.Second, crowd{4, "slow", sleep(10 * service)})
		ctx, stop := context.WithCancel(t.Context())
		wait := load(ctx, q, crowd{40, "quick", sleep(service)})
		if got := during(t, q, 30*time.Second, crowd{100, "slow", sleep(10 * service)}); got != 64 {
			t.Errorf("%d places where many calls are slow ones", got)
		}
		stop()
		wait()
	})
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(64, 256)
		during(t, q, 10*time.Second, crowd{4, "call", sleep(service)})
		if got := during(t, q, 3*time.Minute, crowd{100, "call", sleep(10 * service)}); got != 64 {
			t.Errorf("%d places at an upstream that takes longer for any number of calls", got)
		}
	})
}

// There are places whatever calls take: never fewer than an eighth or four, all of four or fewer, and
// again all when calls hang.
func TestPlacesThatAreNeverWithheld(t *testing.T) {
	for _, tc := range []struct{ places, least int }{{1, 1}, {4, 4}, {8, 4}, {100, 12}} {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New(tc.places, 2000)
			began := time.Now()
			worse := func() { time.Sleep(time.Since(began)/8 + service/2) } // ever longer, without an end
			ctx, stop := context.WithCancel(t.Context())
			wait := load(ctx, q, crowd{2 * tc.places, "call", worse})
			for range 60 {
				time.Sleep(time.Second)
				if got := q.Places(); got < tc.least || got > tc.places {
					t.Fatalf("%d of %d places, want %d at least", got, tc.places, tc.least)
				}
			}
			stop()
			wait()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		q, w := queue.New(64, 256), newWorker(2, service)
		during(t, q, 5*time.Second, crowd{2, "call", w.call})
		if got := during(t, q, 30*time.Second, crowd{100, "call", w.call}); got > 16 {
			t.Fatalf("%d places at an upstream that serves 2 at a time", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range 40 {
			all.Go(func() {
				if p, err := enter(ctx, q, fmt.Sprint(n), never); err == nil {
					<-ctx.Done()
					p.Leave("")
				}
			})
		}
		synctest.Wait()
		if taken, waiting := q.Depth(); taken > 16 || waiting != 40-taken {
			t.Fatalf("%d have a place and %d wait, at an upstream that serves 2 at a time", taken, waiting)
		}
		time.Sleep(5 * time.Second) // nobody comes, and nobody ends
		depth(t, q, 40, 0)
		stop()
		all.Wait()
	})
}
