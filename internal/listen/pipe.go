package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// pipe is a client whose connection is its session: on stdin and stdout, on a
// legacy SSE stream, or on a WebSocket. It has at most one session at a time.
type pipe struct {
	server  *Server
	inbound gate.Inbound // of the connection; legacy SSE has another for each POST
	id      string       // names the connection; a name is never a credential
	owner   string       // Principal.Key of who opened it; empty on stdio
	// write takes a message of an exchange and may wait for the client; push
	// takes one that belongs to no exchange and may not.
	write func(context.Context, []byte) error
	push  func([]byte) error
	cut   context.CancelCauseFunc // ends the connection, and says why
	// certified tells why the certificate of the connection is not valid now; nil
	// for a connection that has none.
	certified func() error

	// Answers and notifications have places of their own: a client must be able
	// to answer and to cancel what fills the others.
	requests, others chan struct{}

	calls sync.WaitGroup // the errands

	mu      sync.Mutex
	over    bool // nothing more begins
	flying  map[*errand]struct{}
	session *session
}

// Why a connection ended.
var (
	errRevoked = errors.New("the credential is not valid any more")
	errOff     = errors.New("the transport was turned off")
	errEnded   = errors.New("the session was ended")
	errStopped = errors.New("the gateway has stopped")
	errUnread  = errors.New("the client does not read")
)

func newPipe(s *Server, in gate.Inbound, cut context.CancelCauseFunc) *pipe {
	return &pipe{
		server: s, inbound: in, cut: cut,
		requests: make(chan struct{}, s.cfg.Limits.InFlight),
		others:   make(chan struct{}, s.cfg.Limits.InFlight),
		flying:   make(map[*errand]struct{}),
	}
}

// line is a message as a connection's reader read it. Nil data was too long.
type line struct {
	data []byte
	err  error
}

// place is the queue for a place that the message has to wait in. Like begins,
// it looks at bytes and decides nothing but the order.
func (p *pipe) place(data []byte) chan struct{} {
	if !bytes.Contains(data, []byte(`"method"`)) || bytes.Contains(data, []byte(`"notifications/`)) {
		return p.others
	}
	return p.requests
}

// begins tells whether what follows the message belongs to the session that it
// begins. A wrong guess costs a moment, or a refusal that says to begin first.
func begins(data []byte) bool { return bytes.Contains(data, []byte(`"initialize"`)) }

// converse serves lines until they end, ctx does, or the server stops. It then
// lets messages in flight end for at most Limits.Drain, or until ctx ends, and
// ends the session. The error says why reading failed; the end of lines is none.
func (p *pipe) converse(ctx context.Context, lines <-chan line) error {
	err := p.accept(ctx, lines)
	p.drain(ctx)
	p.mu.Lock()
	se := p.session
	p.session = nil
	p.mu.Unlock()
	if se != nil {
		se.calls.leave(p)
		p.server.sessions.close(se, true)
	}
	return err
}

// accept serves each line until the lines end.
func (p *pipe) accept(ctx context.Context, lines <-chan line) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.server.closing:
			return nil
		case l := <-lines:
			switch {
			case errors.Is(l.err, io.EOF):
				return nil
			case l.err != nil:
				return fmt.Errorf("reading stdin: %w", l.err)
			case l.data == nil:
				p.refuse(ctx, tooLarge(p.server.cfg.Settings().maxBody()))
			case !p.serve(ctx, l.data):
				return nil
			}
		}
	}
}

// serve walks a message along the line of stages, as soon as there is a place
// for it. It returns false when the connection ends before there is, as it does
// when its certificate is not valid any more.
func (p *pipe) serve(ctx context.Context, data []byte) bool {
	if p.certified != nil && p.certified() != nil {
		p.cut(errRevoked)
		return false
	}
	places := p.place(data)
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return false
	case <-p.server.closing:
		return false
	}
	e, done := p.errand(data, nil), make(chan struct{})
	call, ok := p.enter(ctx, e)
	if !ok {
		<-places
		return false
	}
	go func() { // drain waits for it
		defer close(done)
		defer func() { <-places }()
		defer p.leave(e)
		e.walk(call)
	}()
	return p.settled(ctx, data, done)
}

// refuse answers what took the place of a message.
func (p *pipe) refuse(ctx context.Context, failure error) {
	e := p.errand(nil, failure)
	if call, ok := p.enter(ctx, e); ok {
		defer p.leave(e)
		e.walk(call)
	}
}

// settled waits for a message that begins a session. It returns false when the
// connection ends before it has.
func (p *pipe) settled(ctx context.Context, data []byte, done <-chan struct{}) bool {
	if !begins(data) {
		return true
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
	case <-p.server.closing:
	}
	return false
}

// drain waits for what is in flight, and cancels it when it takes too long or
// nobody wants to wait. What has no end of its own it cancels at once.
func (p *pipe) drain(ctx context.Context) {
	p.mu.Lock()
	p.over = true
	for e := range p.flying {
		if e.endless {
			e.cancel()
		}
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() { p.calls.Wait(); close(done) }()
	limit := time.NewTimer(p.server.cfg.Limits.Drain)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	for e := range p.flying {
		e.cancel()
	}
	p.mu.Unlock()
	<-done
}

// enter begins an errand, unless the connection is ending. The context is the
// errand's, and outlives ctx: drain decides when it ends.
func (p *pipe) enter(ctx context.Context, e *errand) (context.Context, bool) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		cancel()
		return nil, false
	}
	p.flying[e] = struct{}{}
	p.calls.Add(1)
	return ctx, true
}

func (p *pipe) leave(e *errand) {
	e.cancel()
	e.held.Leave()
	p.mu.Lock()
	delete(p.flying, e)
	p.mu.Unlock()
	p.calls.Done()
}

// sessionID is the id of the connection's session; empty before a handshake.
func (p *pipe) sessionID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil {
		return ""
	}
	return p.session.ID
}

// settle opens the session that a handshake was about, in the place of the one
// before, or drops it.
func (p *pipe) settle(ex *gate.Exchange, m *gate.Message) {
	sessions := p.server.sessions
	se := sessions.get(ex.Call.Session.ID)
	if se == nil || m.Kind != gate.Result {
		sessions.drop(ex.Call.Session)
		return
	}
	se.speak(p.push)
	se.calls.join(p, func() { p.cut(errEnded) }) // and does not idle while the connection is open
	sessions.commit(ex.Call.Session)
	p.mu.Lock()
	before := p.session
	p.session = se
	p.mu.Unlock()
	if before != nil && before != se {
		before.calls.leave(p)
		sessions.close(before, true)
	}
}

// cancelled stops the request that a notifications/cancelled of the stateless
// era names. In the stateful era its upstream does, so that its side effects
// end too; either way the client wants no answer any more. Requests in flight
// are looked through by their own bytes: their exchanges belong to their lines.
func (p *pipe) cancelled(ex *gate.Exchange) {
	at, _ := ex.Call.Message.Field("requestId")
	id := ex.Call.Message.Bytes(at)
	p.mu.Lock()
	defer p.mu.Unlock()
	for e := range p.flying {
		m, err := jsonrpc.Parse(e.line, jsonrpc.ClientLimits())
		if err != nil || m.Kind != jsonrpc.Request || id == nil || !bytes.Equal(m.Bytes(m.ID), id) {
			continue
		}
		e.mu.Lock()
		e.dropped = true
		e.mu.Unlock()
		if ex.Call.Era == gate.Stateless {
			e.cancel()
		}
	}
}
