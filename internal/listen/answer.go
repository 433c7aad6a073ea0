package listen

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// errGone says that the client cannot be reached any more.
var errGone = errors.New("the client is gone")

// errNoStream says that a server-to-client request has no way to the client.
var errNoStream = errors.New("the client takes no stream that a request could be sent on")

// answer is the client's end of a POST. It answers with JSON when the answer
// comes first, and turns into an SSE stream when something else comes before,
// or when the answer takes long.
type answer struct {
	visit     *visit
	ex        *gate.Exchange
	own       gate.Exchange      // what ex points to: one allocation with the answer
	session   *session           // the one that the header names, whoever owns it, until check
	joined    *session           // the one that the call is one of, also after check
	cancel    context.CancelFunc // of a call that belongs to a session
	follows   func() bool        // keeps a call from ending with its connection; nil where it does not
	accept    accept
	stateless bool
	endless   bool // it says that it listens

	mu     sync.Mutex // the keep-alive timer writes too
	phase  phase
	gone   bool // what is written does not arrive
	timer  *time.Timer
	stream *stream // set when the client can come back for the events
	hold   *holder
	batch  [][]byte // the answers so far to a batch that is answered with JSON
}

// phase is how far an answer has got.
type phase uint8

const (
	fresh     phase = iota // nothing is written
	streaming              // an SSE stream
	finished               // nothing more may be written
)

// post serves a message. A stateless client that goes away cancels its call; in
// the stateful era the call goes on, and belongs to the session (2025-11-25,
// Streamable HTTP: "disconnection SHOULD NOT be interpreted as cancelling").
func (v *visit) post() {
	if !v.enter() {
		return
	}
	defer v.held.Leave()
	ctx := v.r.Context()
	a := &answer{visit: v, accept: accepted(v.r.Header), stateless: stateless(v.r.Header)}
	a.own = v.exchange("")
	a.ex = &a.own
	a.ex.Inbound.Body = a.body
	if a.endless = a.stateless && v.r.Header.Get(mcp.HeaderMethod) == "subscriptions/listen"; a.endless {
		// It has no end of its own: Shutdown gives it one.
		listening, cancel := context.WithCancel(ctx)
		defer cancel()
		defer v.guard(cancel)()
		v.server.endless.join(a, cancel)
		defer v.server.endless.leave(a)
		ctx = listening
	}
	if id := v.r.Header.Get(mcp.HeaderSession); id != "" && !a.stateless {
		detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		a.cancel = cancel
		if se := v.server.sessions.get(id); se != nil {
			a.session = se
			a.join(se)
		} else { // it may be another replica's
			a.follows = context.AfterFunc(ctx, cancel)
			a.ex.Inbound.Decoded = a.adopted
			defer a.follows()
		}
		defer a.part()
		ctx = detached
	}
	defer a.end()
	v.server.cfg.Serve(ctx, a.ex, a)
}

// join makes the call one of the session's, which ends it.
func (a *answer) join(se *session) {
	a.joined = se
	se.calls.join(a, a.cancel)
}

// part undoes join.
func (a *answer) part() {
	a.mu.Lock()
	se := a.joined
	a.mu.Unlock()
	if se != nil {
		se.calls.leave(a)
	}
}

// adopted gives the call its session, once decode has found that this server goes on with it.
func (a *answer) adopted() {
	gs := a.ex.Call.Session
	if gs == nil || a.ex.Call.Route.Action == gate.Handshake { // initialize is no call of the session that it begins
		return
	}
	se := a.visit.server.sessions.get(gs.ID)
	a.mu.Lock()
	defer a.mu.Unlock()
	if se == nil || a.joined != nil {
		return
	}
	a.session = se
	a.join(se)
	a.follows()
	if a.accept.sse && a.phase == fresh && a.timer == nil {
		a.timer = time.AfterFunc(a.visit.server.cfg.Limits.KeepAlive, a.keepAlive)
	}
}

// body reads the body, and from then on keeps the connection alive.
func (a *answer) body(ctx context.Context) ([]byte, error) {
	raw, err := a.visit.body(ctx, a.ex.Principal)
	if a.endless {
		a.visit.held.Idle() // it waits from here on, and is there
	}
	// initialize comes without a session; its answer carries a header and cannot
	// be a stream that started before.
	if err == nil && a.accept.sse && a.streams() {
		a.mu.Lock()
		a.timer = time.AfterFunc(a.visit.server.cfg.Limits.KeepAlive, a.keepAlive)
		a.mu.Unlock()
	}
	return raw, err
}

