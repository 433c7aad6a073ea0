package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrIncidents means that nobody can tell what is suspended.
var ErrIncidents = errors.New("what is suspended is unknown")

// forgetWithin bounds the time that it takes to take somebody out of all incidents.
const forgetWithin = time.Minute

// ErrNoIncident is that of an id that no incident has.
var ErrNoIncident = errors.New("there is no such incident")

// errIncidentsOld is a constant: a look at the list does not allocate.
var errIncidentsOld = fmt.Errorf("%w: the list was last seen more than %v ago", ErrIncidents, revokedLimit)

// incidentSource is where the list is. Its methods are called one at a time.
type incidentSource interface {
	// read returns the list as it is now: have itself when nothing has changed.
	read(ctx context.Context, have incidentList) (incidentList, error)
	// add returns when what one says is kept for good, beside what was there.
	add(ctx context.Context, one *Incident) error
	// edit has do change an incident as it is now, in its place, until do has seen the
	// latest. It returns when that is kept for good.
	edit(ctx context.Context, id string, do func(*Incident) (changed bool)) error
}

// Incidents are what people look into, and what is suspended for it: in a file for
// one gateway or in Redis for several. What calls ask is a copy in memory, which a
// goroutine of its own keeps fresh: what is suspended or released anywhere is so
// everywhere within revokedLimit (P14), and a gateway that has not seen the list for
// that long refuses everything. It is safe for concurrent use. Close it.
type Incidents struct {
	from    incidentSource
	blind   blinder
	strict  bool // refuse at the first failure to read, and not when the list has got old
	log     *slog.Logger
	current atomic.Pointer[incidentView]
	changed chan struct{}

	look sync.Mutex // held by the one that talks to the source
	stop context.CancelFunc
	done chan struct{}
}

// incidentView is the list as it was at a time.
type incidentView struct {
	list   incidentList
	cordon *cordon
	at     time.Time // before it was read
	err    error
}

// openIncidents reads the list and keeps looking at it.
func openIncidents(ctx context.Context, s *Incidents, every time.Duration) (*Incidents, error) {
	s.current.Store(&incidentView{cordon: newCordon(nil, time.Time{}, s.blind)})
	s.changed = make(chan struct{}, 1)
	err := s.refresh(ctx, openWithin)
	if err == nil && s.Healthy() != nil { // it took so long that it is old
		err = s.refresh(ctx, lookWithin)
	}
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.done = stop, make(chan struct{})
	go s.watch(watching, every)
	return s, nil
}

// Contained tells whether a principal, key, upstream, tool, tenant or everything is
// suspended: a principal of a tenant also where the subject is in every tenant. It does
// no I/O and takes no lock, and allocates nothing unless somebody who was erased is
// suspended, as the two below. Every error comes with true.
func (s *Incidents) Contained(what IncidentSubject) (bool, error) {
	v, now := s.current.Load(), time.Now()
	if err := v.fault(now); err != nil {
		return true, err
	}
	if what.Kind == OfEverything {
		return v.cordon.everything.holds(now), nil
	}
	return v.cordon.name(what, now), nil
}

// ContainedUpstreams are those of some upstreams that are suspended, with one look. With
// an error all may be.
func (s *Incidents) ContainedUpstreams(names []string) ([]string, error) {
	v, now := s.current.Load(), time.Now()
	if err := v.fault(now); err != nil {
		return names, err
	}
	var out []string
	if len(v.cordon.names) == 0 {
		return out, nil
	}
	for _, name := range names {
		if v.cordon.name(IncidentSubject{Kind: OfUpstream, Value: name}, now) {
			out = append(out, name)
		}
	}
	return out, nil
}

// ContainedAddress tells whether an address is suspended. One that is not known, as
// on stdio, is not.
func (s *Incidents) ContainedAddress(addr netip.Addr) (bool, error) {
	v, now := s.current.Load(), time.Now()
	if err := v.fault(now); err != nil {
		return true, err
	}
	return v.cordon.address(addr, now), nil
}

// ContainedSession tells whether the session with an id is suspended.
func (s *Incidents) ContainedSession(id string) (bool, error) {
	v, now := s.current.Load(), time.Now()
	if err := v.fault(now); err != nil {
		return true, err
	}
	return v.cordon.session(id, now), nil
}

// fault says why the view must not be judged by. Its age is taken by both clocks:
// the one stands still while the machine sleeps, the other may be set.
func (v *incidentView) fault(now time.Time) error {
	if v.err != nil {
		return v.err
	}
	if now.Sub(v.at) > revokedLimit || time.Duration(now.UnixNano()-v.at.UnixNano()) > revokedLimit {
		return errIncidentsOld
	}
	return nil
}

// Healthy tells whether calls can be answered, for readiness.
func (s *Incidents) Healthy() error { return s.current.Load().fault(time.Now()) }

