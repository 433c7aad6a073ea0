package store

import (
	"context"
	"fmt"
	"time"
)

// incidentsPostgres keeps incidents in PostgreSQL, sealed as they are in Redis. A change is
// made of the incident as it is then, under the lock of the list.
type incidentsPostgres struct {
	list  *postgresList
	seals incidentSeals
	shown *listState // the state that was read last
	known map[string]sealedIncident
}

// OpenPostgresIncidents opens the list in p. key is 32 random bytes that every gateway with
// the same database has, and nobody else: what an incident says is sealed with it, and one
// with another key does not open the list. nil makes a ledger for it alone. Close it before p.
func OpenPostgresIncidents(ctx context.Context, p *Postgres, key [32]byte, ledger *Ledger) (*Incidents, error) {
	seals, err := newIncidentSeals(key, incidentSealing+" in postgres at "+p.schema)
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	list, err := newPostgresList(p, KeptIncidents, key[:], ledger, listBounds{mostIncidents, maxIncidentSize + sealOverhead, maxIncidentsFile})
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	return openIncidents(ctx, &Incidents{from: &incidentsPostgres{list: list, seals: seals}, blind: seals.blind, log: p.log}, lookPostgresEvery)
}

func (s *incidentsPostgres) read(ctx context.Context, have incidentList) (incidentList, error) {
	now, _, err := s.list.read(ctx)
	if err != nil {
		return nil, err
	}
	if now == s.shown {
		return have, nil
	}
	list, err := s.opened(now)
	if err == nil {
		s.shown = now
	}
	return list, err
}

// opened is what a state says. What is known is not opened again. It shows nothing yet: a
// change that fails after it leaves what was committed before it to be read.
func (s *incidentsPostgres) opened(now *listState) (incidentList, error) {
	list, known := make(incidentList, len(now.texts)), make(map[string]sealedIncident, len(now.texts))
	for id, text := range now.texts {
		k, met := s.known[id]
		if !met || string(k.sealed) != text {
			var err error
			if k, err = s.seals.open(id, []byte(text)); err != nil {
				return nil, fmt.Errorf("postgres: %w", err)
			}
		}
		list[id], known[id] = k.says, k
	}
	s.known = known
	return list, nil
}

// add keeps what an incident says beside what the list has of it.
func (s *incidentsPostgres) add(ctx context.Context, one *Incident) error {
	return s.change(ctx, func(list incidentList) (*Incident, error) {
		have, ok := list[one.ID]
		if !ok {
			return one, nil
		}
		if both, more := have.merge(one, s.seals.blind); more {
			return both, nil
		}
		return nil, nil //nolint:nilnil // it says nothing new
	})
}

// edit changes an incident as the list has it. One that was left out meanwhile stays so.
func (s *incidentsPostgres) edit(ctx context.Context, id string, do func(*Incident) bool) error {
	return s.change(ctx, func(list incidentList) (*Incident, error) {
		have, ok := list[id]
		if !ok {
			return nil, nil //nolint:nilnil // there is nothing to change
		}
		next := have.copied()
		if !do(next) {
			return nil, nil //nolint:nilnil // it is as it was
		}
		return next, next.check()
	})
}

// change keeps what of makes of the list, nil for nothing, and drops what is kept no longer.
func (s *incidentsPostgres) change(ctx context.Context, of func(incidentList) (*Incident, error)) error {
	_, err := s.list.change(ctx, func(now *listState, _ time.Time) (*listChange, error) {
		list, err := s.opened(now)
		if err != nil {
			return nil, err
		}
		one, err := of(list)
		if one == nil || err != nil {
			return nil, err
		}
		begins := one.opens(list[one.ID])
		sealed, err := s.seals.seal(one)
		if err != nil {
			return nil, err
		}
		list[one.ID] = one
		list.prune(time.Now())
		c, size := &listChange{put: map[string]string{one.ID: string(sealed)}}, len(sealed)
		for id, text := range now.texts {
			switch {
			case list[id] == nil:
				c.drop = append(c.drop, id)
			case id != one.ID:
				size += len(text)
			}
		}
		if list[one.ID] == nil { // it is the one that goes
			c.put = nil
		}
		if begins && size > maxIncidentsOpening {
			return nil, fmt.Errorf("postgres: the incidents would be larger than %d bytes: close some; releases, notes and closing are still kept", maxIncidentsOpening)
		}
		return c, nil
	})
	return err
}
