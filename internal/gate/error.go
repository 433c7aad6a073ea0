package gate

import (
	"errors"
	"fmt"
	"time"
)

// Error is an expected failure, as opposed to a refusal (a Verdict) and to an
// unexpected error, which a client sees as "internal error" with the
// exchange's id. Code also chooses the client's status (see listen).
type Error struct {
	Code   Code   // what failed, one of the Code constants
	Public string // what the client may read; never holds a secret or an address
	Op     string // what was being done, for the log
	Err    error  // the cause, for the log; may be nil

	Wait time.Duration // after which to try again, where that is known; 0 where not
}

// Error is the operator's text.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Op, e.Code)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrDeclined is what Emit returns for a message that may not pass while the
// exchange goes on: whoever sent it can be told, and the call continues.
var ErrDeclined = errors.New("the message was refused")

// CodeOf is the code of the first *Error in err's chain, or CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != CodeUnset {
		return e.Code
	}
	return CodeInternal
}
