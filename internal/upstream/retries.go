package upstream

import (
	"context"
	"errors"
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
	if k.heard || k.o.taken { // what failed is a later request of the same call
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
	k.o = nil
	return s.relay(ctx, k)
}

func (s *server) repeatable(ctx context.Context, k *calling, err error) bool {
	if _, resumed := k.ex.Call.Message.Field("requestState"); resumed || k.heard || context.Cause(ctx) != nil {
		return false
	}
	_, turnedAway := errors.AsType[*waitError](err)
	return (turnedAway || wayFailed(err) || errors.Is(err, errWaits)) && (k.unsent(err) || reads(k.ex))
}

// outcome says of a call that failed after it was sent that nobody knows whether it was
// carried out (security case RES-15). err is classified.
func (s *server) outcome(k *calling, err error) error {
	e, ok := errors.AsType[*gate.Error](err)
	if !ok || k.unsent(err) || k.ex.Call.Item != gate.Tool || errors.Is(err, errGone) || errors.Is(err, errRefused) || errors.Is(err, errFlipped) {
		return err
	}
	told := *e
	switch _, status := errors.AsType[*statusError](err); {
	case e.Code == gate.CodeUpstreamDown:
		told.Code, told.Public = gate.CodeUpstreamOutcome, "upstream "+s.set.Name+" failed during the call"
	case e.Code == gate.CodeUpstreamTimeout, e.Code == gate.CodeUpstreamProtocol && !status:
	default:
		return err
	}
	told.Public += ": it may have been carried out, so look before you make it again"
	return &told
}
