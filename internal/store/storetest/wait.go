package storetest

import (
	"testing"
	"time"
)

// Eventually waits until something holds, at most for the time that it may take.
// Within a bubble of synctest that is the bubble's time.
func Eventually(tb testing.TB, within time.Duration, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !holds(); <-tick.C {
		if time.Since(began) > within {
			tb.Fatalf("not within %v: %s", within, what)
		}
	}
}

// Until waits for an instant.
func Until(t time.Time) { <-time.After(time.Until(t)) }
