package upstream

import (
	"math/rand/v2"
	"sync"
	"time"
)

// When a breaker opens, and for how long. Five in a row is more than a restart of
// the upstream costs a client that tries again; the share is for an upstream that
// fails every other call and never five times in a row. The times are those of
// restarts (security cases RES-02 and RES-17).
const (
	breakerRun   = 5               // failures in a row
	breakerCalls = 20              // calls in recentSpan, from which on a share counts
	breakerShare = 2               // one failure in so many of them
	breakerGap   = 5 * time.Minute // between failures, after which they are not in a row
	breakerCalm  = 5 * time.Minute // closed for so long, the next opening is a first one
	probeRest    = time.Second     // what those are told to wait who come during the probe
)

// breaker keeps calls from an upstream that does not answer. Closed, it lets all
// through and counts; open, it refuses; when its time is over it lets one caller
// through, the probe, and what becomes of that closes or opens it. The zero value is
// closed. Any number of goroutines may use it.
type breaker struct {
	own bool // one client's: what that client brings about holds nobody else back

	mu      sync.Mutex
	run     int       // failures in a row
	last    time.Time // of them
	seen    recent    // calls, and failures among them
	heard   time.Time // when the upstream last answered anything
	until   time.Time // open until then; zero: closed
	doubt   bool      // half open without having been open
	probing bool      // a probe is under way
	times   int       // opened so often without breakerCalm between
	closed  time.Time // when it closed last
}

// The states of a breaker, as people and metrics read them.
const (
	breakerClosed = "closed"
	breakerOpen   = "open"
	breakerHalf   = "half-open" // the next caller, or one under way, is the probe
)

func (b *breaker) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return breakerClosed
	case b.probing || !time.Now().Before(b.until):
		return breakerHalf
	}
	return breakerOpen
}

// enter tells whether a caller may go on: with a wait it may not, and with probe it
// alone may, and has to say with probed what came of it.
func (b *breaker) enter() (probe bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return false, 0
	}
	if wait := time.Until(b.until); wait > 0 {
		return false, wait
	}
	if b.probing {
		if b.doubt { // it was never open: what one client may have brought about holds nobody else back
			return false, 0
		}
		return false, probeRest
	}
	b.probing = true
	return true, 0
}

// answered notes that the upstream has answered something that is no call.
func (b *breaker) answered() {
	b.mu.Lock()
	b.heard = time.Now()
	b.mu.Unlock()
}

// worked notes a call that the upstream has answered. That of a call from before it
// opened closes nothing: the probe does.
func (b *breaker) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = time.Now()
	if b.until.IsZero() {
		b.run = 0
		b.seen.all[b.seen.at()]++
	}
}

// failed notes that the upstream could not be reached, or broke off, since began. What was
// sent may have brought that about, and says nothing where others were answered meanwhile;
// many of those open nothing that others use, but have the next caller be the probe, so that
// no client can shut others out. asked is how long the upstream asks to be left alone. It returns for how
// long the breaker is open now where this opened it, and 0 where not.
func (b *breaker) failed(began time.Time, sent bool, asked time.Duration) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.until.IsZero() || sent && b.heard.After(began) {
		return 0
	}
	now := time.Now()
	if now.Sub(b.last) > breakerGap+now.Sub(began) {
		b.run = 0
	}
	b.run, b.last = b.run+1, now
	i := b.seen.at()
	b.seen.all[i]++
	b.seen.some[i]++
	all, bad := b.seen.sums()
	if b.run < breakerRun && (all < breakerCalls || bad*breakerShare < all) {
		return 0
	}
	if !b.closed.IsZero() && now.Sub(b.closed) > breakerCalm {
		b.times = 0
	}
	if sent && !b.own {
		b.until, b.doubt = now, true
		return 0
	}
	return b.open(asked)
}

// open opens it for longer each time; it needs mu.
func (b *breaker) open(asked time.Duration) time.Duration {
	wait := maxBackoff
	if b.times < 10 {
		wait = min(startBackoff<<b.times, maxBackoff)
	}
	b.times++
	// Jitter, so that the gateways in front of an upstream do not return as one.
	wait = max(asked, wait/2+rand.N(wait/2+1)) //nolint:gosec // jitter is no secret
	b.until = time.Now().Add(wait)
	return wait
}

// What came of a probe.
type probed uint8

// The zero value says nothing of the upstream: the next caller is the probe.
const (
	probeNothing probed = iota
	probeGood
	probeBad
)

// settle ends the probe. opened is for how long the breaker is open, where it was not before;
// closed tells whether it was open, and is not any more.
func (b *breaker) settle(what probed, asked time.Duration) (opened time.Duration, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch what {
	case probeGood:
		b.until, b.run, b.seen = time.Time{}, 0, recent{}
		b.closed = time.Now()
		b.heard = b.closed
		closed, b.doubt = !b.doubt, false
	case probeBad:
		wait := b.open(asked)
		if b.doubt {
			opened, b.doubt = wait, false
		}
	case probeNothing:
	}
	return opened, closed
}

// idle tells whether nothing would be lost without it.
func (b *breaker) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until.IsZero() && now.Sub(b.last) > breakerGap && now.Sub(b.closed) > breakerCalm
}
