package gatetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How often a Stopwatch looks, and how much of the time between two looks counts: what is
// more is time in which the machine let nobody of this process run.
const (
	beat       = 10 * time.Millisecond
	mostOfBeat = 5 * beat
)

// Stopwatch tells how long something takes while the machine lets this process run. It is
// for bounds of seconds that a gateway has to keep: a machine that pauses, or that others
// keep busy, says nothing of the gateway. Where nothing holds the process up it is the
// clock, to a few hundredths of a second.
type Stopwatch struct {
	ran  atomic.Int64 // nanoseconds
	stop chan struct{}
	end  func() // once
	done sync.WaitGroup
}

// Start starts one. It ends with the test, if nobody stops it before.
func Start(t testing.TB) *Stopwatch {
	w := &Stopwatch{stop: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.stop); w.done.Wait() })
	t.Cleanup(w.end)
	last := time.Now()
	w.done.Go(func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			stopped := false
			select {
			case <-w.stop:
				stopped = true
			case <-tick.C:
			}
			now := time.Now()
			w.ran.Add(int64(min(now.Sub(last), mostOfBeat)))
			last = now
			if stopped {
				return
			}
		}
	})
	return w
}

// Read is how long it has been so far.
func (w *Stopwatch) Read() time.Duration { return time.Duration(w.ran.Load()) }

// Stop ends it, and returns how long it was.
func (w *Stopwatch) Stop() time.Duration {
	w.end()
	return w.Read()
}
