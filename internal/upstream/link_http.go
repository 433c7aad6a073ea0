package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of the HTTP client.
const (
	maxSession   = 1024             // bytes of an Mcp-Session-Id that is kept
	maxErrorBody = 64 << 10         // bytes of an error answer that are read
	tellTimeout  = 2 * time.Second  // for a cancellation or the end of a session
	sendTimeout  = 10 * time.Second // for a notification or a response
)

// httpLink is a Streamable HTTP session with an upstream; in the stateless era,
// or where the upstream gives no session id, only the address.
type httpLink struct {
	name       string
	blank      *http.Request // the URL; copied for each request
	era        gate.Era
	wire       http.RoundTripper
	limit      int64
	log        *slog.Logger
	loose      func(*gate.Message) // what arrives outside any call; must not block
	count      func(what string)
	session    string      // Mcp-Session-Id; set by opened, before the link is shared
	version    string      // MCP-Protocol-Version of the stateful era; set with session
	common     http.Header // of every POST of a session; set with version, and never changed
	values     fixedValues
	credential credential
	owned      string                                                                  // what reports call what goes with one call alone
	lease      func(ctx context.Context, own gate.Secret) (gate.Secret, func(), error) // of one request
	hears      chan struct{}                                                           // closed when the GET stream is open or was refused
	up         func(late bool) (down func())                                           // is told of each GET stream, late where there was none before, and of its end; never nil once the link greets
	guard      *guard
	mute       bool // nothing of what the upstream says is quoted, for it may be a client's own key

	life   context.Context //nolint:containedctx // the link's own life, which ends its GET stream
	end    context.CancelCauseFunc
	ending sync.Once
	tasks  sync.WaitGroup

	mu    sync.Mutex
	calls map[*outgoing]struct{} // under way, of those that can be cancelled
}

func (s *server) newHTTPLink(era gate.Era, loose func(*gate.Message)) (*httpLink, error) {
	blank, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.set.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of upstream %s: %w", s.set.Name, errors.Unwrap(err)) // without the URL
	}
	l := &httpLink{
		name: s.set.Name, blank: blank, era: era, wire: s.wire, limit: s.set.MaxResult,
		credential: s, owned: cmp.Or(leaseCalled(s.set.Credential.Secret), ownKeyName), lease: s.callLease, guard: s.guard, mute: len(s.ownKeys) > 0 || leaseOf(s.set.Credential.Secret) != "", hears: make(chan struct{}), calls: map[*outgoing]struct{}{}, log: s.log, loose: loose, count: func(what string) { s.pool.count(s.set.Name, what) },
		values: fixedValues{agent: [1]string{userAgent}, json: [1]string{typeJSON}, accept: [1]string{typeJSON + ", " + typeStream}},
	}
	l.life, l.end = context.WithCancelCause(context.Background())
	return l, nil
}

func (l *httpLink) done() <-chan struct{} { return l.life.Done() }

// exchange posts a request and reads its answer: JSON, or a stream of what
// belongs to the request.
func (l *httpLink) exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	err := l.roundTrip(ctx, o, take)
	if err != nil && l.era == gate.Stateful && o.method != methodInitialize && !errors.Is(err, errGone) {
		// In the stateful era a closed connection cancels nothing. Where the
		// request did not arrive at all this goes nowhere, and costs little.
		tell, stop := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
		defer stop()
		_ = l.send(tell, cancelled(o.id))
	}
	return err
}

func (l *httpLink) roundTrip(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	if o.cancel != nil {
		l.join(o)
		defer l.part(o)
	} else {
		var stop func()
		ctx, stop = l.bound(ctx)
		defer stop()
	}
	own, back, err := l.lease(ctx, o.spend())
	if err != nil {
		return err
	}
	defer back()
	said := saying{l.guard, o.method, newOwnKey(own, l.owned)}
	resp, err := l.post(ctx, o.raw, o, own)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	kind := mediaType(resp.Header)
	if resp.StatusCode != http.StatusOK {
		return l.refused(resp, said, o, take)
	}
	o.taken = true
	if o.method == methodInitialize {
		if err := l.opened(resp.Header); err != nil {
			return err
		}
	}
	switch kind {
	case typeJSON:
		return l.single(ctx, resp, said, o, take)
	case typeStream:
		return l.stream(ctx, resp.Body, said, o, take)
	}
	return l.odd(kind)
}

// odd is the error of an answer that is neither JSON nor a stream.
func (l *httpLink) odd(kind string) error {
	if l.mute {
		return fmt.Errorf("%w: an answer of another content type", errProtocol)
	}
	return fmt.Errorf("%w: an answer of content type %q", errProtocol, printable([]byte(kind), maxShown))
}

// bound makes ctx end with the link.
func (l *httpLink) bound(ctx context.Context) (context.Context, func()) { return within(ctx, l.life) }

