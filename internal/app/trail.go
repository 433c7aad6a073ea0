package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/monitor/figures"
)

// trail is the audit log as everybody writes to it but the monitor: what is on record
// the monitor is told of, and of a log that takes no records too. It is a
// gate.Recorder.
type trail struct {
	log                     *audit.Log
	watch                   *monitor.Monitor
	counted                 func(figures.Fact) // is told of every record, too
	tried, recorded, failed atomic.Uint64
	since                   time.Time // a moment of both clocks

	opening sync.Mutex   // guards the rest, and watch while it is set
	early   []gate.Event // that the log wrote before there was a monitor
}

// watched begins to tell a monitor, also of what the log has written already.
func (t *trail) watched(m *monitor.Monitor) {
	t.opening.Lock()
	defer t.opening.Unlock()
	t.watch = m
	for i := range t.early {
		e := monitor.OfEvent(&t.early[i], nil, time.Now())
		m.Tell(&e)
	}
	t.early = nil
}

// own takes note of an event that the log has put on record by itself.
func (t *trail) own(ev gate.Event) {
	t.tried.Add(1)
	t.recorded.Add(1)
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.watch == nil {
		t.early = append(t.early, ev) // a few: what Open writes
		return
	}
	e := monitor.OfEvent(&ev, nil, time.Now())
	t.watch.Tell(&e)
}

// Intent implements gate.Recorder.
func (t *trail) Intent(ctx context.Context, ex *gate.Exchange) error {
	t.tried.Add(1)
	return t.done(ctx, t.log.Intent(ctx, ex))
}

// Outcome implements gate.Recorder.
func (t *trail) Outcome(ctx context.Context, ex *gate.Exchange, out gate.Outcome) error {
	t.tried.Add(1)
	err := t.done(ctx, t.log.Outcome(ctx, ex, out))
	if err == nil {
		now := time.Now()
		e := monitor.OfExchange(ex, &out, now)
		e.Call = t.watch.Alike(ex)
		t.watch.Tell(&e)
		t.counted(figures.OfOutcome(ex, &out, now))
	}
	return err
}

// Event implements gate.Recorder.
func (t *trail) Event(ctx context.Context, ev gate.Event) error { return t.EventOf(ctx, nil, ev) }

// EventOf is Event, of which it is known which exchange led to it.
func (t *trail) EventOf(ctx context.Context, ex *gate.Exchange, ev gate.Event) error {
	t.tried.Add(1)
	err := t.done(ctx, t.log.Event(ctx, ev))
	if err == nil {
		now := time.Now()
		e := monitor.OfEvent(&ev, ex, now)
		t.watch.Tell(&e)
		t.counted(figures.OfEvent(&ev, now))
	}
	return err
}

// done counts what came of a record. One whose caller has given up says nothing of
// the log.
func (t *trail) done(ctx context.Context, err error) error {
	switch {
	case err == nil:
		t.recorded.Add(1)
	case ctx.Err() != nil:
		t.tried.Add(^uint64(0))
	default:
		t.failed.Add(1)
	}
	return err
}

// pulse is how the log is doing.
func (t *trail) pulse() monitor.Pulse {
	p := monitor.Pulse{Tried: t.tried.Load()} // first, or what was recorded meanwhile would look late
	now := time.Now()
	p.Ahead = now.Round(0).Sub(t.since.Round(0)) - now.Sub(t.since)
	p.DiskUsed = t.log.Stats().DiskUsed
	p.Recorded, p.Failed, p.Healthy = t.recorded.Load(), t.failed.Load(), t.log.Healthy()
	return p
}
