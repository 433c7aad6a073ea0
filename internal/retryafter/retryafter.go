// Package retryafter reads when somebody who was asked wants to be asked again.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Of is how long whoever answered asks to be left alone, by its header Retry-After
// (RFC 9110, section 10.2.3): whole seconds or a date, up to most. What is neither, or lies in
// the past, asks for nothing: 0.
func Of(h http.Header, now time.Time, most time.Duration) time.Duration {
	text := h.Get("Retry-After")
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseUint(text, 10, 63)
		if errors.Is(err, strconv.ErrRange) || seconds > uint64(most/time.Second) { //nolint:gosec // most is positive
			return most
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now).Round(time.Second), 0), most)
}