// keepAlive runs on the timer.
func (a *answer) keepAlive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.phase == finished || a.gone || a.phase == fresh && a.start() != nil {
		return
	}
	if a.visit.r.Context().Err() != nil || a.visit.out.comment() != nil {
		a.leave()
		return
	}
	a.timer.Reset(a.visit.server.cfg.Limits.KeepAlive)
}

// start turns the answer into a stream. Answers of a batch that are there
// already go first. Called with the lock.
func (a *answer) start() error {
	a.phase = streaming
	if err := a.visit.out.stream(); err != nil {
		a.leave()
	}
	if a.session != nil && a.session.Version >= mcp.V20250326 {
		a.hold = newHolder()
		a.stream = a.session.log.open(a.hold)
		if a.session.Version >= mcp.V20251125 && !a.gone {
			if err := a.visit.out.prime(a.stream.id(0)); err != nil {
				a.leave()
			}
		}
	}
	for _, done := range a.batch {
		if err := a.write(done); err != nil {
			return err
		}
	}
	a.batch = nil
	return nil
}

// leave notes that the client's connection is lost. Called with the lock.
func (a *answer) leave() {
	a.gone = true
	if a.stream != nil {
		a.session.log.release(a.stream, a.hold)
		a.hold = nil
	}
}

// write sends one event of the stream, and keeps it for a client that can come
// back. Called with the lock.
func (a *answer) write(data []byte) error {
	if !a.gone && a.visit.r.Context().Err() != nil {
		a.leave()
	}
	id := ""
	if a.stream != nil {
		seq, mine := a.session.log.append(a.stream, data, a.hold)
		if !mine { // it waits for a GET, or one carries the stream now
			return nil
		}
		id = a.stream.id(seq)
	}
	if a.gone {
		return errGone
	}
	if err := a.visit.out.event(id, data); err != nil {
		a.leave()
		if a.stream == nil {
			return errGone
		}
	}
	return nil
}

// check lets go of the session that the header names when decode has not found
// the exchange to belong to it: until then it was a claim, and nothing of the
// exchange may get into its log. Called with the lock.
func (a *answer) check() {
	if a.session == nil || a.ex.Call.Session != nil && a.ex.Call.Session.ID == a.session.ID {
		return
	}
	if a.stream != nil {
		a.session.log.finish(a.stream)
	}
	a.session, a.stream, a.hold = nil, nil, nil
}

// Deliver implements gate.Client.
func (a *answer) Deliver(_ context.Context, ex *gate.Exchange, m *gate.Message) error {
	if ex.Call.Route.Action != gate.Handshake {
		return a.deliver(ex, m)
	}
	if !m.Final() { // there is no session yet that could have messages
		return a.unasked(m)
	}
	a.settle(ex, m)
	err := a.deliver(ex, m)
	if err != nil {
		a.visit.server.sessions.drop(ex.Call.Session)
	}
	return err
}

func (a *answer) deliver(ex *gate.Exchange, m *gate.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.check()
	if a.phase == fresh {
		a.pace()
	}
	if m.Final() && ex == a.ex && a.phase == fresh {
		if status := replyStatus(ex, m); a.plain(status) {
			return a.whole(status, a.visit.pack(ex, m, mcp.PiecesForClient(ex, m))...)
		}
	}
	data := mcp.OneLine(mcp.ForClient(ex, m))
	switch {
	case a.phase == finished:
		return errGone
	case !m.Final():
		return a.before(m, data)
	case ex != a.ex:
		if !a.visit.held.Grow(int64(len(data))) {
			data = unheld(ex, a.visit.settings)
		}
		return a.item(data)
	}
	return a.last(data)
}

// plain tells whether an answer with nothing before it is one JSON body: when
// its status says more than a stream could, and otherwise when the client takes
// JSON and does not name SSE first.
func (a *answer) plain(status int) bool {
	return status != http.StatusOK || a.accept.json && (!a.accept.stream || !a.streams())
}

