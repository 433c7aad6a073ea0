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

// watch is the client's end of a GET or DELETE: operations of HTTP that are no
// messages. Refuse is all that the line calls; a stream or a connection is
// served by Forward.
type watch struct {
	visit *visit
}

// registry finds the GET that an exchange belongs to, for Forward.
type registry struct {
	mu sync.Mutex
	of map[*gate.Exchange]*watch
}

func (g *registry) put(ex *gate.Exchange, w *watch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = make(map[*gate.Exchange]*watch)
	}
	g.of[ex] = w
}

func (g *registry) get(ex *gate.Exchange) *watch {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of[ex]
}

func (g *registry) drop(ex *gate.Exchange) {
	g.mu.Lock()
	delete(g.of, ex)
	g.mu.Unlock()
}

// open serves a GET: a stream for messages outside calls, the stream of a call
// that is resumed, or a connection that is a session of its own. It walks the
// line like any message; Forward holds it.
func (v *visit) open(op, transport string) {
	w, begun := &watch{visit: v}, v.exchange(op)
	begun.Inbound.Transport = transport
	ex := &begun
	v.server.gets.put(ex, w)
	defer v.server.gets.drop(ex)
	v.server.cfg.Serve(v.r.Context(), ex, w)
	if !v.out.started {
		v.turn(gate.CodeInternal, "")
	}
}

// delete ends a session. Its answer waits for the outcome to be on record.
func (v *visit) delete() {
	ex := v.exchange(gate.OpClose)
	v.server.cfg.Serve(v.r.Context(), &ex, &watch{visit: v})
	if !v.out.started {
		v.out.empty(http.StatusNoContent)
	}
}

// Deliver implements gate.Client. Nothing is delivered to an operation.
func (w *watch) Deliver(context.Context, *gate.Exchange, *gate.Message) error { return errNoStream }

// Refuse implements gate.Client.
func (w *watch) Refuse(_ context.Context, ex *gate.Exchange, out gate.Outcome) error {
	if w.visit.out.started {
		return nil // the stream ends; that is all that can be said
	}
	r := render(ex, out, w.visit.settings)
	r.hint(w.visit.out.w.Header())
	return w.visit.out.json(r.status, r.body)
}

// Forward implements gate.Forwarder for the actions that need no upstream:
// Empty (ping), Stream (a GET or a connection, until either side ends it) and
// Close (DELETE).
func (s *Server) Forward(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	switch action := ex.Call.Route.Action; {
	case action == gate.Empty && ex.Call.Message.Kind == gate.Request:
		return emit(ctx, mcp.NewResult(ex.Call.Message.Bytes(ex.Call.Message.ID), []byte("{}")))
	case action == gate.Empty:
		return nil
	case action == gate.Close:
		return s.finish(ctx, ex.Call.Session)
	case action == gate.Stream:
		return s.stream(ctx, ex)
	}
	return &gate.Error{Code: gate.CodeInternal, Op: "forwarding " + ex.Call.Route.Method + " to listen"}
}

// stream holds a GET and writes the session's events to it. A session has one
// such stream at a time: a second is refused, and only a client that names the
// last event it saw can move it to a new connection (HTT-36, HTT-37).
func (s *Server) stream(ctx context.Context, ex *gate.Exchange) error {
	w := s.gets.get(ex)
	switch {
	case w != nil && ex.Inbound.Op == gate.OpOpen && ex.Inbound.Transport == transportSSE:
		return s.legacy(ctx, ex, w.visit)
	case w != nil && ex.Inbound.Op == gate.OpOpen && ex.Inbound.Transport == transportWebSocket:
		return s.webSocket(ctx, ex, w.visit)
	case w == nil || ex.Call.Session == nil:
		return &gate.Error{Code: gate.CodeInternal, Op: "streaming outside a GET"}
	}
	se := s.sessions.get(ex.Call.Session.ID)
	if se == nil {
		return &gate.Error{Code: gate.CodeSession, Op: "streaming in a session that ended"}
	}
	last := ex.Inbound.Header["Last-Event-Id"]
	if len(last) > 1 {
		return &gate.Error{Code: codeStream, Op: "reading Last-Event-ID twice"}
	}
	h := newHolder()
	st, after, why := se.log.hold(ex.Inbound.Header.Get("Last-Event-Id"), h)
	switch why {
	case unknown:
		return &gate.Error{Code: codeStream, Op: "resuming a stream"}
	case taken:
		return &gate.Error{Code: codeStreamTaken, Op: "opening a second stream"}
	case granted:
	}
	defer se.log.release(st, h)
	se.streaming(+1)
	defer se.streaming(-1)
	s.cfg.Meter.Streams(+1)
	defer s.cfg.Meter.Streams(-1)
	f := follow{server: s, session: se, stream: st, holder: h, after: after}
	return f.run(ctx, ex.Principal, w.visit)
}

