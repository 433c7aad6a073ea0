package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
)

// Bounds of the HTTP+SSE transport of 2024-11-05.
const (
	endpointTimeout = 10 * time.Second // from the request to the endpoint event
	maxEndpoint     = 4 << 10          // bytes of the endpoint event
	postGrace       = time.Second      // for the end of a POST whose answer has come
)

// sseLink is a connection of the HTTP+SSE transport (2024-11-05, transports): a
// GET stream on which everything comes, and a POST for everything that goes. The
// stream is the session: when it ends, nothing is resumed.
type sseLink struct {
	*mux
	get        *http.Request // the URL; copied for the stream
	blank      *http.Request // the endpoint that the upstream named; copied for each POST
	wire       http.RoundTripper
	credential credential
	limit      int64 // bytes of one event

	life   context.Context //nolint:containedctx // the link's own life, which is its stream's
	end    context.CancelCauseFunc
	reader sync.WaitGroup
}

// newSSELink opens the stream and waits for the endpoint. ctx bounds that alone.
// owned is a link that serves one principal.
func (s *server) newSSELink(ctx context.Context, loose func(*gate.Message), owned bool) (link, error) {
	get, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.set.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of upstream %s: %w", s.set.Name, errors.Unwrap(err)) // without the URL
	}
	l := &sseLink{mux: s.newMux(loose, owned), get: get, wire: s.wire, credential: s, limit: s.set.MaxResult}
	l.life, l.end = context.WithCancelCause(context.Background())
	ctx, cancel := withLimit(ctx, endpointTimeout)
	defer cancel()
	opening := context.AfterFunc(ctx, func() { l.end(context.Cause(ctx)) })
	defer opening()
	body, events, err := l.open()
	if err != nil {
		l.end(err)
		return nil, err
	}
	l.reader.Go(func() {
		defer body.Close()
		l.read(events)
	})
	return l, nil
}

// open asks for the stream and reads its first event, the endpoint.
func (l *sseLink) open() (io.Closer, *sseReader, error) {
	req := l.get.WithContext(l.life)
	req.Header = l.header(http.Header{"Accept": {typeStream}})
	resp, err := roundTrip(l.wire, l.credential, req, gate.Secret{})
	if err != nil {
		return nil, nil, err
	}
	events, err := l.begin(resp)
	if err != nil {
		resp.Body.Close()
		return nil, nil, err
	}
	return resp.Body, events, nil
}

func (l *sseLink) begin(resp *http.Response) (*sseReader, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, statusFault(l.name, l.log, resp)
	}
	if kind := mediaType(resp.Header); kind != typeStream {
		return nil, fmt.Errorf("%w: a stream of content type %q", errProtocol, printable([]byte(kind), maxShown))
	}
	events := newSSEReader(resp.Body, maxEndpoint, busyBuffer)
	ev, err := events.next()
	switch {
	case err != nil:
		return nil, l.why(err)
	case ev.name != "endpoint":
		return nil, fmt.Errorf("%w: its stream begins with the event %q and not with endpoint", errProtocol, printable([]byte(ev.name), maxShown))
	}
	to, err := endpoint(l.get.URL, string(ev.data))
	if err != nil {
		return nil, err
	}
	events.max = l.limit
	l.blank = l.get.Clone(context.Background())
	l.blank.Method, l.blank.URL, l.blank.Host = http.MethodPost, to, to.Host
	return events, nil
}

