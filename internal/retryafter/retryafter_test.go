package retryafter_test

import (
	"net/http"
	"testing"
	"time"

	"doorward/internal/retryafter"
)

const most = 5 * time.Minute

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"30":                             30 * time.Second,
		"300":                            most,
		"301":                            most,
		"1000000000":                     most,
		"9223372036854775808":            most,
		"9999999999999999999999":         most,
		"9999999999999999999999x":        0,
		"-5":                             0,
		"+5":                             0,
		"1.5":                            0,
		"1m":                             0,
		"1e9":                            0,
		"1_0":                            0,
		"0x10":                           0,
		"soon":                           0,
		"Fri, 20 Nov 2026 12:01:00 GMT":  time.Minute,
		"Friday, 20-Nov-26 12:01:00 GMT": time.Minute,
		"Fri Nov 20 12:01:00 2026":       time.Minute,
		"Fri, 20 Nov 2026 11:00:00 GMT":  0,
		"Fri, 31 Dec 9999 23:59:59 GMT":  most,
	} {
		if got := retryafter.Of(http.Header{"Retry-After": {text}}, now, most); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := retryafter.Of(http.Header{}, now, most); got != 0 {
		t.Errorf("without it: %s", got)
	}
}

// FuzzRetryAfter: whatever somebody asks for, it is bounded.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"30", "-1", "1000000000000000000000", "Fri, 20 Nov 2026 12:01:00 GMT"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryafter.Of(http.Header{"Retry-After": {text}}, now, most); got < 0 || got > most {
			t.Errorf("%q asks for %s", text, got)
		}
	})
}
