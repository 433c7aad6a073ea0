// Package pipeline is the one straight line that every message walks: the
// request stages in order, the record of the intent, the forward, the reply
// stages for each message that comes back, the record of the outcome.
//
// listen calls it for each client message and the upstream adapter for what an
// upstream sends outside a call. It knows no protocol, no policy and no
// transport, and it fails closed: an error, a panic or a zero verdict refuses.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"runtime/debug"
	"time"

	"doorward/internal/gate"
)

// Observer is told how long each stage took and how each exchange ended.
// telemetry implements it.
type Observer interface {
	// Sample tells whether the spans of an exchange are kept. It is asked once, before
	// anything is forwarded.
	Sample(*gate.Exchange) bool
	Stage(name string, d time.Duration)
	Done(*gate.Exchange, gate.Outcome)
}

// Config is what a Line is made of. Every field but Log is required.
type Config struct {
	Stages  []gate.Stage      // in order; the first is "identify", the second "decode"
	Replies []gate.ReplyStage // in order
	Forward gate.Forwarder
	Record  gate.Recorder
	Observe Observer
	Log     *slog.Logger // nil discards
}

// Line is the gateway as an ordered list of stages around one forward. It is
// immutable; a reload builds another.
type Line struct {
	Config
	seed   maphash.Seed
	review []string // names of Replies, as they are recorded and measured
}

// decodeAt is where the items of a batch join the line: after identify.
const decodeAt = 1

// New checks the order of the list and that nothing is missing.
func New(cfg Config) (*Line, error) {
	if cfg.Forward == nil || cfg.Record == nil || cfg.Observe == nil {
		return nil, errors.New("pipeline: forward, record and observe are required")
	}
	if len(cfg.Stages) <= decodeAt || cfg.Stages[0].Name() != "identify" || cfg.Stages[decodeAt].Name() != "decode" {
		return nil, errors.New("pipeline: the line begins with identify and decode")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Line{Config: cfg, seed: maphash.MakeSeed()}
	for _, stage := range cfg.Replies {
		l.review = append(l.review, "reply."+stage.Name())
	}
	return l, nil
}

// Serve walks one client message along the line and answers the client through
// client. It returns when the exchange has ended and its outcome is on record.
func (l *Line) Serve(ctx context.Context, ex *gate.Exchange, client gate.Client) {
	l.serve(ctx, ex, client, 0)
}

func (l *Line) serve(ctx context.Context, ex *gate.Exchange, client gate.Client, from int) {
	w := &walk{line: l, ex: ex, client: client}
	if ex.Trace == (gate.Trace{}) {
		ex.Trace = gate.BeginTrace(ex.Inbound.Header)
	}
	w.out = w.judge(ctx, from)
	ex.Trace.Sampled = l.Observe.Sample(ex)
	switch {
	case w.out.Verdict.Effect != gate.Continue:
	case ex.Call.Batch != nil:
		l.batch(ctx, ex, client)
		return
	default:
		w.carryOut(ctx)
	}
	w.finish(ctx)
}

// batch serves each item of a 2025-03-26 batch as an exchange of its own: each
// is decided, forwarded and recorded for itself, in order.
func (l *Line) batch(ctx context.Context, ex *gate.Exchange, client gate.Client) {
	for i, item := range ex.Call.Batch {
		child := &gate.Exchange{
			ID:        fmt.Sprintf("%s.%d", ex.ID, i),
			Start:     time.Now(),
			Trace:     ex.Trace.Next(),
			Inbound:   ex.Inbound,
			Principal: ex.Principal,
		}
		child.Inbound.Body = func(context.Context) ([]byte, error) { return item, nil }
		l.serve(ctx, child, client, decodeAt)
	}
}

// Push walks a message that an upstream sent outside any call through the reply
// stages and on to the client that ex names. A refused one goes no further;
// either way its outcome is on record.
func (l *Line) Push(ctx context.Context, ex *gate.Exchange, m *gate.Message, client gate.Client) {
	w := &walk{line: l, ex: ex, client: client, out: passed()}
	ex.Trace = gate.BeginTrace(nil)
	m, w.out = w.review(ctx, m)
	if w.out.Verdict.Effect == gate.Continue {
		w.out.Status = statusOK
		if m.Kind == gate.Request {
			w.ask(ctx, m)
		}
	}
	w.record(ctx)
	if w.out.Verdict.Effect == gate.Continue {
		if err := client.Deliver(ctx, ex, m); err != nil {
			l.Log.DebugContext(ctx, "client gone", "exchange", ex.ID, "error", err)
		}
	}
	l.Observe.Done(ex, w.out)
}

// stageRecord is what the writing of an intent is called, beside the stages.
const stageRecord = "record"

// The words for how an exchange ended, in the audit log and the metrics.
const (
	statusOK      = "ok"      // carried out
	statusError   = "error"   // carried out; the upstream answered with an error
	statusRefused = "refused" // a stage said no
	statusFailed  = "failed"  // could not be carried out
)

func passed() gate.Outcome { return gate.Outcome{Verdict: gate.Pass()} }

func refused(stage string, v gate.Verdict) gate.Outcome {
	if v.Code == gate.CodeUnset {
		v.Code, v.Reason = gate.CodeInternal, "stage refused without a code: "+v.Reason
	}
	return gate.Outcome{Verdict: v, Stage: stage, Status: statusRefused}
}

// failed turns an error into an outcome. What the client may read is only what
// a *gate.Error says it may.
func failed(ctx context.Context, stage string, err error) gate.Outcome {
	v := gate.Verdict{Effect: gate.Deny, Code: gate.CodeOf(err), Reason: err.Error()}
	if e, ok := errors.AsType[*gate.Error](err); ok {
		v.Public, v.Wait = e.Public, e.Wait
	} else if ctx.Err() != nil {
		v.Code = gate.CodeCancelled
	}
	return gate.Outcome{Verdict: v, Stage: stage, Err: err, Status: statusFailed}
}

// panicked reports a panic as an error that carries its stack, for the log.
func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }
