package upstream

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Restarts back off from minBackoff, doubling to maxBackoff; a link that held
// for steady starts over. Numbers: security case RES-02, whose first wait is
// shorter here where a process worked before, so that a server that crashed once
// is back before a person notices.
const (
	minBackoff   = 100 * time.Millisecond
	startBackoff = time.Second
	maxBackoff   = 60 * time.Second
	steady       = 60 * time.Second
)

// backoff is when something that failed may be tried again.
type backoff struct {
	least time.Duration // the first wait; 0: minBackoff

	mu       sync.Mutex
	failures int
	retryAt  time.Time
}

// wait is how long still; not positive when it may be tried.
func (b *backoff) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.retryAt)
}

// failed puts the next attempt off, by what the other side asked for at least.
func (b *backoff) failed(asked time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait, least := maxBackoff, b.least
	if least == 0 {
		least = minBackoff
	}
	if b.failures < 10 {
		wait = min(least<<b.failures, maxBackoff)
	}
	b.failures++
	// Jitter, so that the channels of a server that fell do not return as one.
	b.retryAt = time.Now().Add(max(asked, wait/2+rand.N(wait/2+1))) //nolint:gosec // jitter is no secret
}

func (b *backoff) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.retryAt = 0, time.Time{}
}
