package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
)

// maxBreakers is how many clients with processes of their own have a breaker of their
// own. Those that come then have none: their processes are still restarted with delays.
const maxBreakers = 1_000

// probeWait is how long the probe may take, as a person's list may.
const probeWait = 5 * time.Second

// errWaits is an upstream that is not tried now, because it failed a moment ago.
var errWaits = errors.New("it is not tried yet")

// breakers are an upstream's: one for all, and where each client has a process of its
// own one for each of those. What a client does to its own process says nothing of
// others', so that nobody can shut others out.
type breakers struct {
	all breaker

	mu  sync.Mutex
	own map[string]*breaker // by principal
}

// breakerOf is the breaker of a principal's calls.
func (s *server) breakerOf(principal string) *breaker {
	if s.wire != nil || s.set.Shared || principal == "" {
		return &s.breakers.all
	}
	s.breakers.mu.Lock()
	defer s.breakers.mu.Unlock()
	if b := s.breakers.own[principal]; b != nil {
		return b
	}
	if len(s.breakers.own) >= maxBreakers {
		return &breaker{}
	}
	if s.breakers.own == nil {
		s.breakers.own = map[string]*breaker{}
	}
	b := &breaker{own: true}
	s.breakers.own[principal] = b
	return b
}

// expire forgets the breakers that hold nothing back.
func (s *breakers) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for principal, b := range s.own {
		if b.idle(now) {
			delete(s.own, principal)
		}
	}
}

// states is the state of the one for all, and how many of clients' own are not closed.
func (s *breakers) states() (all string, own int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.own {
		if b.state() != breakerClosed {
			own++
		}
	}
	return s.all.state(), own
}

// admit refuses what the breaker holds back. The one caller that it lets through when
// its time is over proves that the upstream answers, before anything of its own is sent.
func (s *server) admit(ctx context.Context, ex *gate.Exchange) error {
	b := s.breakerOf(ex.Principal.Key())
	probe, wait := b.enter()
	switch {
	case wait > 0:
		return &gate.Error{
			Code: gate.CodeUpstreamBreaker, Op: "calling upstream " + s.set.Name, Err: fmt.Errorf("%w: the breaker is open for %s", errWaits, wait.Round(time.Millisecond)), Wait: wait,
			Public: fmt.Sprintf("upstream %s has failed again and again, so nothing was sent to it; try again in %s", s.set.Name, whole(wait)),
		}
	case !probe:
		return nil
	}
	return s.probeFor(ctx, ex, b)
}

// probeFor is the probe of a breaker that is half open. It has its whole time, whatever its
// caller's is and also where that leaves: it is everybody's.
func (s *server) probeFor(ctx context.Context, ex *gate.Exchange, b *breaker) (err error) {
	what, asked := probeNothing, time.Duration(0)
	defer func() { // also where it panics
		switch opened, closed := b.settle(what, asked); {
		case opened > 0:
			s.opened(b, opened, err)
		case closed:
			s.report(ctx, "closed", "ok")
		}
	}()
	s.pool.count(s.set.Name, "breaker_probe")
	within, cancel := withLimit(context.WithoutCancel(ctx), min(s.set.Timeout, probeWait))
	defer cancel()
	err = s.classify(within, "probing", s.answers(within, ex))
	switch {
	case err == nil || answer(err):
		what = probeGood
		return nil
	case wayFailed(err):
		what, asked = probeBad, asksToWait(err)
	}
	return err
}

// answers asks the upstream, on the exchange's own channel, for a sign of life: the
// opening of a link is one, and where the link is open it is asked something.
func (s *server) answers(ctx context.Context, ex *gate.Exchange) error {
	began := time.Now()
	c, cn, err := s.open(ctx, ex, false)
	if err != nil {
		return err
	}
	defer c.end()
	if !cn.born.Before(began) {
		return nil
	}
	if err := s.event(ctx, "upstream.probe", ""); err != nil {
		return err
	}
	method, params := methodPing, []byte(nil)
	if c.key.era == gate.Stateless {
		method, params = methodDiscover, append(append([]byte{'{'}, c.ownMeta()...), '}')
	}
	_, err = c.request(ctx, cn.link, method, params) // an error of its application is an answer
	return err
}

