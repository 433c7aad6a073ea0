package audit

import (
	"testing"
	"time"
)

// A cosignature shows nothing when its time is before the newest record that it covers, or
// in the future, by more than clocks are away.
func TestACosignatureIsTimely(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		last, at time.Time
		want     bool
	}{
		{now.Add(-time.Hour), now, true},
		{now.Add(-1000 * time.Hour), now.Add(-900 * time.Hour), true},
		{now.Add(-1000 * time.Hour), now.Add(-1023 * time.Hour), true},
		{now.Add(-1000 * time.Hour), now.Add(-1025 * time.Hour), false},
		{now.Add(-1000 * time.Hour), time.Unix(0, 0), false},
		{now.Add(-1000 * time.Hour), now.Add(23 * time.Hour), true},
		{now.Add(-1000 * time.Hour), now.Add(25 * time.Hour), false},
		{now.Add(-1000 * time.Hour), time.Time{}, false},
	} {
		v := verifier{report: Report{Last: tc.last}}
		if got := v.timely(tc.at); got != tc.want {
			t.Errorf("at %v of a record of %v: %t", tc.at, tc.last, got)
		}
	}
}
