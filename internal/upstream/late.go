package upstream

import (
	"context"
	"fmt"
	"time"
)

// lateError is an upstream that took longer than it was given; it is an errTimeout.
type lateError struct {
	limit  time.Duration
	queued time.Duration // of it, for a place at the upstream
}

func (e *lateError) Error() string { return fmt.Sprintf("%v: longer than %s", errTimeout, e.limit) }

// Is makes it an errTimeout.
func (e *lateError) Is(target error) bool { return target == errTimeout }

// withLimit bounds what an upstream may take. Its cause says by how much, for the client
// to read.
func withLimit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, &lateError{limit: d})
}