// within makes ctx end with life, and for the same cause.
func within(ctx, life context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func() { stop(); cancel(nil) }
}

// join makes the context of a call that can be cancelled end with the link;
// part undoes it.
func (l *httpLink) join(o *outgoing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		o.cancel(context.Cause(l.life))
		return
	}
	l.calls[o] = struct{}{}
}

func (l *httpLink) part(o *outgoing) {
	l.mu.Lock()
	delete(l.calls, o)
	l.mu.Unlock()
}

// finish ends the link's life and its calls.
func (l *httpLink) finish(cause error) {
	l.end(cause)
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := range l.calls {
		o.cancel(cause)
	}
}

// opened keeps the session id that the answer to initialize brings. It is sent
// back in a header, so it holds visible ASCII only (2025-11-25, transports).
func (l *httpLink) opened(h http.Header) error {
	id := h.Get(mcp.HeaderSession)
	if len(id) > maxSession {
		return fmt.Errorf("%w: session id of %d bytes", errProtocol, len(id))
	}
	for _, c := range []byte(id) {
		if c < 0x21 || c > 0x7e {
			return fmt.Errorf("%w: session id with byte %#x", errProtocol, c)
		}
	}
	l.session = id
	return nil
}

// single reads an answer that is one JSON message.
func (l *httpLink) single(ctx context.Context, resp *http.Response, said saying, o *outgoing, take func(*gate.Message) error) error {
	raw, err := readBounded(resp.Body, l.limit, resp.ContentLength, o.held)
	if err != nil {
		return l.readFault(ctx, err)
	}
	m, err := said.parse(raw)
	if refused, ok := errors.AsType[*leakError](err); ok {
		return refused.err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, unquoted(l.mute, err))
	}
	if !o.answers(m, true) {
		l.count("stray_answer")
		return fmt.Errorf("%w: the answer is to another request", errProtocol)
	}
	return take(m)
}

// refused reads an answer with a status other than 200. Where its body is a
// JSON-RPC error that answers the request, that is the answer.
func (l *httpLink) refused(resp *http.Response, said saying, o *outgoing, take func(*gate.Message) error) error {
	if resp.StatusCode >= 400 && mediaType(resp.Header) == typeJSON {
		raw, err := readBounded(resp.Body, maxErrorBody, resp.ContentLength, nil)
		if err == nil {
			m, err := said.parse(raw)
			if refused, ok := errors.AsType[*leakError](err); ok {
				return refused.err
			}
			if err == nil && m.Kind == gate.Failure && o.answers(m, true) && !l.lost(resp.StatusCode) {
				return take(m)
			}
		}
	}
	if o.keyed {
		if err := keyRefused(l.name, l.log, resp.StatusCode); err != nil {
			return err
		}
	}
	if l.lost(resp.StatusCode) {
		l.part(o) // it was not taken, and may be made in another session
	}
	return l.status(resp)
}

// lost tells whether a status says that the session is gone.
func (l *httpLink) lost(status int) bool {
	return status == http.StatusNotFound && l.session != ""
}

// status is the error that the status of an answer means.
func (l *httpLink) status(resp *http.Response) error {
	if l.lost(resp.StatusCode) {
		l.finish(errGone)
		return errGone
	}
	return statusFault(l.name, l.log, resp)
}

// send posts a notification or a response; 202 or another success is fine.
func (l *httpLink) send(ctx context.Context, raw []byte) error {
	return l.reply(ctx, raw, gate.Secret{})
}

func (l *httpLink) reply(ctx context.Context, raw []byte, own gate.Secret) error {
	ctx, stop := l.bound(ctx)
	defer stop()
	ctx, cancel := withLimit(ctx, sendTimeout)
	defer cancel()
	own, back, err := l.lease(ctx, own)
	if err != nil {
		return err
	}
	defer back()
	resp, err := l.post(ctx, raw, nil, own)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return l.status(resp)
	}
	return nil
}

// close ends the session with DELETE, which an upstream may refuse (405).
func (l *httpLink) close() {
	l.ending.Do(func() {
		lost := errors.Is(context.Cause(l.life), errGone)
		l.finish(errDown)
		l.tasks.Wait()
		if l.session == "" || lost {
			return
		}
		ctx, stop := context.WithTimeout(context.Background(), tellTimeout)
		defer stop()
		req := l.blank.WithContext(ctx)
		req.Method, req.Header = http.MethodDelete, l.dress(http.Header{}, l.version)
		own, back, err := l.lease(ctx, gate.Secret{})
		if err != nil {
			return
		}
		defer back()
		if resp, err := l.do(req, own); err == nil {
			resp.Body.Close()
		}
	})
}

// readFault is why reading a body failed.
func (l *httpLink) readFault(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errTooLarge), errors.Is(err, errNoRoom):
		return err
	}
	return fmt.Errorf("%w: reading the answer: %w", errDown, err)
}
