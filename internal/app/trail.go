package app

import (
	"context"
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
	p.Recorded, p.Failed, p.Healthy = t.recorded.Load(), t.failed.Load(), t.log.Healthy()
	return p
}