// Changed is sent to when the list is another than before. Of several changes one
// may be told.
func (s *Incidents) Changed() <-chan struct{} { return s.changed }

// Counts are how many incidents are not closed, and what is suspended now, by kind.
func (s *Incidents) Counts() (unclosed int, contained map[string]int) {
	l := s.current.Load().list
	for _, i := range l {
		if i.Closed.IsZero() {
			unclosed++
		}
	}
	return unclosed, l.inForce(time.Now())
}

// List is all of them, the newest first. What is in them must not be changed.
func (s *Incidents) List(ctx context.Context) ([]Incident, error) {
	if err := s.refresh(ctx, lookWithin); err != nil {
		return nil, fmt.Errorf("listing incidents: %w", err)
	}
	return s.current.Load().list.sorted(), nil
}

// Get is one of them.
func (s *Incidents) Get(ctx context.Context, id string) (Incident, error) {
	if err := s.refresh(ctx, lookWithin); err != nil {
		return Incident{}, fmt.Errorf("reading an incident: %w", err)
	}
	if one, ok := s.current.Load().list[id]; ok {
		return *one, nil
	}
	return Incident{}, ErrNoIncident
}

// Open keeps a new incident. Of a rule that has one about the same subject which is
// not closed and has room, that one takes what the new one says, and is returned.
func (s *Incidents) Open(ctx context.Context, one Incident) (Incident, error) {
	return s.change(ctx, func(l incidentList, now time.Time) ([]*Incident, error) {
		if have := l.standing(&one); have != nil {
			both := have.copied()
			return []*Incident{both}, both.takes(&one)
		}
		return l.room(&one, now)
	})
}

// Grow changes an incident that is not closed: do adds to it and takes nothing away.
func (s *Incidents) Grow(ctx context.Context, id string, do func(*Incident) error) (Incident, error) {
	return s.change(ctx, func(l incidentList, _ time.Time) ([]*Incident, error) {
		have, ok := l[id]
		switch {
		case !ok:
			return nil, ErrNoIncident
		case !have.Closed.IsZero():
			return nil, fmt.Errorf("%s is closed: open another", id)
		}
		grown := have.copied()
		return []*Incident{grown}, do(grown)
	})
}

// change keeps what edit makes of the list as it is now, the first of it being what is
// returned. It is kept for good, and this gateway knows it, when it returns.
func (s *Incidents) change(ctx context.Context, edit func(incidentList, time.Time) ([]*Incident, error)) (Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin) // for all of it, or the list would get old meanwhile
	defer cancel()
	s.look.Lock()
	defer s.look.Unlock()
	if err := s.readAgain(ctx); err != nil {
		return Incident{}, err
	}
	all, err := edit(s.current.Load().list, time.Now())
	if err != nil {
		return Incident{}, err
	}
	for _, one := range all {
		if err := one.check(); err != nil {
			return Incident{}, err
		}
		if err := s.from.add(ctx, one); err != nil {
			return Incident{}, err
		}
	}
	if err := s.readAgain(ctx); err != nil {
		return Incident{}, fmt.Errorf("kept, but not in force here yet: %w", err)
	}
	if now, ok := s.current.Load().list[all[0].ID]; ok {
		return *now, nil
	}
	return Incident{}, ErrNoIncident
}

func (s *Incidents) refresh(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	s.look.Lock()
	defer s.look.Unlock()
	return s.readAgain(ctx)
}

// readAgain looks at the source. Its caller holds s.look.
func (s *Incidents) readAgain(ctx context.Context) error {
	old, began := s.current.Load(), time.Now()
	list, err := s.from.read(ctx, old.list)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrIncidents, err)
		if s.strict {
			s.current.Store(&incidentView{list: old.list, cordon: old.cordon, at: old.at, err: err})
		}
		return err
	}
	next := &incidentView{list: list, cordon: old.cordon, at: began}
	if !list.is(old.list) {
		next.cordon = newCordon(list, began, s.blind)
		defer s.tell()
	}
	s.current.Store(next)
	return nil
}

func (s *Incidents) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// is tells whether two lists hold the same.
func (l incidentList) is(other incidentList) bool {
	if len(l) != len(other) {
		return false
	}
	for id, i := range l {
		if other[id] != i {
			return false
		}
	}
	return true
}

// watch keeps the list fresh, and logs the first failure of several, and their end.
// It belongs to Incidents; Close waits for it.
func (s *Incidents) watch(ctx context.Context, every time.Duration) {
	defer close(s.done)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.refresh(ctx, lookWithin)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			s.log.Error("incidents cannot be read; everything is refused until they can, at the latest when the limit has passed", "limit", revokedLimit, "error", err)
		case err == nil && failed:
			s.log.Info("incidents can be read again")
		}
		failed = err != nil
	}
}

// Close ends the watch. Calls after it are soon refused.
func (s *Incidents) Close() error {
	s.stop()
	<-s.done
	return nil
}
