package listen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// pipe is a stdio client: newline-delimited messages in and out, both eras, one
// session for the process.
type pipe struct {
	server *Server
	out    io.Writer

	writing sync.Mutex // one line at a time

	mu     sync.Mutex
	flying map[*errand]struct{}
}

// errand is one message of a stdio client, and the client's end of it.
type errand struct {
	pipe   *pipe
	ex     *gate.Exchange
	line   []byte
	cancel context.CancelFunc

	mu       sync.Mutex
	dropped  bool // the client has cancelled it and wants no answer
	answered bool
	batch    [][]byte
}

// line is what the reader read.
type line struct {
	data []byte
	err  error
}

// ServeStdio serves the client on in and out until in ends or ctx does. It then
// lets messages in flight end for at most Limits.Drain. Nothing but protocol is
// written to out. The error says why reading failed; the end of in is none.
//
// The reader's goroutine cannot be interrupted: when ctx ends it stays until in
// gives it one more line or ends, at the latest with the process.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := &pipe{server: s, out: out, flying: make(map[*errand]struct{})}
	lines, stop := make(chan line), make(chan struct{})
	defer close(stop)
	go p.read(in, lines, stop)

	// Answers and notifications have places of their own: a client must be able
	// to answer and to cancel what fills the others.
	requests, others := make(chan struct{}, s.cfg.Limits.InFlight), make(chan struct{}, s.cfg.Limits.InFlight)
	var wg sync.WaitGroup
	err := p.accept(ctx, lines, func(data []byte) {
		places := requests
		if !bytes.Contains(data, []byte(`"method"`)) || bytes.Contains(data, []byte(`"notifications/`)) {
			places = others
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		done := make(chan struct{})
		wg.Go(func() {
			defer func() { close(done); <-places }()
			p.serve(work, data)
		})
		// What follows initialize belongs to its session. This looks at bytes and
		// decides nothing but the order: a wrong guess costs a moment.
		if bytes.Contains(data, []byte(`"initialize"`)) {
			<-done
		}
	})
	p.drain(ctx, &wg, cancel)
	if se := s.sessions.get(""); se != nil {
		s.sessions.close(se)
	}
	return err
}

// accept hands each line to serve until the lines end.
func (p *pipe) accept(ctx context.Context, lines <-chan line, serve func([]byte)) error {
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
				p.tooLong()
			default:
				serve(l.data)
			}
		}
	}
}

// drain waits for what is in flight, and cancels it when it takes too long or
// nobody wants to wait.
func (p *pipe) drain(ctx context.Context, wg *sync.WaitGroup, cancel context.CancelFunc) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	limit := time.NewTimer(p.server.cfg.Limits.Drain)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
	cancel()
	<-done
}

// read sends in's lines, each at most MaxBody bytes; nil data for a longer one,
// which is skipped to its end.
func (p *pipe) read(in io.Reader, lines chan<- line, stop <-chan struct{}) {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		data, err := p.readLine(r)
		if err == nil && data != nil && len(bytes.TrimSpace(data)) == 0 {
			continue
		}
		select {
		case lines <- line{data, err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

func (p *pipe) readLine(r *bufio.Reader) ([]byte, error) {
	limit := int(p.server.cfg.Settings().maxBody())
	data, long := []byte{}, false
	for {
		part, err := r.ReadSlice('\n')
		if !long {
			data = append(data, part...)
		}
		// The line's own end does not count against the limit.
		if len(bytes.TrimRight(data, "\r\n")) > limit {
			data, long = nil, true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && (!errors.Is(err, io.EOF) || len(data) == 0):
			return nil, err
		default:
			return data, nil
		}
	}
}

// tooLong refuses a line that was not kept.
func (p *pipe) tooLong() {
	limit := p.server.cfg.Settings().maxBody()
	p.exchange(context.Background(), nil, tooLarge(limit))
}

// serve walks one line along the line of stages.
func (p *pipe) serve(ctx context.Context, data []byte) { p.exchange(ctx, data, nil) }

// exchange makes an exchange of a line, or of the error that took its place.
func (p *pipe) exchange(ctx context.Context, data []byte, failure error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	now := time.Now()
	ex := &gate.Exchange{ID: NewExchangeID(now), Start: now, Inbound: gate.Inbound{
		Transport: "stdio",
		Local:     true,
		Body:      func(context.Context) ([]byte, error) { return data, failure },
	}}
	e := &errand{pipe: p, ex: ex, line: data, cancel: cancel}
	p.mu.Lock()
	p.flying[e] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.flying, e)
		p.mu.Unlock()
	}()
	defer e.rescue()
	p.server.cfg.Serve(ctx, ex, e)
	e.end()
}

// rescue answers a panic. The pipeline recovers its own; one here is a fault of
// this package.
func (e *errand) rescue() {
	if p := recover(); p != nil {
		e.pipe.server.cfg.Log.Error("panic while answering", "exchange", e.ex.ID, "panic", p, "stack", string(debug.Stack()))
		_ = e.Refuse(context.Background(), e.ex, gate.Outcome{}) // stdout is what may be broken
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

// write writes one line.
func (p *pipe) write(data []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if _, err := p.out.Write(append(slices.Clip(data), '\n')); err != nil {
		return fmt.Errorf("writing to stdout: %w", err)
	}
	return nil
}

// Deliver implements gate.Client.
func (e *errand) Deliver(_ context.Context, ex *gate.Exchange, m *gate.Message) error {
	if ex.Call.Route.Action == gate.Handshake && m.Final() && ex.Call.Session != nil {
		e.settle(ex, m)
	}
	return e.write(ex, mcp.OneLine(mcp.ForClient(ex, m)), m.Final())
}

// settle opens the session that a handshake was about, or drops it.
func (e *errand) settle(ex *gate.Exchange, m *gate.Message) {
	sessions := e.pipe.server.sessions
	if m.Kind != gate.Result {
		sessions.drop(ex.Call.Session)
		return
	}
	if se := sessions.get(ex.Call.Session.ID); se != nil {
		se.speak(e.pipe.write)
	}
	sessions.commit(ex.Call.Session, true)
}

// Refuse implements gate.Client.
func (e *errand) Refuse(_ context.Context, ex *gate.Exchange, out gate.Outcome) error {
	if ex.Call.Route.Action == gate.Handshake {
		e.pipe.server.sessions.drop(ex.Call.Session)
	}
	r := render(ex, out)
	if r.silent {
		e.mu.Lock()
		e.answered = true
		e.mu.Unlock()
		return nil // JSON-RPC answers no notification
	}
	return e.write(ex, r.body, true)
}

// write writes a message, or keeps the answer to one message of a batch.
func (e *errand) write(ex *gate.Exchange, data []byte, final bool) error {
	e.mu.Lock()
	dropped := e.dropped
	if final && !dropped && ex != e.ex {
		e.batch = append(e.batch, data)
		e.mu.Unlock()
		return nil
	}
	e.answered = e.answered || final
	e.mu.Unlock()
	if dropped {
		return nil
	}
	return e.pipe.write(data)
}

// end writes the answers to a batch, and acts on a cancellation that passed the
// line.
func (e *errand) end() {
	m := e.ex.Call.Message
	switch {
	case e.batch != nil:
		_ = e.pipe.write(array(e.batch)) // a client that is gone has no use for the error
	case m != nil && m.Kind == gate.Notification && !e.answered && e.ex.Call.Route.Action == gate.Cancel:
		e.pipe.cancelled(e.ex)
	}
}
