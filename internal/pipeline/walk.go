package pipeline

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"strconv"
	"time"

	"doorward/internal/gate"
)

// walk is one exchange on the line. One goroutine uses it, except that a
// forwarder may emit from its own, one at a time.
type walk struct {
	line     *Line
	ex       *gate.Exchange
	client   gate.Client
	out      gate.Outcome
	final    bool // the final message has been delivered, or tried
	recorded bool
	sent     time.Time // when it went upstream
	sum      uint64    // of the message's bytes as they were decoded
	times    [gate.MaxStages]gate.StageTime
}

// errStop tells a forwarder to stop; the outcome already says why.
var errStop = errors.New("exchange has ended")

// judge runs the request stages from the given one on. The first that does not
// say Continue ends it.
func (w *walk) judge(ctx context.Context, from int) (out gate.Outcome) {
	var stage gate.Stage
	defer func() {
		if p := recover(); p != nil {
			out = failed(ctx, stage.Name(), panicked(p))
		}
	}()
	var message *gate.Message
	for i := from; i < len(w.line.Stages); i++ {
		stage = w.line.Stages[i]
		if i > decodeAt && !stage.Applies(w.ex.Call.Route) {
			continue
		}
		start := time.Now()
		v, err := stage.Judge(ctx, w.ex)
		w.took(stage.Name(), start)
		if i == decodeAt {
			w.ex.Trace.Settle(w.ex.Principal)
		}
		if err != nil {
			return failed(ctx, stage.Name(), err)
		}
		if v.Effect != gate.Continue {
			return refused(stage.Name(), v)
		}
		if i == decodeAt {
			if w.ex.Call.Batch != nil {
				return passed()
			}
			message = w.ex.Call.Message
			w.sum = w.hash()
			w.ex.Tally.RequestBytes = len(message.Raw)
		} else if i > decodeAt && w.ex.Call.Message != message {
			return edited(stage.Name())
		}
	}
	if w.ex.Principal == nil || w.ex.Call.Message == nil || w.ex.Call.Route.Action == gate.NoAction {
		return refused("", gate.Refuse(gate.CodeInternal, "the stages left no principal, message or action", ""))
	}
	if w.hash() != w.sum {
		return edited("")
	}
	return passed()
}

// took counts the time of a stage that began then. A reply stage runs once for each
// message.
func (w *walk) took(name string, begun time.Time) {
	d := time.Since(begun)
	w.line.Observe.Stage(name, d)
	tally := &w.ex.Tally
	for i := range tally.Stages {
		if tally.Stages[i].Name == name {
			tally.Stages[i].Time += d
			return
		}
	}
	if n := len(tally.Stages); n < len(w.times) {
		w.times[n] = gate.StageTime{Name: name, Time: d, At: begun.Sub(w.ex.Start)}
		tally.Stages = w.times[:n+1]
	}
}

func (w *walk) hash() uint64 { return maphash.Bytes(w.line.seed, w.ex.Call.Message.Raw) }

// edited refuses: what was judged must be byte for byte what is forwarded.
func edited(stage string) gate.Outcome {
	return refused(stage, gate.Refuse(gate.CodeStageEditedRequest, "a stage changed the request", ""))
}

// carryOut records the intent and forwards. Nothing goes upstream before the
// audit log has accepted the intent.
func (w *walk) carryOut(ctx context.Context) {
	begun := time.Now()
	err := w.line.Record.Intent(ctx, w.ex)
	w.took(stageRecord, begun)
	if err != nil {
		w.out = failed(ctx, stageRecord, err)
		w.out.Verdict.Code = gate.CodeAudit
		return
	}
	w.out.Intent = true
	w.sent = time.Now()
	w.ex.Tally.Sent = w.sent.Sub(w.ex.Start)
	err = w.forward(ctx)
	took := time.Since(w.sent)
	if !w.final && w.ex.Cached == "" {
		w.ex.Tally.Upstream = took - w.ex.Tally.Waited
	}
	w.line.Observe.Stage("forward", took)
	switch {
	case w.final || w.out.Verdict.Effect != gate.Continue:
		// Already decided by the final message or by a reply stage.
	case err != nil:
		intent := w.out.Intent
		w.out = failed(ctx, "forward", err)
		w.out.Intent = intent
	case w.ex.Call.Message.Kind == gate.Request && w.ex.Call.Route.Kind == gate.Request && !w.streams():
		w.out = gate.Outcome{Verdict: gate.Refuse(gate.CodeUpstreamProtocol, "the upstream gave no answer", ""), Stage: "forward", Status: statusFailed, Intent: true}
	default:
		w.out.Status = statusOK
	}
}

// streams tells whether the exchange ends without a final message: GET streams
// and DELETE are HTTP operations, not JSON-RPC requests.
func (w *walk) streams() bool {
	return w.ex.Call.Route.Action == gate.Stream || w.ex.Call.Route.Action == gate.Close
}

func (w *walk) forward(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return w.line.Forward.Forward(ctx, w.ex, w.emit)
}

