package upstream

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
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

// The types of an upstream's answer (Streamable HTTP).
const (
	typeJSON   = "application/json"
	typeStream = "text/event-stream"
)

// fixedValues are the header values that every request of a link has.
type fixedValues struct{ agent, json, accept [1]string }

// httpLink is a Streamable HTTP session with an upstream; in the stateless era,
// or where the upstream gives no session id, only the address.
type httpLink struct {
	name    string
	blank   *http.Request // the URL; copied for each request
	era     gate.Era
	wire    http.RoundTripper
	limit   int64
	log     *slog.Logger
	loose   func(*gate.Message) // what arrives outside any call; must not block
	count   func(what string)
	session string      // Mcp-Session-Id; set by opened, before the link is shared
	version string      // MCP-Protocol-Version of the stateful era; set with session
	common  http.Header // of every POST of a session; set with version, and never changed
	values  fixedValues

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
		name: s.set.Name, blank: blank, era: era, wire: s.client.Transport, limit: s.set.MaxResult,
		calls: map[*outgoing]struct{}{}, log: s.log, loose: loose, count: func(what string) { s.pool.count(s.set.Name, what) },
		values: fixedValues{agent: [1]string{"doorward"}, json: [1]string{typeJSON}, accept: [1]string{typeJSON + ", " + typeStream}},
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
	resp, err := l.post(ctx, o.raw, o)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if o.method == methodInitialize {
		if err := l.opened(resp.Header); err != nil {
			return err
		}
	}
	kind := mediaType(resp.Header)
	if resp.StatusCode != http.StatusOK {
		return l.refused(resp, kind, o, take)
	}
	switch kind {
	case typeJSON:
		return l.single(ctx, resp, o, take)
	case typeStream:
		return l.stream(ctx, resp.Body, o, take)
	}
	return fmt.Errorf("%w: status %d with content type %q", errProtocol, resp.StatusCode, printable([]byte(kind), maxShown))
}

// bound makes ctx end with the link.
func (l *httpLink) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.life, func() { cancel(context.Cause(l.life)) })
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

// mediaType is the type that an answer says it has, without parameters.
func mediaType(h http.Header) string {
	switch text := h.Get("Content-Type"); text {
	case typeJSON, typeStream: // as nearly all write it
		return text
	default:
		kind, _, _ := mime.ParseMediaType(text)
		return kind
	}
}

// post sends raw, or the pieces of o, with the headers of the era and nothing
// of the client's.
func (l *httpLink) post(ctx context.Context, raw []byte, o *outgoing) (*http.Response, error) {
	req := l.blank.WithContext(ctx)
	req.Header = l.postHeader(o)
	if o != nil && o.pieces != nil {
		setPieces(req, o.pieces)
	} else {
		// What net/http knows to be in memory it sends together with the headers.
		req.ContentLength = int64(len(raw))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
		req.Body = io.NopCloser(bytes.NewReader(raw))
	}
	return l.do(req)
}

// postHeader is the header of a POST: one for all of a session, which nobody
// changes, or made for the request.
func (l *httpLink) postHeader(o *outgoing) http.Header {
	h, version := http.Header(nil), l.version
	if o != nil && (o.header != nil || o.version != "") {
		h = o.header
		if o.version != "" {
			version = o.version
		}
	} else if l.common != nil {
		return l.common
	}
	if h == nil {
		h = make(http.Header, 8)
	}
	h["Content-Type"], h["Accept"] = l.values.json[:], l.values.accept[:]
	return l.dress(h, version)
}

