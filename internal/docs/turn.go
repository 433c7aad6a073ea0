package docs

import (
	"errors"
	"sync/atomic"
)

// LostError is that of a writer whose right to write was not renewed in time.
type LostError struct {
	Why error // what went wrong when it was renewed last; nil: nothing did
}

func (e *LostError) Error() string {
	const lost = "another ingestion may write to the index by now: this one was away for too long"
	if e.Why == nil {
		return lost
	}
	return lost + ", and its turn could not be renewed: " + e.Why.Error()
}

func (e *LostError) Unwrap() error { return e.Why }

// Renewal is how the renewing of a right to write goes, beside what is done with the right.
type Renewal struct{ amiss atomic.Pointer[error] }

// Note keeps what renewing said, until it says something else. That the right is lost is not
// why it was lost.
func (r *Renewal) Note(err error) {
	if _, lost := errors.AsType[*LostError](err); lost {
		return
	}
	if err == nil {
		r.amiss.Store(nil)
		return
	}
	r.amiss.Store(&err)
}

// Lost is the error of a right that is found lost: *LostError.
func (r *Renewal) Lost() error {
	if why := r.amiss.Load(); why != nil {
		return &LostError{*why}
	}
	return &LostError{}
}
