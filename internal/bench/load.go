package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// cell is one way of loading a target.
type cell struct {
	era         era
	connections int
	payload     int // bytes of the echoed text
}

func (c cell) String() string {
	return fmt.Sprintf("%-9s %2d × %-5s", c.era, c.connections, payloadName(c.payload))
}

// sample is what one run of a cell measured. NaN is a figure that there is not.
type sample struct {
	perSecond float64
	p50, p99  float64 // µs
	cpu       float64 // µs of the target's processor time a call
	allocs    float64 // objects a call
	bytes     float64 // bytes allocated a call
	rss       float64 // bytes, at the end
	failed    int64   // calls without a right answer
	reason    string  // of the first that failed
}

// The phases of a run.
const (
	warming = iota
	measuring
	stopping
)

const (
	warmUp      = 250 * time.Millisecond
	maxFailures = 100              // of one run, before it is given up
	grace       = 15 * time.Second // for the last calls
)

// drive is one run of a cell on a target.
type drive struct {
	s        *stand
	t        *target
	c        cell
	deadline time.Time
	phase    atomic.Int32
	done     atomic.Int64 // calls answered, in every phase
	failed   atomic.Int64
	mu       sync.Mutex
	first    error // of those that failed; mu
	fatal    context.CancelCauseFunc
}

// drive loads t with c and measures it for window.
func (s *stand) drive(ctx context.Context, t *target, c cell, window time.Duration) (sample, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &drive{s: s, t: t, c: c, deadline: time.Now().Add(warmUp + window + grace), fatal: cancel}
	workers := make([]*worker, c.connections)
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	for i := range workers {
		w, err := d.open(ctx)
		if err != nil {
			return sample{}, fmt.Errorf("%s, %s: %w", t.name, c, err)
		}
		workers[i] = w
	}
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() { w.run(ctx) })
	}
	got, err := d.measure(ctx, window, &wg)
	if err != nil {
		return sample{}, fmt.Errorf("%s, %s: %w", t.name, c, err)
	}
	var all []uint32
	for _, w := range workers {
		all = append(all, w.latencies...)
		w.end()
	}
	slices.Sort(all)
	got.p50, got.p99 = quantile(all, 0.50), quantile(all, 0.99)
	if got.failed = d.failed.Load(); got.failed > 0 {
		got.reason = d.first.Error()
	}
	return got, nil
}

// measure waits for the workers to warm up, reads the target's counters around
// the window, and ends the workers, on every path.
func (d *drive) measure(ctx context.Context, window time.Duration, wg *sync.WaitGroup) (sample, error) {
	stop := sync.OnceFunc(func() {
		d.phase.Store(stopping)
		wg.Wait()
	})
	defer stop()
	if err := pause(ctx, warmUp); err != nil {
		return sample{}, err
	}
	before, mallocsFrom, err := d.memory(ctx)
	if err != nil {
		return sample{}, err
	}
	pid := d.t.proc.pid()
	cpu, calls, began := cpuTime(pid), d.done.Load(), time.Now()
	d.phase.Store(measuring)
	if err := pause(ctx, window); err != nil {
		return sample{}, err
	}
	d.phase.Store(stopping)
	took := time.Since(began)
	n := float64(d.done.Load() - calls)
	cpu = cpuTime(pid) - cpu
	rss := residentSet(pid)
	stop()
	if err := context.Cause(ctx); err != nil {
		return sample{}, err
	}
	after, mallocsTo, err := d.memory(ctx)
	if err != nil {
		return sample{}, err
	}
	if n == 0 {
		return sample{}, errors.New("no call was answered within the window")
	}
	counted := float64(mallocsTo - mallocsFrom)
	return sample{
		perSecond: n / took.Seconds(),
		cpu:       cpu / 1e3 / n,
		allocs:    (after.mallocs - before.mallocs - d.t.scrape.mallocs) / counted,
		bytes:     (after.bytes - before.bytes - d.t.scrape.bytes) / counted,
		rss:       rss,
	}, nil
}

// memory reads the target's own counters and how many calls they cover.
func (d *drive) memory(ctx context.Context) (memory, int64, error) {
	if d.t.metrics == "" {
		return memory{mallocs: math.NaN(), bytes: math.NaN()}, d.done.Load(), nil
	}
	m, err := readMemory(ctx, d.t.metrics)
	return m, d.done.Load(), err
}

// quantile is the value at q of sorted nanoseconds, in µs.
func quantile(sorted []uint32, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1e3
}

// worker is one connection, in the stateful era with a session of its own.
type worker struct {
	d         *drive
	w         *wire
	session   string
	call      *call
	latencies []uint32 // ns of the calls answered within the window
}

func (d *drive) open(ctx context.Context) (*worker, error) {
	w := &worker{d: d, latencies: make([]uint32, 0, 1<<14)}
	return w, w.connect(ctx)
}

func (w *worker) connect(ctx context.Context) error {
	var err error
	if w.w, err = dial(ctx, w.d.t.at.address, w.d.deadline); err != nil {
		return err
	}
	if w.d.c.era == stateful {
		if w.session, err = open(w.w, w.d.t.at); err != nil {
			return err
		}
	}
	w.call = newCall(w.d.t.at, w.d.c.era, w.session, w.d.c.payload)
	return nil
}

// run calls until the run stops or ctx ends.
func (w *worker) run(ctx context.Context) {
	for w.d.phase.Load() != stopping {
		took, err := w.once()
		if err != nil {
			if !w.recover(ctx, err) {
				return
			}
			continue
		}
		w.d.done.Add(1)
		if w.d.phase.Load() == measuring {
			w.latencies = append(w.latencies, took)
		}
	}
}

// once makes one call and checks its answer. It returns nanoseconds.
func (w *worker) once() (uint32, error) {
	w.call.stamp(w.d.s.nextID())
	began := time.Now()
	a, err := w.w.roundTrip(w.call.raw)
	if err != nil {
		return 0, err
	}
	took := min(time.Since(began), math.MaxUint32)
	return uint32(took), w.call.check(a)
}

// recover counts a failed call and connects again; false ends the worker. An
// answer to another request ends the whole run.
func (w *worker) recover(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	d := w.d
	d.mu.Lock()
	if d.first == nil {
		d.first = err
	}
	d.mu.Unlock()
	if n := d.failed.Add(1); n >= maxFailures || errors.Is(err, errForeign) {
		d.fatal(fmt.Errorf("%d calls failed: %w", n, err))
		return false
	}
	w.w.close()
	if err := w.connect(ctx); err != nil {
		d.fatal(fmt.Errorf("connecting again: %w", err))
		return false
	}
	return true
}

// end closes the session, so that the next run's find room.
func (w *worker) end() {
	if w.session != "" {
		end(w.w, w.d.t.at, w.session)
	}
}

func (w *worker) close() {
	if w != nil && w.w != nil {
		w.w.close()
	}
}
