package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// errHeld is a command that its pin does not allow to start.
var errHeld = errors.New("the command is not approved")

// errOther is a server that its pin does not allow to be used.
var errOther = errors.New("the server is not the approved one")

// fault is an expected failure of the upstream; public says which upstream it
// was and never where it is.
func (s *server) fault(code gate.Code, op string, err error) *gate.Error {
	err = s.guard.quiet(err)
	s.noteError(err)
	public := ""
	switch code {
	case gate.CodeUpstreamDown:
		public = fmt.Sprintf("upstream %s is unavailable", s.set.Name)
	case gate.CodeUpstreamSandbox:
		public = fmt.Sprintf("upstream %s is not started, as it cannot be confined", s.set.Name)
	case gate.CodeUpstreamBusy:
		public = fmt.Sprintf("upstream %s has too many calls", s.set.Name)
	case gate.CodeUpstreamTimeout:
		public = fmt.Sprintf("upstream %s did not answer in time", s.set.Name)
		if late, ok := errors.AsType[*lateError](err); ok {
			public = fmt.Sprintf("upstream %s did not answer within %s", s.set.Name, late.limit)
			if late.queued >= time.Second {
				public += fmt.Sprintf(", for %s of which the call waited for its turn", late.queued.Round(time.Second))
			}
		}
	case gate.CodeUpstreamProtocol:
		public = fmt.Sprintf("upstream %s broke the protocol", s.set.Name)
	default:
	}
	return &gate.Error{Code: code, Wait: asksToWait(err), Op: op + " of upstream " + s.set.Name, Err: err, Public: public}
}

// classify turns what a link returned into what the client may know. Errors
// that are classified already, and those of emit, pass unchanged.
func (s *server) classify(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*gate.Error](err); ok {
		return err
	}
	err = s.guard.quiet(err)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errCancel):
		return &gate.Error{Code: gate.CodeCancelled, Op: op, Err: cause, Public: "cancelled by the client"}
	case errors.Is(cause, errTimeout), errors.Is(err, errTimeout), errors.Is(cause, context.DeadlineExceeded):
		s.pool.count(s.set.Name, "timeout")
		if late, ok := errors.AsType[*lateError](cause); ok && !errors.Is(err, errTimeout) {
			err = fmt.Errorf("%w: %w", late, err)
		}
		return s.fault(gate.CodeUpstreamTimeout, op, err)
	case errors.Is(cause, errClosing), errors.Is(err, errClosing):
		return &gate.Error{Code: gate.CodeShuttingDown, Op: op, Err: err, Public: "the gateway is stopping"}
	case errors.Is(err, errNoRoom):
		return s.unheld()
	case errors.Is(err, errGone):
		e := s.fault(gate.CodeUpstreamDown, op, err)
		e.Public = fmt.Sprintf("upstream %s ended its session; the next call starts a new one", s.set.Name)
		return e
	case errors.Is(err, errOwnKey):
		return &gate.Error{Code: gate.CodeRequestKey, Op: op + " upstream " + s.set.Name, Err: err, Public: fmt.Sprintf("upstream %s does not accept the key that you sent in %s", s.set.Name, s.set.Credential.Request)}
	case errors.Is(err, errBusy):
		return later(s.fault(gate.CodeUpstreamBusy, op, err), err)
	case errors.Is(err, errProtocol), errors.Is(err, errTooLarge):
		return s.fault(gate.CodeUpstreamProtocol, op, err)
	case errors.Is(err, errDown), errors.Is(err, errRefused), errors.Is(err, errFlipped):
		return later(s.fault(gate.CodeUpstreamDown, op, err), err)
	}
	return err
}

// later tells the client when the upstream said to come again.
func later(e *gate.Error, err error) *gate.Error {
	if wait := asksToWait(err); wait > 0 {
		e.Public += fmt.Sprintf("; try again in %s", wait.Round(time.Second))
	}
	return e
}

// faultID is the id token that a message which could not be parsed had, if it
// was read before the fault.
func faultID(err error) []byte {
	if f, ok := errors.AsType[*jsonrpc.Fault](err); ok {
		return f.ID
	}
	return nil
}

func orCode(code, otherwise gate.Code) gate.Code {
	if code == gate.CodeUnset {
		return otherwise
	}
	return code
}
