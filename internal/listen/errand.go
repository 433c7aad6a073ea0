package listen

import (
	"context"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// errand is one message of a client whose connection is its session, and the
// client's end of it.
type errand struct {
	pipe   *pipe
	ex     *gate.Exchange
	cancel context.CancelFunc
	own    ceiling.Holding  // of a message that did not come by POST
	held   *ceiling.Holding // own, or that of the POST
	line   []byte           // pipe.mu guards it and endless
	// endless is a subscriptions/listen: it goes on until somebody ends it.
	endless bool
	// said gets, of a message that came by POST, what the POST is answered with.
	// Only the first is read. Nil for a message that needs no such answer.
	said chan rendered

	mu       sync.Mutex
	dropped  bool // the client has cancelled it and wants no answer
	answered bool
	batch    [][]byte
}

// errand makes an exchange of a line, or of the error that took its place.
func (p *pipe) errand(data []byte, failure error) *errand {
	now := time.Now()
	ex := &gate.Exchange{ID: NewExchangeID(now), Start: now, Inbound: p.inbound}
	ex.Inbound.Session = p.sessionID()
	e := &errand{pipe: p, ex: ex, line: data}
	e.held = &e.own
	ex.Inbound.Body = e.body(data, failure)
	ex.Inbound.Decoded = e.decoded
	return e
}

// decoded is called once the message has been read.
func (e *errand) decoded() {
	e.say(acknowledged())
	if e.ex.Call.Route.Action != gate.Listen {
		return
	}
	e.held.Idle() // it waits from here on, and is there
	e.pipe.mu.Lock()
	defer e.pipe.mu.Unlock()
	if e.endless = true; e.pipe.over {
		e.cancel()
	}
}

// walk walks the message along the line of stages. The pipe has let it enter.
func (e *errand) walk(ctx context.Context) {
	defer e.rescue()
	e.pipe.server.cfg.Serve(ctx, e.ex, e)
	e.end()
}

// rescue answers a panic. The pipeline recovers its own; one here is a fault of
// this package.
func (e *errand) rescue() {
	if p := recover(); p != nil {
		e.pipe.server.cfg.Log.Error("panic while answering", "exchange", e.ex.ID, "trace_id", e.ex.Trace.TraceID(), "span_id", e.ex.Trace.SpanID(), "panic", p, "stack", string(debug.Stack()))
		_ = e.Refuse(context.Background(), e.ex, gate.Outcome{}) // the way to the client is what may be broken
	}
}

// Deliver implements gate.Client.
func (e *errand) Deliver(ctx context.Context, ex *gate.Exchange, m *gate.Message) error {
	if ex.Call.Route.Action == gate.Handshake && m.Final() && ex.Call.Session != nil {
		e.pipe.settle(ex, m)
	}
	return e.write(ctx, ex, mcp.OneLine(mcp.ForClient(ex, m)), m.Final())
}

// Refuse implements gate.Client. Of a message that came by POST it answers the
// POST when there is no request to answer, and otherwise the request.
func (e *errand) Refuse(ctx context.Context, ex *gate.Exchange, out gate.Outcome) error {
	if ex.Call.Route.Action == gate.Handshake {
		e.pipe.server.sessions.drop(ex.Call.Session)
	}
	r := render(ex, out, e.pipe.server.cfg.Settings())
	if e.said != nil && ex == e.ex && !r.waits {
		e.say(r)
	} else if !r.silent {
		e.say(acknowledged())
		return e.write(ctx, ex, r.body, true)
	}
	e.mu.Lock()
	e.answered = true
	e.mu.Unlock()
	return nil // JSON-RPC answers no notification
}

// acknowledged is the answer to a POST whose message was taken.
func acknowledged() rendered { return rendered{status: http.StatusAccepted} }

// say answers the POST, if there is one that has no answer.
func (e *errand) say(r rendered) {
	select {
	case e.said <- r:
	default: // a nil channel too
	}
}

// write writes a message, or keeps the answer to one message of a batch.
func (e *errand) write(ctx context.Context, ex *gate.Exchange, data []byte, final bool) error {
	e.mu.Lock()
	dropped := e.dropped
	if final && !dropped && ex != e.ex {
		if !e.held.Grow(int64(len(data))) {
			data = unheld(ex, e.pipe.server.cfg.Settings())
		}
		e.batch = append(e.batch, data)
		e.mu.Unlock()
		return nil
	}
	e.answered = e.answered || final
	e.mu.Unlock()
	if dropped {
		return nil
	}
	return e.pipe.write(ctx, data)
}

// end writes the answers to a batch, and acts on a cancellation that passed the
// line.
func (e *errand) end() {
	e.say(acknowledged())
	m := e.ex.Call.Message
	switch {
	case e.batch != nil:
		_ = e.pipe.write(context.Background(), array(e.batch)) // a client that is gone has no use for the error
	case m != nil && m.Kind == gate.Notification && !e.answered && e.ex.Call.Route.Action == gate.Cancel:
		e.pipe.cancelled(e.ex)
	}
}
