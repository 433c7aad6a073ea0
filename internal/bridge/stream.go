package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"doorward/internal/jsonrpc"
)

// Bounds of reconnecting.
const (
	firstRetry = time.Second // where the server names no time
	minRetry   = 10 * time.Millisecond
	maxRetry   = 30 * time.Second
	maxResumes = 5 // in a row without a new event
)

// errEnded is that a stream came to its end.
var errEnded = errors.New("the stream ended")

// stream reads the answer to a call as events. One that breaks off is resumed in
// the stateful era, where the server gave its events ids (2025-11-25, resumability).
func (b *bridge) stream(ctx context.Context, c *call, s state, body io.ReadCloser) error {
	defer func() {
		if body != nil {
			body.Close()
		}
	}()
	lastID, wait := "", firstRetry
	for fruitless := 0; ; fruitless++ {
		events := newEventReader(body, maxMessage)
		events.lastID = lastID
		err := b.events(events, func(data []byte) (bool, error) { return c.put(b, data) })
		if err == nil {
			return nil
		}
		if events.retry > 0 {
			wait = events.retry
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.Is(err, errEnded):
			return err
		case c.method == methodListen:
			return refuse(faultCut, "%s has ended the subscription: subscribe again", b.url.Host)
		case c.version != "" || events.lastID == "" || fruitless >= maxResumes:
			return refuse(faultCut, "%s broke off its answer: whether the request was carried out is not known", b.url.Host)
		}
		if events.lastID != lastID {
			lastID, fruitless = events.lastID, 0
		}
		body.Close()
		if err := pause(ctx, wait); err != nil {
			return err
		}
		if body, err = b.get(ctx, s, lastID); err != nil {
			return err
		}
	}
}

// events reads messages until take says that nothing more is to come. errEnded
// is that there is more to come.
func (b *bridge) events(r *eventReader, take func([]byte) (bool, error)) error {
	for {
		ev, err := r.next()
		if errors.Is(err, errEventTooLarge) {
			return refuse(faultTooLarge, "the answer is larger than %d bytes", maxMessage)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errEnded, err)
		}
		if ev.name != "" && ev.name != "message" || len(ev.data) == 0 {
			continue
		}
		if done, err := take(ev.data); done || err != nil {
			return err
		}
	}
}

// get opens a stream of the session's.
func (b *bridge) get(ctx context.Context, s state, lastID string) (io.ReadCloser, error) {
	h := http.Header{"Accept": {"text/event-stream"}}
	s.dress(h)
	if lastID != "" {
		h.Set("Last-Event-Id", lastID)
	}
	res, err := b.send(ctx, http.MethodGet, h, nil)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		res.Body.Close()
		return nil, &noStream{res.StatusCode, b.status(res)}
	}
	return res.Body, nil
}

// noStream is an answer to a GET that is no stream.
type noStream struct {
	status int
	fault  *fault
}

func (n *noStream) Error() string { return n.fault.text }
func (n *noStream) Unwrap() error { return n.fault }

// passing tells whether another attempt may help.
func passing(err error) bool {
	if n, ok := errors.AsType[*noStream](err); ok {
		return n.status >= 500 || n.status == http.StatusTooManyRequests
	}
	f, ok := errors.AsType[*fault](err)
	return errors.Is(err, errEnded) || ok && (f.kind == faultUnreachable || f.kind == faultCut)
}

// ear listens to what the server sends by itself. Nil listens to nothing.
type ear struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

func newEar(b *bridge, s state) *ear {
	ctx, cancel := context.WithCancel(context.Background())
	e := &ear{cancel, make(chan struct{})}
	go func() { // stop waits for it
		defer close(e.ended)
		b.hear(ctx, s)
	}()
	return e
}

func (e *ear) stop() {
	if e == nil {
		return
	}
	e.cancel()
	<-e.ended
}

// hear keeps the session's stream open until ctx ends or the server has none.
func (b *bridge) hear(ctx context.Context, s state) {
	lastID, wait := "", firstRetry
	for {
		body, err := b.get(ctx, s, lastID)
		if err == nil {
			events := newEventReader(body, maxMessage)
			events.lastID = lastID
			came := false
			err = b.events(events, func(data []byte) (bool, error) { came = true; return false, b.stray(data) })
			body.Close()
			if lastID = events.lastID; came {
				wait = firstRetry
			}
			if events.retry > 0 {
				wait = events.retry
			}
		}
		if ctx.Err() != nil {
			return
		}
		if !passing(err) {
			b.opts.Log.Debug("the server sends nothing by itself", "error", err)
			return
		}
		if pause(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, maxRetry)
	}
}

// stray hands on a message that belongs to no call. An answer there would belong
// to nobody.
func (b *bridge) stray(data []byte) error {
	if jsonrpc.IsBatch(data) {
		return jsonrpc.Elements(data, func(at jsonrpc.Span) error { return b.stray(data[at.Start:at.End]) })
	}
	m, err := jsonrpc.Parse(data, jsonrpc.UpstreamLimits())
	switch {
	case err != nil:
		b.opts.Log.Warn("the server sent what is no message", "error", err)
	case m.Kind == jsonrpc.Request || m.Kind == jsonrpc.Notification:
		b.write(data)
	default:
		b.opts.Log.Warn("the server answered what it was not asked")
	}
	return nil
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
