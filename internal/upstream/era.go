package upstream

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
)

// eraState is what is known of an upstream in one era.
type eraState struct {
	spoken atomic.Bool // it was used in it
	wrong  atomic.Pointer[wrongEra]
}

// wrongEra remembers that a command does not speak an era, which can only be
// learned by starting it: a client that asks for one era and takes the other
// must not start every process twice.
type wrongEra struct {
	fault error
	until time.Time
}

func otherEra(era gate.Era) gate.Era {
	if era == gate.Stateful {
		return gate.Stateless
	}
	return gate.Stateful
}

// eraFault says that an upstream does not speak the client's era. That is no
// failure of an upstream that works in the other.
func (s *server) eraFault(era gate.Era, err error) *gate.Error {
	if !s.eras[otherEra(era)].spoken.Load() {
		s.noteError(err)
	}
	e := &gate.Error{Code: gate.CodeUpstreamEra, Op: "opening of upstream " + s.set.Name, Err: err}
	if era == gate.Stateful {
		e.Public = fmt.Sprintf("upstream %s speaks only 2026-07-28; a client of an older revision cannot use it in this version of Doorward", s.set.Name)
	} else {
		e.Public = fmt.Sprintf("upstream %s speaks only revisions before 2026-07-28; a client of 2026-07-28 cannot use it in this version of Doorward", s.set.Name)
	}
	return e
}

// learn remembers an era fault of a command that was seen to work in the other
// era; of one that was not, the fault may mean no more than that it crashed. It
// is believed as long as a discovery may be.
func (s *server) learn(era gate.Era, err error) {
	fault, ok := errors.AsType[*gate.Error](err)
	if ok && fault.Code == gate.CodeUpstreamEra && s.client == nil && s.eras[otherEra(era)].spoken.Load() {
		s.eras[era].wrong.Store(&wrongEra{fault, time.Now().Add(maxTTL)})
	}
}

// lacks is the fault of an upstream that is known not to speak the era.
func (s *server) lacks(era gate.Era) error {
	if w := s.eras[era].wrong.Load(); w != nil && time.Now().Before(w.until) {
		return w.fault
	}
	return nil
}
