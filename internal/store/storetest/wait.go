package storetest

import (
	"testing"
	"time"
)

// Eventually waits until something holds, at most for the time that it may take.
// Within a bubble of synctest that is the bubble's time. Elsewhere it is a minute at least: how
// long something takes there says as much about what else the machine does.
func Eventually(tb testing.TB, within time.Duration, what string, holds func() bool) {
	tb.Helper()
	within = patience(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !holds(); <-tick.C {
		if time.Since(began) > within {
			tb.Fatalf("not within %v: %s", within, what)
		}
	}
}

// patience is how long a test waits for what may take so long.
func patience(within time.Duration) time.Duration {
	if time.Now().Year() == 2000 { // when the clock of a bubble begins
		return within
	}
	return max(within, time.Minute)
}

// Until waits for an instant.
func Until(t time.Time) { <-time.After(time.Until(t)) }