// unasked drops a message that has no way to the client: a notification is not
// missed, a request has to be told.
func (a *answer) unasked(m *gate.Message) error {
	a.visit.server.cfg.Meter.Dropped(1)
	if m.Kind == gate.Request {
		return errNoStream
	}
	return nil
}

// before writes a message that comes before the answer.
func (a *answer) before(m *gate.Message, data []byte) error {
	if a.phase == fresh {
		if !a.accept.sse {
			return a.unasked(m)
		}
		if err := a.start(); err != nil {
			return err
		}
	}
	err := a.write(data)
	if err != nil && !a.stateless && m.Kind == gate.Notification {
		return nil // the call goes on without its client
	}
	return err
}

// item takes the answer to one message of a batch.
func (a *answer) item(data []byte) error {
	if a.phase == fresh && !a.accept.json {
		if err := a.start(); err != nil {
			return err
		}
	}
	if a.phase == streaming {
		return a.write(data)
	}
	a.batch = append(a.batch, data)
	return nil
}

// streams tells whether the answer may be a stream: initialize's carries a
// header and comes before there is a session.
func (a *answer) streams() bool { return a.stateless || a.session != nil }

// whole answers with JSON.
func (a *answer) whole(status int, data ...[]byte) error {
	a.phase = finished
	return a.visit.out.json(status, data...)
}

// last writes the final event of the stream.
func (a *answer) last(data []byte) error {
	var err error
	if a.phase == fresh {
		err = a.start()
	}
	if err == nil {
		err = a.write(data)
	}
	a.finish()
	return err
}

// finish ends the stream. Called with the lock.
func (a *answer) finish() {
	a.phase = finished
	if a.stream != nil {
		a.session.log.finish(a.stream)
	}
}

// Refuse implements gate.Client.
func (a *answer) Refuse(_ context.Context, ex *gate.Exchange, out gate.Outcome) error {
	if ex.Call.Route.Action == gate.Handshake {
		a.visit.server.sessions.drop(ex.Call.Session)
	}
	r := render(ex, out, a.visit.settings)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.check()
	switch {
	case a.phase == finished:
		return errGone
	case ex != a.ex && r.silent:
		return nil // JSON-RPC answers no notification
	case ex != a.ex:
		return a.item(r.body)
	case a.phase == fresh && a.plain(r.status):
		r.hint(a.visit.out.w.Header())
		return a.whole(r.status, r.body)
	}
	return a.last(r.body)
}

// settle opens the session that a handshake was about, or drops it.
func (a *answer) settle(ex *gate.Exchange, m *gate.Message) {
	sessions := a.visit.server.sessions
	if ex.Call.Session == nil {
		return
	}
	if m.Kind != gate.Result || a.visit.r.Context().Err() != nil {
		sessions.drop(ex.Call.Session)
		return
	}
	sessions.commit(ex.Call.Session)
	a.visit.out.w.Header().Set(mcp.HeaderSession, ex.Call.Session.ID)
}

// end answers what has no answer of its own, and stops the timer. Nothing is
// written after it.
func (a *answer) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	switch {
	case a.phase == finished:
	case a.phase == streaming:
		a.finish()
	case a.batch != nil:
		a.phase = finished
		_ = a.visit.out.json(http.StatusOK, array(a.batch)) // a client that is gone has no use for the error
	case a.accepted():
		a.phase = finished
		a.visit.out.empty(http.StatusAccepted)
	default:
		a.phase = finished
		a.visit.server.cfg.Log.Error("exchange ended without an answer", "exchange", a.ex.ID, "trace_id", a.ex.Trace.TraceID(), "span_id", a.ex.Trace.SpanID())
		r := render(a.ex, gate.Outcome{Verdict: gate.Verdict{Code: gate.CodeInternal}}, a.visit.settings)
		_ = a.visit.out.json(http.StatusInternalServerError, r.body) // as above
	}
}

// accepted tells whether the message was one that has no answer.
func (a *answer) accepted() bool {
	m := a.ex.Call.Message
	return a.ex.Call.Batch != nil || m != nil && m.Kind != gate.Request
}

// array joins the answers to a batch, in the order of its requests.
func array(items [][]byte) []byte {
	b := []byte{'['}
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	return append(b, ']')
}