// emit takes one message from the upstream to the client.
func (w *walk) emit(ctx context.Context, m *gate.Message) error {
	if w.final || w.out.Verdict.Effect != gate.Continue {
		return errStop
	}
	if m.Final() {
		if w.ex.Cached == "" {
			w.ex.Tally.Upstream = time.Since(w.sent) - w.ex.Tally.Waited // now, for the outcome that is recorded here
		}
		w.fault(m)
	}
	shown, out := w.review(ctx, m)
	if out.Verdict.Effect != gate.Continue {
		if !m.Final() {
			// A bad notification is dropped, a bad request declined; the call goes on.
			w.line.Log.WarnContext(ctx, "upstream message refused", "exchange", w.ex.ID, "trace_id", w.ex.Trace.TraceID(), "span_id", w.ex.Trace.SpanID(),
				"upstream", w.ex.Target.Upstream, "code", out.Verdict.Code, "reason", out.Verdict.Reason)
			if m.Kind == gate.Request {
				return gate.ErrDeclined
			}
			return nil
		}
		out.Intent = true
		w.out = out
		return errStop
	}
	w.ex.Tally.ReplyBytes += len(shown.Raw)
	if !m.Final() {
		return w.passOn(ctx, shown)
	}
	w.out.Status = statusOK
	if shown.Kind == gate.Failure {
		w.out.Status = statusError
	}
	w.record(ctx)
	if w.out.Verdict.Effect != gate.Continue {
		return errStop
	}
	w.final = true
	return w.client.Deliver(ctx, w.ex, shown)
}

// fault takes note of how the upstream's answer says that the call failed, for the
// spans of it.
func (w *walk) fault(m *gate.Message) {
	if !w.ex.Trace.Sampled {
		return
	}
	if m.Kind == gate.Failure {
		code, _ := m.Field("code")
		w.ex.Tally.Failure, _ = strconv.ParseInt(string(m.Bytes(code)), 10, 64) // 0: none
		return
	}
	says, _ := m.Field("isError")
	w.ex.Tally.ToolError = string(m.Bytes(says)) == "true"
}

// passOn delivers a notification or a server-to-client request.
func (w *walk) passOn(ctx context.Context, m *gate.Message) error {
	w.ex.Tally.Notifications++
	if m.Kind == gate.Request {
		w.ex.Tally.Asks++
		w.ask(ctx, m)
		if w.out.Verdict.Effect != gate.Continue {
			return errStop
		}
	}
	return w.client.Deliver(ctx, w.ex, m)
}

// ask puts a server-to-client request on record before the client sees it.
func (w *walk) ask(ctx context.Context, m *gate.Message) {
	err := w.line.Record.Event(ctx, gate.Event{
		Kind: "ask", Actor: w.ex.Target.Upstream, Upstream: w.ex.Target.Upstream,
		Exchange: w.ex.ID, Detail: m.Method, Status: statusOK,
	})
	if err != nil {
		intent := w.out.Intent
		w.out = failed(ctx, stageRecord, err)
		w.out.Verdict.Code, w.out.Intent = gate.CodeAudit, intent
	}
}

// review runs the reply stages over one message.
func (w *walk) review(ctx context.Context, m *gate.Message) (shown *gate.Message, out gate.Outcome) {
	var stage gate.ReplyStage
	defer func() {
		if p := recover(); p != nil {
			shown, out = m, failed(ctx, stage.Name(), panicked(p))
		}
	}()
	shown = m
	var i int
	for i, stage = range w.line.Replies {
		name, start := w.line.review[i], time.Now()
		next, v, err := stage.Review(ctx, w.ex, shown)
		w.took(name, start)
		if err != nil {
			return shown, failed(ctx, name, err)
		}
		if v.Effect != gate.Continue {
			return shown, refused(name, v)
		}
		if next != nil {
			shown = next
		}
	}
	out = w.out
	return shown, out
}

// record writes the outcome once; an outcome that cannot be written becomes a
// refusal, whatever it was. A cancelled client does not stop the writing.
func (w *walk) record(ctx context.Context) {
	if w.recorded {
		return
	}
	w.recorded = true
	if err := w.line.Record.Outcome(context.WithoutCancel(ctx), w.ex, w.out); err != nil {
		intent := w.out.Intent
		w.out = failed(ctx, stageRecord, err)
		w.out.Verdict.Code, w.out.Intent = gate.CodeAudit, intent
	}
}

// finish records what is not yet on record and answers a refusal.
func (w *walk) finish(ctx context.Context) {
	w.record(ctx)
	if w.out.Err != nil {
		level := slog.LevelWarn
		if w.out.Verdict.Code == gate.CodeCancelled && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			level = slog.LevelDebug // its client hung up or cancelled it
		}
		w.line.Log.Log(ctx, level, "exchange failed", "exchange", w.ex.ID, "trace_id", w.ex.Trace.TraceID(), "span_id", w.ex.Trace.SpanID(), "stage", w.out.Stage,
			"code", w.out.Verdict.Code, "error", w.out.Err)
	}
	if w.out.Verdict.Effect != gate.Continue && !w.final {
		if err := w.client.Refuse(ctx, w.ex, w.out); err != nil {
			w.line.Log.DebugContext(ctx, "client gone", "exchange", w.ex.ID, "error", err)
		}
	}
	w.line.Observe.Done(w.ex, w.out)
}
