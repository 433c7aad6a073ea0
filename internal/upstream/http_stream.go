package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
)

// maxResumes is how often in a row a stream is resumed without a new event.
const maxResumes = 5

// errAnswered ends the reading of a stream whose answer has come.
var errAnswered = errors.New("answered")

// stream reads the messages of one request. When it ends before the answer and
// had an event id, it is resumed with GET and Last-Event-ID after the time that
// the upstream asked for (SEP-1699).
func (l *httpLink) stream(ctx context.Context, body io.Reader, said saying, o *outgoing, take func(*gate.Message) error) error {
	lastID, retry := "", defaultRetry
	for fruitless := 0; ; fruitless++ {
		s := newSSEReader(body, l.limit, o.buffer())
		s.lastID = lastID
		var own error // of whoever takes the messages, such as a client that is gone: resuming mends nothing of it
		err := l.events(s, said, func(m *gate.Message) error { own = l.mine(o, m, take); return own })
		if errors.Is(err, errAnswered) {
			return nil
		}
		if s.retry > 0 {
			retry = s.retry
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case own != nil && !errors.Is(own, errDown), !ended(err):
			return err
		case l.era != gate.Stateful || s.lastID == "":
			return fmt.Errorf("%w: the stream ended before the answer", errDown)
		}
		if s.lastID != lastID {
			fruitless = 0
		}
		if lastID = s.lastID; fruitless >= maxResumes {
			return fmt.Errorf("%w: the stream ended %d times before the answer", errDown, fruitless)
		}
		if err := pause(ctx, retry); err != nil {
			return err
		}
		resp, err := l.get(ctx, lastID)
		if err != nil {
			return err
		}
		defer resp.Body.Close() // at most a few, and each has ended by itself
		body = resp.Body
	}
}

// mine hands on what a request's own stream may carry: its progress, its log,
// what it asks, and its answer. In the stateless era an upstream asks with its
// answer alone, and sends no requests (2026-07-28, transports).
func (l *httpLink) mine(o *outgoing, m *gate.Message, take func(*gate.Message) error) error {
	if m.Final() {
		if !o.answers(m, false) {
			l.count("stray_answer")
			return nil
		}
		if err := take(m); err != nil {
			return err
		}
		return errAnswered
	}
	if m.Kind == gate.Request && l.era == gate.Stateless {
		l.count("stray_request")
		return nil
	}
	if id, ok := progressOf(m); m.Method == methodProgress && (!ok || !o.token || id != o.id) {
		l.count("stray_progress")
		return nil
	}
	return take(m)
}

// events reads a stream to its end or to the first error of take.
func (l *httpLink) events(s *sseReader, said saying, take func(*gate.Message) error) error {
	for {
		ev, err := s.next()
		if err != nil {
			return err
		}
		if ev.name != "" && ev.name != "message" {
			continue
		}
		m, err := said.parse(ev.data)
		if refused, ok := errors.AsType[*leakError](err); ok {
			return refused.err
		}
		if err != nil {
			l.count("malformed")
			if idOfFault, ok := idOf(faultID(err)); ok && idOfFault > 0 {
				return fmt.Errorf("%w: %w", errProtocol, unquoted(l.mute, err))
			}
			l.log.Warn("upstream sent a malformed message", "upstream", l.name, "error", unquoted(l.mute, err))
			continue
		}
		if err := take(m); err != nil {
			return err
		}
	}
}

// ended tells whether a stream just ended or broke off, which resuming mends.
func ended(err error) bool {
	if _, ok := errors.AsType[*gate.Error](err); ok || errors.Is(err, errTooLarge) || errors.Is(err, errProtocol) {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errDown)
}

// get opens a GET stream; the caller closes its body.
func (l *httpLink) get(ctx context.Context, lastID string) (*http.Response, error) {
	req := l.blank.WithContext(ctx)
	req.Method, req.Header = http.MethodGet, l.dress(http.Header{"Accept": {typeStream}}, l.version)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := l.do(req, gate.Secret{})
	if err != nil {
		return nil, err
	}
	kind := mediaType(resp.Header)
	if resp.StatusCode != http.StatusOK || kind != typeStream {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil, l.odd(kind)
		}
		return nil, l.status(resp)
	}
	return resp, nil
}

// hear keeps a GET stream open for what the upstream sends outside any call,
// until the link ends or the upstream does not offer one.
func (l *httpLink) hear() {
	var first sync.Once
	lastID, wait := "", defaultRetry
	for late := false; ; late = true {
		resp, err := l.get(l.life, lastID)
		first.Do(func() { close(l.hears) })
		if err == nil {
			down := l.up(late)
			s := newSSEReader(resp.Body, l.limit, idleBuffer)
			s.lastID = lastID
			err = l.events(s, saying{guard: l.guard}, func(m *gate.Message) error { l.stray(m); return nil })
			resp.Body.Close()
			down()
			lastID, wait = s.lastID, max(s.retry, minRetry)
			if s.retry == 0 {
				wait = defaultRetry
			}
		} else if wait = max(min(2*wait, maxRetry), asksToWait(err)); !passing(err) {
			l.log.Debug("upstream has no stream", "upstream", l.name, "error", err)
			return
		}
		l.log.Debug("upstream stream ended", "upstream", l.name, "error", err)
		if pause(l.life, wait) != nil {
			return
		}
	}
}

// stray is a message on the GET stream. An answer there belongs to nobody, and
// progress belongs on its call's stream.
func (l *httpLink) stray(m *gate.Message) {
	switch {
	case m.Final():
		l.count("stray_answer")
	case m.Method == methodProgress:
		l.count("stray_progress")
	default:
		l.loose(m)
	}
}

// passing tells whether an error may be gone at the next attempt.
func passing(err error) bool {
	return errors.Is(err, errDown) || errors.Is(err, errBusy) || errors.Is(err, errTimeout) || errors.Is(err, errSecret)
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
