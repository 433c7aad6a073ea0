package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"doorward/internal/gate"
)

// How a call is made once more. The budget is security case RES-16's; an upstream that
// is hardly used has one retry in recentSpan, which a tenth of nothing would not be.
const (
	retryShare = 10                     // one retry in so many calls
	retryLeast = 100 * time.Millisecond // before it, with as much again at most as jitter
	retryMost  = 2 * time.Second        // a call waits no longer for it, whatever the upstream asks
)

// retries is what is left of an upstream's budget of calls that are made once more.
type retries struct {
	mu   sync.Mutex
	done recent // calls, and retries among them
}

// call notes a call of a client's.
func (r *retries) call() {
	r.mu.Lock()
	r.done.all[r.done.at()]++
	r.mu.Unlock()
}

// take takes one retry out of the budget, where there is one.
func (r *retries) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls, made := r.done.sums()
	if made >= max(1, calls/retryShare) {
		return false
	}
	r.done.some[r.done.at()]++
	return true
}

// errUnsent is part of an error before which nothing of the request was sent.
var errUnsent = errors.New("nothing was sent")

// unsent tells whether a call that failed was certainly not carried out: it was never
// sent, or the upstream says that it did not take it (RFC 6585, section 4; a 503 that
// says when to come again, RFC 9110, section 15.6.4).
func (k *calling) unsent(err error) bool {
	if k.o == nil {
		return true
	}
	if k.taken() { // what failed is a later request of the same call
		return false
	}
	if errors.Is(err, errUnsent) {
		return true
	}
	e, ok := errors.AsType[*waitError](err)
	return ok && (e.code == http.StatusTooManyRequests || e.code == http.StatusServiceUnavailable && e.said)
}

// reads tells whether the protocol says that the call changes nothing. Of a tool no
// more is known than what its upstream says of it.
func reads(ex *gate.Exchange) bool {
	if r := &ex.Call.Route; r.Task {
		return r.Method == methodTaskGet || r.Method == methodTaskResult
	}
	return ex.Call.Item != gate.Tool && again(ex)
}

// repeat makes a call that failed with err once more, where that cannot carry it out
// twice: after a pause, within its deadline and the upstream's budget. It returns err
// where it does not.
func (s *server) repeat(ctx context.Context, k *calling, err error) error {
	if !s.repeatable(ctx, k, err) {
		return err
	}
	wait := retryLeast + rand.N(retryLeast) //nolint:gosec // jitter is no secret
	wait = max(wait, asksToWait(err))
	if e, ok := errors.AsType[*gate.Error](err); ok {
		wait = max(wait, e.Wait)
	}
	if wait > retryMost || wait > s.set.Timeout/2 {
		return err
	}
	if !s.retries.take() {
		s.pool.count(s.set.Name, "retry_refused")
		return err
	}
	if pause(ctx, wait) != nil {
		return err
	}
	s.pool.count(s.set.Name, "retry")
	return s.relayAgain(ctx, k, err)
}

// relayAgain makes a call that failed with err once more. That goes on record first, for
// the upstream may read twice what the record of the call has once.
func (s *server) relayAgain(ctx context.Context, k *calling, err error) error {
	on := s.pool.cfg.Events(ctx, gate.Event{Kind: "upstream.retry", Actor: "doorward", Upstream: s.set.Name, Exchange: k.ex.ID, Detail: s.whyAgain(k, err), Status: "ok"})
	if on != nil {
		s.log.WarnContext(ctx, "a call is not made again, as that is not on record", "exchange", k.ex.ID, "upstream", s.set.Name, "error", on)
		return err
	}
	k.o = nil
	return s.relay(ctx, k)
}

// whyAgain says, for the record, why a call that failed with err may be made once more.
func (s *server) whyAgain(k *calling, err error) string {
	e, turnedAway := errors.AsType[*waitError](err)
	switch {
	case errors.Is(err, errFlipped):
		return "the upstream speaks the other era"
	case errors.Is(err, errGone):
		return "its session was gone"
	case turnedAway:
		return fmt.Sprintf("the upstream answered with status %d", e.code)
	case k.unsent(err):
		return "nothing was sent before"
	}
	return "the answer did not come, and " + k.ex.Call.Route.Method + " changes nothing"
}

func (s *server) repeatable(ctx context.Context, k *calling, err error) bool {
	if _, resumed := k.ex.Call.Message.Field("requestState"); resumed || k.heard || k.done || context.Cause(ctx) != nil {
		return false
	}
	_, turnedAway := errors.AsType[*waitError](err)
	return (turnedAway || wayFailed(err) || errors.Is(err, errWaits)) && (k.unsent(err) || reads(k.ex))
}

// outcome says of a call that failed after it was sent that nobody knows whether it was
// carried out (security case RES-15). err is classified. What the upstream refuses it does
// not carry out, unless it had taken the call and refuses to be asked for the answer.
func (s *server) outcome(ctx context.Context, k *calling, err error) error {
	e, ok := errors.AsType[*gate.Error](err)
	if !ok || k.unsent(err) || k.ex.Call.Item != gate.Tool || reads(k.ex) {
		return err
	}
	// A session that ends takes with it the calls that others have made in it.
	taken := k.taken() || errors.Is(context.Cause(ctx), errGone)
	if !taken && (errors.Is(err, errGone) || errors.Is(err, errRefused) || errors.Is(err, errFlipped)) {
		return err
	}
	_, status := errors.AsType[*statusError](err)
	_, turnedAway := errors.AsType[*waitError](err)
	told := *e
	switch {
	case e.Code == gate.CodeUpstreamDown, taken && e.Code == gate.CodeUpstreamBusy && turnedAway:
		told.Code, told.Public = gate.CodeUpstreamOutcome, "upstream "+s.set.Name+" failed during the call"
	case e.Code == gate.CodeUpstreamTimeout, e.Code == gate.CodeUpstreamProtocol && (taken || !status):
	default:
		return err
	}
	told.Public += ": it may have been carried out, so look before you make it again"
	return &told
}
