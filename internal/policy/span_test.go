package policy_test

import (
	"testing"
	"time"

	"doorward/internal/policy"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", 15 * time.Minute: "15m", 90 * time.Second: "1m30s", 2 * time.Hour: "2h",
		2*time.Hour + 10*time.Minute: "2h10m", 2*time.Hour + 10*time.Second: "2h0m10s", 240 * time.Hour: "240h",
	} {
		if got := policy.Span(d); got != want {
			t.Errorf("%s is written %s, want %s", d, got, want)
		}
		if back, err := time.ParseDuration(policy.Span(d)); err != nil || back != d {
			t.Errorf("%s is read as %s, %v", d, back, err)
		}
	}
}