// answer tells whether an error is one with which the upstream itself answered, however
// badly.
func answer(err error) bool {
	if errors.Is(err, errSecret) { // nothing was sent
		return false
	}
	_, status := errors.AsType[*statusError](err)
	_, turnedAway := errors.AsType[*waitError](err)
	return status || turnedAway && !wayFailed(err) || errors.Is(err, errProtocol) || errors.Is(err, errTooLarge) || errors.Is(err, errRefused) || errors.Is(err, errGone) || gate.CodeOf(err) == gate.CodeUpstreamEra
}

// wayFailed tells whether an error, of a link or classified, is a failure of the way to the
// upstream: it could not be reached or started, broke off, or was silent. What its
// application answers, what a client ends and what is refused here is none. A status is
// one where it says that what stands before the upstream does not reach it, or that it is
// not in service; 500 is its application's.
func wayFailed(err error) bool {
	for _, other := range [...]error{errWaits, errReplaced, errEnded, errClosing, errCancel, errGone, errFlipped, errRefused, errProtocol, errSecret} {
		if errors.Is(err, other) {
			return false
		}
	}
	if e, ok := errors.AsType[*waitError](err); ok {
		return e.code >= http.StatusBadGateway && e.code <= http.StatusGatewayTimeout
	}
	switch e, ok := errors.AsType[*gate.Error](err); {
	case !ok:
		return errors.Is(err, errDown) || errors.Is(err, errTimeout)
	case e.Code == gate.CodeUpstreamDown, e.Code == gate.CodeUpstreamTimeout:
		return true
	}
	return false
}

// note counts what came of using the upstream since began for the breaker, and puts it
// on record where that opens it. sent tells whether a client's request may have brought it
// about. err is classified.
func (s *server) note(b *breaker, began time.Time, sent bool, err error) {
	if !wayFailed(err) {
		return
	}
	if _, turnedAway := errors.AsType[*waitError](err); turnedAway {
		sent = true // it is there and answers, and that may be this client's doing alone
	}
	if wait := b.failed(began, sent, asksToWait(err)); wait > 0 {
		s.opened(b, wait, err)
	}
}

// opened puts on record that a breaker opened, and what by.
func (s *server) opened(b *breaker, wait time.Duration, err error) {
	whose := "for all"
	if b != &s.breakers.all {
		whose = "for one client's own process"
	}
	s.log.Warn("upstream fails again and again; nothing is sent to it for now", "upstream", s.set.Name, "wait", wait, "breaker", whose, "error", err)
	s.report(context.Background(), fmt.Sprintf("opened %s, for %s", whose, wait.Round(time.Millisecond)), "failed")
}

// settleBreaker counts an opening, or a reading of a list, of the channel's.
func (c *channel) settleBreaker(began time.Time, err error) {
	b := c.srv.breakerOf(c.principal())
	if err == nil {
		b.answered() // which says that it is there, and not that calls work
		return
	}
	c.srv.note(b, began, gate.CodeOf(err) == gate.CodeUpstreamTimeout, err)
}

// called counts a call whose answer has not come, which is counted when it does. One that
// was not sent is counted where it failed. What the queue or its client took of the time of a
// call is not the upstream's: its silence counts from half of that time on.
func (s *server) called(k *calling, err error) {
	if k.done {
		return
	}
	b := s.breakerOf(k.ex.Principal.Key())
	_, late := errors.AsType[*lateError](err)
	switch {
	case err == nil:
		b.worked()
	case k.heard:
		b.answered()
	case k.o != nil && (!late || time.Since(k.sent) >= k.timeout/2):
		s.note(b, k.sent, !k.unsent(err), err)
	}
}

// orEnded makes err one of a channel that was closed on purpose, where it was: that is no
// failure of its upstream's.
func (c *channel) orEnded(err error) error {
	if err == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil && errors.Is(err, errDown) {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return err
}

// report puts on record that a breaker opened or closed. Without a record it does so all
// the same: what follows is refused without one anyway.
func (s *server) report(ctx context.Context, what, status string) {
	kind := "breaker_open"
	if status == "ok" {
		kind = "breaker_close"
	}
	s.pool.count(s.set.Name, kind)
	err := s.pool.cfg.Events(context.WithoutCancel(ctx), gate.Event{Kind: "upstream.breaker", Actor: "doorward", Upstream: s.set.Name, Detail: what, Status: status})
	if err != nil {
		s.log.WarnContext(ctx, "what the breaker of an upstream does is not on record", "upstream", s.set.Name, "error", err)
	}
}

// whole rounds up to seconds, for people.
func whole(d time.Duration) time.Duration {
	return time.Duration(gate.WholeSeconds(d)) * time.Second
}