// endpoint resolves what an upstream named as the place to post to. It must have
// the origin of the stream: an upstream must not choose where calls go, and the
// credential with them. The error does not say what was named: it holds the
// session's id.
func endpoint(base *url.URL, named string) (*url.URL, error) {
	ref, err := url.Parse(strings.TrimSpace(named))
	if err != nil || strings.TrimSpace(named) == "" {
		return nil, fmt.Errorf("%w: its endpoint is not a URL", errProtocol)
	}
	to := base.ResolveReference(ref)
	if ref.User != nil || to.Opaque != "" || to.Scheme != base.Scheme || !strings.EqualFold(to.Hostname(), base.Hostname()) || portOf(to) != portOf(base) {
		return nil, fmt.Errorf("%w: its endpoint has another origin than its stream", errProtocol)
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to, nil
}

// portOf is the port of a URL, that of its scheme where it names none.
func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// header adds what every request of the link has.
func (l *sseLink) header(h http.Header) http.Header {
	h.Set("User-Agent", userAgent)
	if basic := basicAuth(l.get.URL); basic != "" {
		h.Set("Authorization", basic)
	}
	return h
}

// read takes the stream apart until it ends.
func (l *sseLink) read(events *sseReader) {
	for {
		ev, err := events.next()
		if err != nil {
			cause := l.why(err)
			l.stop(cause)
			l.end(cause)
			return
		}
		switch ev.name {
		case "", "message":
			l.receive(ev.data)
		case "endpoint":
			l.count("malformed") // it has named the one that counts
		}
	}
}

// why is what the end of the stream means.
func (l *sseLink) why(err error) error {
	switch {
	case l.life.Err() != nil:
		return context.Cause(l.life)
	case errors.Is(err, errTooLarge):
		return fmt.Errorf("%w: an event is too large", errProtocol)
	}
	return fmt.Errorf("%w: the stream ended", errDown)
}

// exchange posts a request and waits for its answer on the stream. The answer
// may come before the POST ends, and what the upstream asks meanwhile has to be
// answered for it to end at all.
func (l *sseLink) exchange(ctx context.Context, o *outgoing, take func(*gate.Message) error) error {
	w := l.enter(o)
	defer l.leave(ctx, l, w)
	own := o.spend()
	posting, abort := context.WithCancel(ctx)
	unsent, posted := make(chan error, 1), make(chan struct{})
	var fault error // of the POST; read after posted
	go func() {
		defer close(posted)
		if fault = l.post(posting, o.whole(), own); fault != nil {
			unsent <- fault
		}
	}()
	err := l.await(ctx, l, w, unsent, take)
	if err == nil {
		grace := time.AfterFunc(postGrace, abort)
		defer grace.Stop()
	} else {
		abort()
	}
	<-posted
	// Where another's request ended the session, who knows what became of this one.
	o.taken = o.taken || fault == nil || errors.Is(err, errGone) && !errors.Is(fault, errGone)
	abort()
	return err
}

// send posts a notification or a response.
func (l *sseLink) send(ctx context.Context, raw []byte) error {
	return l.reply(ctx, raw, gate.Secret{})
}

func (l *sseLink) reply(ctx context.Context, raw []byte, own gate.Secret) error {
	ctx, cancel := withLimit(ctx, sendTimeout)
	defer cancel()
	return l.post(ctx, raw, own)
}

// post sends one message. The upstream accepts it with 202, some with 200; a
// session that it does not know is one that it has ended.
func (l *sseLink) post(ctx context.Context, raw []byte, own gate.Secret) error {
	ctx, stop := within(ctx, l.life)
	defer stop()
	req := l.blank.WithContext(ctx)
	req.Header = l.header(http.Header{"Content-Type": {typeJSON}})
	setBody(req, raw)
	resp, err := roundTrip(l.wire, l.credential, req, own)
	if errors.Is(err, errGone) { // another's request ended the session, and who knows what became of this
		return fmt.Errorf("%w: its session ended during the request", errDown)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody) // so that the connection can be used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	case http.StatusNotFound, http.StatusGone:
		l.stop(errGone) // at once, for the next call must not find this link
		l.end(errGone)
		return errGone
	}
	if own != (gate.Secret{}) {
		if err := keyRefused(l.name, l.log, resp.StatusCode); err != nil {
			return err
		}
	}
	return statusFault(l.name, l.log, resp)
}

// close ends the stream, and the session with it.
func (l *sseLink) close() {
	l.end(errDown)
	l.reader.Wait()
}

// detectsSSE tells whether initialize failed as it does at a server of the
// HTTP+SSE transport: it does not know POST at the address of its stream, and
// says so with a status alone (2025-03-26, transports, backwards compatibility).
func detectsSSE(err error) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed}, e.code)
}
