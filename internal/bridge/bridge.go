package bridge

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Bounds of one bridge.
const (
	maxLine    = 4 << 20          // bytes of a client's message
	maxMessage = 16 << 20         // bytes of a server's message
	maxFlying  = 64               // requests under way at once, and as many other messages
	maxAhead   = 16               // lines that are read while the handshake is under way
	tellLimit  = 30 * time.Second // for a message that nobody waits for an answer to
	endLimit   = 5 * time.Second  // for the end of a session
	drainLimit = 10 * time.Second // for requests under way when stdin ends
)

// Credential proves to the server who the client is.
type Credential interface {
	// Token is what follows Bearer in the Authorization header; empty for nothing.
	Token(ctx context.Context) (string, error)
	// Renew is a token in the place of one that the server refused with 401. The
	// error is for the client's user, and says what to do.
	Renew(ctx context.Context, refused string) (string, error)
	// Lacks reads the headers of a 403. It says what the token lacks and what to do
	// about it, and nothing where the answer is about something else.
	Lacks(h http.Header) string
}

// Options are what a bridge needs of its caller.
type Options struct {
	// URL of the server: https, or http on loopback. Nothing else gets the credential.
	URL        string
	Credential Credential
	In         io.Reader
	Out        io.Writer
	Log        *slog.Logger
	// Agent is the User-Agent header.
	Agent string
	// Roots are the certificate authorities that are trusted. Nil: the system's.
	Roots *x509.CertPool
	// Drain is how long requests under way may take when In ends. 0: 10 s.
	Drain time.Duration
}

// bridge is one client and one server.
type bridge struct {
	opts  Options
	url   *url.URL
	wire  *http.Transport
	out   *lineWriter
	cut   context.CancelCauseFunc // ends everything, and says why
	ahead []line                  // read while something had to settle; at most maxAhead

	requests, others chan struct{} // places
	calls            sync.WaitGroup
	session          *session
	tools            *tools

	mu     sync.Mutex // guards the rest
	over   bool       // nothing more begins
	flying map[*call]struct{}
}

