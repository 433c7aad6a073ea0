package upstream

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"doorward/internal/retryafter"
)

// maxRetryAfter is how long an upstream may ask to be left alone: a higher
// number in Retry-After (RFC 9110, section 10.2.3) would shut it off for good.
const maxRetryAfter = 5 * time.Minute

// statusFault is the error that the status of an upstream's answer means, where
// the status is not the answer.
func statusFault(name string, log *slog.Logger, resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		log.Warn("upstream does not accept Doorward", "upstream", name, "status", code)
		return fmt.Errorf("%w: status %d", errRefused, code)
	case code == http.StatusTooManyRequests:
		return &waitError{errBusy, code, retryafter.Of(resp.Header, time.Now(), maxRetryAfter), said(resp.Header)}
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: status %d; redirects are not followed", errProtocol, code)
	case code >= 500:
		return &waitError{errDown, code, retryafter.Of(resp.Header, time.Now(), maxRetryAfter), said(resp.Header)}
	}
	return &statusError{code}
}

// keyRefused is the error of a status that says that the upstream does not take
// the client's own key; nil for any other. It is nothing that is wrong with the
// upstream, or with Doorward.
func keyRefused(name string, log *slog.Logger, status int) error {
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		return nil
	}
	log.Info("upstream does not accept a client's own key", "upstream", name, "status", status)
	return fmt.Errorf("%w was refused: status %d", errOwnKey, status)
}

// statusError is a status that says nothing by itself; the era and the transport
// are read from it.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("%v: status %d", errProtocol, e.code) }

// Is makes it a breach of the protocol where nobody reads more from it.
func (e *statusError) Is(target error) bool { return target == errProtocol }

// waitError is an upstream that cannot take the request now.
type waitError struct {
	kind error // errBusy or errDown
	code int
	wait time.Duration // that it asks for; 0 when it does not say
	said bool          // that it says
}

func (e *waitError) Error() string {
	if e.wait == 0 {
		return fmt.Sprintf("%v: status %d", e.kind, e.code)
	}
	return fmt.Sprintf("%v: status %d; it asks to wait %s", e.kind, e.code, e.wait)
}

// Unwrap returns what kind of failure it is.
func (e *waitError) Unwrap() error { return e.kind }

// asksToWait is how long an upstream that failed with err asks to be left alone,
// at most maxRetryAfter; 0 when it does not say.
func asksToWait(err error) time.Duration {
	if e, ok := errors.AsType[*waitError](err); ok {
		return e.wait
	}
	return 0
}

// said tells whether Retry-After is there, whatever it says.
func said(h http.Header) bool { return h.Get("Retry-After") != "" }
