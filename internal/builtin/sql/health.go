package sql

import (
	"context"
	"errors"
)

// unfit is a fault of the database, of its account or of the way to it, which no other
// statement would mend.
type unfit struct {
	error       // what a client is told
	why   error // what the operator is told besides; nil for nothing
}

func (u *unfit) Unwrap() error { return u.error }

// unlessFit makes an error one of the database; nil stays nil.
func unlessFit(err error) error {
	if err == nil {
		return nil
	}
	return &unfit{error: err}
}

// report tells the operator what a call shows of the database: nil where it was answered.
// What is wrong with a statement, and a client that leaves, say nothing of it.
func (s *server) report(ctx context.Context, err error) {
	if s.set.Health == nil {
		return
	}
	if err == nil {
		s.set.Health(nil)
		return
	}
	of, ok := errors.AsType[*unfit](err)
	switch {
	case ok && of.why != nil:
		s.set.Health(of.why)
	case ok && !errors.Is(context.Cause(ctx), context.Canceled):
		s.set.Health(of.error)
	case errors.Is(err, errNoFile):
		s.set.Health(errNoFile)
	}
}