// Run connects the client on In and Out until In ends or ctx does. It then lets
// requests under way end for at most Drain, or not at all when ctx has ended,
// and ends the session. The error says why reading or writing failed.
//
// Reading In cannot be interrupted: when ctx ends, the goroutine that does stays
// until In gives it one more line or ends, at the latest with the process.
func Run(ctx context.Context, o Options) error {
	u, err := Address(o.URL)
	if err != nil {
		return err
	}
	if o.Drain == 0 {
		o.Drain = drainLimit
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	b := &bridge{
		opts: o, url: u, wire: newWire(o.Roots), out: &lineWriter{out: o.Out}, cut: cut,
		requests: make(chan struct{}, maxFlying), others: make(chan struct{}, maxFlying), flying: map[*call]struct{}{},
		tools: newTools(),
	}
	b.session = newSession(b)
	defer b.wire.CloseIdleConnections()
	lines, stop := make(chan line), make(chan struct{})
	defer close(stop)
	go readLines(o.In, lines, stop)
	err = b.accept(ctx, lines)
	b.drain(ctx)
	b.session.end()
	if cause := context.Cause(ctx); errors.Is(cause, errWriting) {
		return cause
	}
	return err
}

// accept takes each line until the lines end.
func (b *bridge) accept(ctx context.Context, lines <-chan line) error {
	for {
		l, ok := b.next(ctx, lines)
		switch {
		case !ok || errors.Is(l.err, io.EOF):
			return nil
		case l.err != nil:
			return fmt.Errorf("reading stdin: %w", l.err)
		case l.long:
			if id, asks := idOf(l.data); asks {
				b.answer(id, refuse(faultTooLarge, "the message is larger than %d bytes, which no gateway takes", maxLine))
			}
		default:
			if !b.take(ctx, l.data, lines) {
				return nil
			}
		}
	}
}

// next is the next line; false when ctx has ended.
func (b *bridge) next(ctx context.Context, lines <-chan line) (line, bool) {
	if len(b.ahead) > 0 {
		l := b.ahead[0]
		b.ahead = b.ahead[1:]
		return l, true
	}
	select {
	case <-ctx.Done():
		return line{}, false
	case l := <-lines:
		return l, true
	}
}

// take begins to carry a message. It returns false when the bridge ends before
// it can.
func (b *bridge) take(ctx context.Context, data []byte, lines <-chan line) bool {
	c, err := readCall(data)
	if err != nil {
		b.malformed(data, err)
		return true
	}
	if c.method == methodCancelled && !b.cancelled(c) {
		return true
	}
	places := b.others
	if len(c.waiting) > 0 {
		places = b.requests
		select {
		case places <- struct{}{}:
		default:
			// Waiting for a place would keep the client's answers from what they free.
			c.fail(b, refuse(faultBusy, "%d requests are under way: wait for one of them to end", maxFlying))
			return true
		}
	} else {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	done := make(chan struct{})
	call, ok := b.enter(ctx, c)
	if !ok {
		<-places
		return false
	}
	go func() { // drain waits for it
		defer close(done)
		defer func() { <-places }()
		defer b.leave(c)
		b.serve(call, c)
	}()
	return !c.settles() || b.settled(ctx, done, lines)
}

// malformed answers a line that is no message, unless it was to be an answer
// itself. Where its id can be read, the client learns which it was.
func (b *bridge) malformed(data []byte, err error) {
	id, asks := idOf(data)
	if !asks {
		b.opts.Log.Warn("the client wrote what is no message", "error", err)
		return
	}
	code, reason := jsonrpc.CodeParse, err.Error()
	if f, ok := errors.AsType[*jsonrpc.Fault](err); ok {
		code, reason = f.Code, f.Reason
	}
	b.answer(id, refuse(kindOfFault{code, "bridge.message"}, "the message is not JSON-RPC that MCP allows: %s", reason))
}

// settled waits for a message that what follows depends on: the handshake. What
// the client writes meanwhile is kept, so that the end of stdin is noticed; when
// that has come, the wait is no longer than Drain. It returns false when the
// bridge ends.
func (b *bridge) settled(ctx context.Context, done <-chan struct{}, lines <-chan line) bool {
	var limit <-chan time.Time
	for {
		in := lines
		if n := len(b.ahead); n > 0 && b.ahead[n-1].err != nil {
			if n == 1 {
				return true // nothing is left that would have to wait
			}
			if limit == nil {
				limit = time.After(b.opts.Drain)
			}
			in = nil
		} else if n == maxAhead {
			in = nil
		}
		select {
		case <-done:
			return true
		case <-ctx.Done():
			return false
		case <-limit:
			return true
		case l := <-in:
			b.ahead = append(b.ahead, l)
		}
	}
}

// serve carries a message, and answers it where the server does not.
func (b *bridge) serve(ctx context.Context, c *call) {
	if len(c.waiting) == 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, tellLimit, fmt.Errorf("the server did not take it within %v", tellLimit))
		defer stop()
	}
	err := b.carry(ctx, c)
	switch {
	case len(c.waiting) == 0 && err != nil:
		b.opts.Log.Warn("the server did not take a message", "method", c.method, "error", err)
	case err != nil:
		c.fail(b, err)
	default:
		c.fail(b, refuse(faultProtocol, "the server ended its answer without the result"))
	}
}

// enter begins a call, unless the bridge is ending. The context is the call's,
// and outlives ctx: drain decides when it ends.
func (b *bridge) enter(ctx context.Context, c *call) (context.Context, bool) {
	ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		c.cancel(nil)
		return nil, false
	}
	b.flying[c] = struct{}{}
	b.calls.Add(1)
	return ctx, true
}

func (b *bridge) leave(c *call) {
	c.cancel(nil)
	b.mu.Lock()
	delete(b.flying, c)
	b.mu.Unlock()
	b.calls.Done()
}

// errStopping ends calls when the bridge does.
var errStopping = refuse(faultStopped, "the bridge has ended")

// drain waits for the calls under way. What has no end of its own it ends at
// once, and the rest when it takes too long or nobody wants to wait.
func (b *bridge) drain(ctx context.Context) {
	b.mu.Lock()
	b.over = true
	for c := range b.flying {
		if c.method == methodListen {
			c.dropped.Store(true)
			c.cancel(errStopping)
		}
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.calls.Wait(); close(done) }()
	limit := time.NewTimer(b.opts.Drain)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	for c := range b.flying {
		c.dropped.Store(c.dropped.Load() || ctx.Err() != nil)
		c.cancel(errStopping)
	}
	b.mu.Unlock()
	<-done
}

// cancelled ends the request that a notifications/cancelled names, and tells
// whether the server wants the notification: in the stateless era the end of the
// connection says it (2026-07-28, cancellation).
func (b *bridge) cancelled(c *call) (relay bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.flying {
		if !other.awaits(c.cancels) {
			continue
		}
		other.dropped.Store(true)
		if other.version != "" {
			other.cancel(errStopping)
			return false
		}
		return true
	}
	return c.version == "" && b.session.begun()
}

// write writes a message for the client. That the client cannot be reached ends
// the bridge.
func (b *bridge) write(message []byte) {
	if err := b.out.write(mcp.OneLine(message)); err != nil {
		b.cut(err)
	}
}
