package delivery

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Waits after tries that failed: 5 s, twice that each time, at most 10 minutes.
const (
	firstWait = 5 * time.Second
	mostWait  = 10 * time.Minute
	maxAge    = 3 * 24 * time.Hour // of an alert that is still tried
	maxNoes   = 5                  // of a receiver to one alert, before it is given up
)

// backoff is the wait after so many failures in a row, give or take a fifth, so that
// many gateways do not come back at once; longer when the receiver asks for it.
func backoff(failures int, err error) time.Duration {
	wait := mostWait
	if shift := failures - 1; shift < 10 {
		wait = min(mostWait, firstWait<<max(0, shift))
	}
	wait += rand.N(2*wait/5) - wait/5 //nolint:gosec // jitter, not a secret
	if a, ok := errors.AsType[interface {
		error
		Wait() time.Duration
	}](err); ok {
		wait = max(wait, a.Wait())
	}
	return wait
}

// unwanted tells of an answer that will be the same the next time.
func unwanted(err error) bool {
	a, ok := errors.AsType[interface {
		error
		Unwanted() bool
	}](err)
	return ok && a.Unwanted()
}

// Unwanted tells of the permanent noes of RFC 5321, section 4.2.1.
func (e *mailError) Unwanted() bool { return e.code >= 550 && e.code <= 559 }