// dress adds what every request of the link has.
func (l *httpLink) dress(h http.Header, version string) http.Header {
	h["User-Agent"] = l.values.agent[:]
	if u := l.blank.URL.User; u != nil {
		password, _ := u.Password()
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if version != "" {
		h.Set(mcp.HeaderVersion, version)
	}
	if l.session != "" {
		h.Set(mcp.HeaderSession, l.session)
	}
	return h
}

// setPieces makes pieces the body of a request. GetBody is what net/http asks
// when the connection that it kept was closed before anything was sent on it.
func setPieces(req *http.Request, pieces [][]byte) {
	for _, p := range pieces {
		req.ContentLength += int64(len(p))
	}
	req.GetBody = func() (io.ReadCloser, error) {
		left := net.Buffers(slices.Clone(pieces)) // which reading uses up
		return io.NopCloser(&left), nil
	}
	req.Body, _ = req.GetBody()
}

// do sends a request of this link and turns a failure to reach the upstream
// into errDown. The URL stays out of the error: it may hold a credential.
// Redirects are not followed: an upstream must not choose where a call goes.
func (l *httpLink) do(req *http.Request) (*http.Response, error) {
	resp, err := l.wire.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && late.Timeout() {
		return nil, fmt.Errorf("%w: %w", errTimeout, err)
	}
	return nil, fmt.Errorf("%w: %w", errDown, err)
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
func (l *httpLink) single(ctx context.Context, resp *http.Response, o *outgoing, take func(*gate.Message) error) error {
	raw, err := readBounded(resp.Body, l.limit, resp.ContentLength)
	if err != nil {
		return l.readFault(ctx, err)
	}
	m, err := mcp.ParseUpstream(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	if !o.answers(m, true) {
		l.count("stray_answer")
		return fmt.Errorf("%w: the answer is to another request", errProtocol)
	}
	return take(m)
}

// refused reads an answer with a status other than 200. Where its body is a
// JSON-RPC error that answers the request, that is the answer.
func (l *httpLink) refused(resp *http.Response, kind string, o *outgoing, take func(*gate.Message) error) error {
	if resp.StatusCode >= 400 && kind == typeJSON {
		raw, err := readBounded(resp.Body, maxErrorBody, resp.ContentLength)
		if err == nil {
			if m, err := mcp.ParseUpstream(raw); err == nil && m.Kind == gate.Failure && o.answers(m, true) && !l.lost(resp.StatusCode) {
				return take(m)
			}
		}
	}
	return l.status(resp.StatusCode)
}

// lost tells whether a status says that the session is gone.
func (l *httpLink) lost(status int) bool {
	return status == http.StatusNotFound && l.session != ""
}

// status is the error that a status means.
func (l *httpLink) status(code int) error {
	switch {
	case l.lost(code):
		l.finish(errGone)
		return errGone
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		l.log.Warn("upstream does not accept Doorward", "upstream", l.name, "status", code)
		return fmt.Errorf("%w: status %d", errRefused, code)
	case code == http.StatusTooManyRequests:
		return fmt.Errorf("%w: status %d", errBusy, code)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: status %d; redirects are not followed", errProtocol, code)
	case code >= 500:
		return fmt.Errorf("%w: status %d", errDown, code)
	}
	return &statusError{code}
}

// statusError is a status that says nothing by itself; the era is read from it.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("%v: status %d", errProtocol, e.code) }

// Is makes it a breach of the protocol where nobody reads the era from it.
func (e *statusError) Is(target error) bool { return target == errProtocol }

// send posts a notification or a response; 202 or another success is fine.
func (l *httpLink) send(ctx context.Context, raw []byte) error {
	ctx, stop := l.bound(ctx)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, sendTimeout, errTimeout)
	defer cancel()
	resp, err := l.post(ctx, raw, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return l.status(resp.StatusCode)
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
		if resp, err := l.do(req); err == nil {
			resp.Body.Close()
		}
	})
}

// readFault is why reading a body failed.
func (l *httpLink) readFault(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errTooLarge):
		return err
	}
	return fmt.Errorf("%w: reading the answer: %w", errDown, err)
}

// The length of an answer is a claim. As much as believed is set aside on its
// word, and then this many times what has come.
const (
	believed = 64 << 10
	growth   = 8
)

// readBounded reads to the end. size is what the sender says that there is, −1
// when it does not say.
func readBounded(r io.Reader, limit, size int64) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	first := int64(4 << 10)
	if size >= 0 {
		first = min(size, believed)
	}
	raw := make([]byte, 0, first+1) // and a byte in which the end shows
	for {
		if len(raw) == cap(raw) {
			room := int64(2 * cap(raw))
			if size >= int64(len(raw)) {
				room = min(growth*int64(cap(raw)), size+1)
			}
			raw = append(make([]byte, 0, max(room, int64(len(raw))+1)), raw...)
		}
		n, err := r.Read(raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		switch {
		case int64(len(raw)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return raw, nil
		case err != nil:
			return nil, err
		}
	}
}