// follow is a GET that carries a stream.
type follow struct {
	server  *Server
	session *session
	stream  *stream
	holder  *holder
	after   uint64 // the last event that the client has
}

// run writes until the stream, the session, the principal's credential or the
// connection ends. None of these is a failure.
func (f *follow) run(ctx context.Context, p *gate.Principal, v *visit) error {
	out := &v.out
	if err := out.stream(); err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	if f.session.Version >= mcp.V20251125 {
		if err := out.prime(f.stream.id(f.after)); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
	}
	quiet := time.NewTimer(f.server.cfg.Limits.KeepAlive)
	defer quiet.Stop()
	watch := f.server.vigil(p, v.certified)
	defer watch.stop()
	for {
		batch, done := f.session.log.next(f.stream, f.holder, f.after)
		for _, e := range batch {
			if err := out.event(f.stream.id(e.seq), e.data); err != nil {
				return nil //nolint:nilerr // the client is gone
			}
			f.after = e.seq
			f.session.log.wrote(f.stream, f.holder, e.seq)
		}
		if done {
			return nil
		}
		select {
		case <-f.holder.wake:
		case <-f.holder.lost:
			return nil
		case <-f.session.ended:
			return nil
		case <-f.server.closing:
			return nil
		case <-watch.expires:
			return nil
		case <-watch.check.C:
			if !watch.good() || !f.session.stands() {
				return nil
			}
			continue
		case <-ctx.Done():
			return nil
		case <-quiet.C:
			if err := out.comment(); err != nil {
				return nil //nolint:nilerr // the client is gone
			}
			f.session.touch()
		}
		quiet.Reset(f.server.cfg.Limits.KeepAlive)
	}
}

// Push sends a message that belongs to a session and to no call: on the
// session's stream, now or when the client next opens one, or on the connection
// that is the session. It has passed the reply stages. Without room something is
// dropped and counted: the oldest notification, or on such a connection the
// message. The error says that the session has ended, or that a request was dropped.
func (s *Server) Push(_ context.Context, gs *gate.Session, ex *gate.Exchange, m *gate.Message) error {
	if gs == nil {
		return errGone
	}
	se := s.sessions.get(gs.ID)
	if se == nil {
		return errGone
	}
	data := mcp.OneLine(mcp.ForClient(ex, m))
	if push := se.connection(); push != nil {
		return s.dropped(m, push(data))
	}
	if n := se.log.push(data, m.Kind == gate.Notification); n > 0 {
		s.cfg.Meter.Dropped(n)
	}
	return nil
}

// dropped counts a message that had no room. A request has to be told.
func (s *Server) dropped(m *gate.Message, err error) error {
	if !errors.Is(err, errFull) {
		return err
	}
	s.cfg.Meter.Dropped(1)
	if m.Kind == gate.Request {
		return err
	}
	return nil
}

// Unasked is the gate.Client of messages outside calls: Deliver pushes to the
// exchange's session. The pipeline's Push takes it.
func (s *Server) Unasked() gate.Client { return unasked{s} }

type unasked struct{ server *Server }

func (u unasked) Deliver(ctx context.Context, ex *gate.Exchange, m *gate.Message) error {
	return u.server.Push(ctx, ex.Call.Session, ex, m)
}

// Refuse tells nobody: no client waits for the message.
func (u unasked) Refuse(context.Context, *gate.Exchange, gate.Outcome) error { return nil }
