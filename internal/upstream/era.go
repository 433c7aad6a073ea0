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

// How long an upstream is believed not to speak an era: long enough that looking
// costs next to nothing, short enough that an upstream that was upgraded is not
// translated for the rest of the day.
const (
	eraBelief    = 10 * time.Minute
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
	executable digested // of the command that it was learned of
}

func otherEra(era gate.Era) gate.Era {
	if era == gate.Stateful {
		return gate.Stateless
	}
	return gate.Stateful
}

// order is the eras in which to try the upstream for a client of one: the
// client's own first, unless the upstream is known not to speak it.
func (s *server) order(own gate.Era) []gate.Era {
	switch {
	case s.set.Transport == transportSSE: // ended with the era that had it
		return statefulAlone[:]
	case own == gate.Stateful && s.lacks(own) == nil:
		return statefulFirst[:]
	case own == gate.Stateless && s.lacks(own) != nil:
		return statefulFirst[:]
	}
	return statelessFirst[:]
}

//nolint:gochecknoglobals // tables; read-only
var (
	statefulAlone  = [...]gate.Era{gate.Stateful}
	statefulFirst  = [...]gate.Era{gate.Stateful, gate.Stateless}
	statelessFirst = [...]gate.Era{gate.Stateless, gate.Stateful}
)

// unlike tells whether an upstream that failed in an era never worked in it, and
// does in the other: some of those answer a strange handshake in ways that look
// like a failure.
func (s *server) unlike(era gate.Era) bool {
	return !s.eras[era].spoken.Load() && s.eras[otherEra(era)].spoken.Load()
}

// eraFault says that an upstream does not speak an era. That is no failure of
// one that works in the other.
func (s *server) eraFault(era gate.Era, err error) *gate.Error {
	if !s.eras[otherEra(era)].spoken.Load() {
		s.noteError(err)
	}
	return &gate.Error{
		Code: gate.CodeUpstreamEra, Op: "opening of upstream " + s.set.Name, Err: fmt.Errorf("%s: %w", era, err),
		Public: fmt.Sprintf("upstream %s speaks no protocol version that Doorward knows", s.set.Name),
	}
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
		if _, w.executable, err = s.pool.executable(&s.set); err != nil {
			return false
		}
	}
	s.eras[era].wrong.Store(w)
	if spoken && era == gate.Stateless {
		s.log.Warn("upstream no longer speaks the stateless era; its clients are translated", "upstream", s.set.Name)
		s.pool.count(s.set.Name, "era_downgrade")
	}
	return true
}

// told remembers what the upstream itself said of its versions: that it has none
// of the stateful era.
func (s *server) told() {
	w := &wrongEra{until: time.Now().Add(eraBelief)}
	w.fault = s.eraFault(gate.Stateful, errOtherEra)
	if s.wire == nil {
		var err error
		if _, w.executable, err = s.pool.executable(&s.set); err != nil {
			return
		}
	}
	s.eras[gate.Stateful].wrong.Store(w)
}

// lacks is the fault of an upstream that is known not to speak the era. Another
// executable is another upstream.
func (s *server) lacks(era gate.Era) error {
	w := s.eras[era].wrong.Load()
	if w == nil || !time.Now().Before(w.until) {
		return nil
	}
	if s.wire == nil {
		if _, now, err := s.pool.executable(&s.set); err != nil || now.digest != w.executable.digest {
			s.eras[era].wrong.CompareAndSwap(w, nil)
			return nil
		}
	}
	return w.fault
}

// forget lets the upstream be tried in both eras again, and at once.
func (s *server) forget() {
	s.starts.worked()
	for i := range s.eras {
		s.eras[i].wrong.Store(nil)
	}
}
