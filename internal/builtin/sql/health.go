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

// What a client is told of an account that is not as it must be. What that may, and where, is the
// operator's affair: it names tables that no client need know of. The word in brackets never changes.
var (
	errRights = errors.New("the database's account may do more than read (database.rights): its operator, who is told what, has to give Doorward one that may SELECT and nothing else")
	errMask   = errors.New("a mask does not keep its columns out (database.mask): its operator is told which, and why")
)

// unlessFit makes an error one of the database; nil, and one that is, stay what they are.
func unlessFit(err error) error {
	if _, is := errors.AsType[*unfit](err); is || err == nil {
		return err
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
