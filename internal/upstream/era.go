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

// How long an upstream is believed not to speak an era: long enough that a
// client of the wrong era starts and asks next to nothing, short enough that an
// upstream that was upgraded is back before a person looks for the cause.
const (
	eraBelief    = 60 * time.Second
	unsureBelief = 5 * time.Second
)

// errUnsure marks a sign of the other era that may have another cause.
var errUnsure = errors.New("it may have failed for another reason")

// wrongEra remembers that an upstream does not speak an era, which can only be
// learned by starting or asking it: a client that asks for one era and takes the
// other must not start every process twice.
type wrongEra struct {
	fault      error
	until      time.Time
	executable gate.Digest // of the command that it was learned of
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

// learn remembers that an upstream does not speak an era, and tells whether it
// did. Some signs of it may be no more than a crash or a server at its limits:
// those are believed for long only when the other era was seen to work and this
// one never, and those that a client's own handshake may provoke not at all, for
// one client must not close the upstream to the others.
func (s *server) learn(era gate.Era, err error) bool {
	fault, ok := errors.AsType[*gate.Error](err)
	if !ok || fault.Code != gate.CodeUpstreamEra {
		return false
	}
	spoken, unsure := s.eras[era].spoken.Load(), errors.Is(err, errUnsure)
	belief := eraBelief
	switch {
	case unsure && era == gate.Stateful:
		return false
	case spoken, unsure && !s.eras[otherEra(era)].spoken.Load():
		belief = unsureBelief
	}
	w := &wrongEra{fault: fault, until: time.Now().Add(belief)}
	if s.wire == nil {
		if _, w.executable, err = s.pool.executable(s.set.Command); err != nil {
			return false
		}
	}
	s.eras[era].wrong.Store(w)
	return true
}

// lacks is the fault of an upstream that is known not to speak the era. Another
// executable is another upstream.
func (s *server) lacks(era gate.Era) error {
	w := s.eras[era].wrong.Load()
	if w == nil || !time.Now().Before(w.until) {
		return nil
	}
	if s.wire == nil {
		if _, digest, err := s.pool.executable(s.set.Command); err != nil || digest != w.executable {
			s.eras[era].wrong.CompareAndSwap(w, nil)
			return nil
		}
	}
	return w.fault
}

// forget lets the upstream be tried in both eras again.
func (s *server) forget() {
	for i := range s.eras {
		s.eras[i].wrong.Store(nil)
	}
}
