package upstream

import (
	"errors"

	"doorward/internal/gate"
)

// errNoRoom is an answer for which the gateway has no room left.
var errNoRoom = errors.New("there is no room for the answer")

// hold counts an answer that has come, as far as its link has not: the exchange has it until its client
// has read it.
func (k *calling) hold(m *gate.Message) error {
	if more := int64(len(m.Raw)) - k.held.Bytes(); more > 0 && !k.held.Grow(more) {
		return errNoRoom
	}
	return nil
}

// unheld is what a client reads whose answer found no room. The upstream has not failed, and nothing says
// to try again: the call may have been carried out.
func (s *server) unheld() *gate.Error {
	return &gate.Error{
		Code: gate.CodeUpstreamOutcome, Op: "reading the answer of upstream " + s.set.Name, Err: errNoRoom,
		Public: "upstream " + s.set.Name + " has answered, and this gateway has no room for the answer: the call may have been carried out, so look before you make it again",
	}
}
