package store

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// errFull is that of an incident that has no room for more of a kind.
var errFull = errors.New("the incident has no room for more: open another")

// Contain suspends something, which the incident is about from now on. What it
// suspends already is suspended for as long as the longest says.
func (i *Incident) Contain(c Containment) error {
	if len(i.Containments) >= maxContainments {
		return errFull
	}
	c.ID = newIncidentID("con", c.Since)
	c.Since = c.Since.UTC()
	if !c.Until.IsZero() {
		c.Until = roundUp(c.Until)
	}
	if err := c.check(); err != nil {
		return err
	}
	if !i.Is(c.IncidentSubject) && c.Kind != OfEverything && len(i.About) < maxAbout {
		i.About = append(i.About, c.IncidentSubject)
	}
	i.Containments = append(i.Containments, c)
	i.step(&Step{At: c.Since, Actor: c.By, Kind: StepContained, Text: c.Reason, Containment: c.ID})
	return nil
}

// Release ends what the incident suspends: one thing by its id, or everything where
// none is named. It tells what that was.
func (i *Incident) Release(id, actor, reason string, now time.Time) ([]IncidentSubject, error) {
	var ended []IncidentSubject
	for k := range i.Containments {
		c := &i.Containments[k]
		if !c.InForce(now) || id != "" && c.ID != id {
			continue
		}
		c.Released = now.UTC()
		i.step(&Step{At: now, Actor: actor, Kind: StepReleased, Text: reason, Containment: c.ID})
		ended = append(ended, c.IncidentSubject)
	}
	if len(ended) == 0 {
		return nil, errors.New("nothing of that is suspended")
	}
	return ended, nil
}

// Note adds a note, or says who was told of the incident.
func (i *Incident) Note(s Step) error {
	if s.Kind != StepNote && s.Kind != StepNotified {
		return fmt.Errorf("%.20q is no step that people add", s.Kind)
	}
	if i.steps(StepNote, StepNotified) >= maxNotes {
		return errFull
	}
	i.step(&s)
	return nil
}

// Close ends the incident. Nothing of it may be suspended any more, or it would stay
// so unseen.
func (i *Incident) Close(actor, reason string, now time.Time) error {
	if i.State(now) == IncidentContained {
		return errors.New("it suspends something: release that first")
	}
	i.Closed = now.UTC()
	i.step(&Step{At: now, Actor: actor, Kind: StepClosed, Text: reason})
	return nil
}

// Alert says that the rule told more. Beyond maxAlerts the last one counts it.
func (i *Incident) Alert(s Step) {
	s.Kind = StepAlert
	if i.steps(StepAlert) < maxAlerts {
		i.step(&s)
		return
	}
	for k := range slices.Backward(i.Steps) {
		if i.Steps[k].Kind == StepAlert {
			i.Steps[k].Count += s.Count
			return
		}
	}
}

func (i *Incident) step(s *Step) {
	s.At = s.At.UTC()
	s.ID = newIncidentID("st", s.At)
	i.Steps = append(i.Steps, *s)
}

// Begin makes the first step of a new incident.
func (i *Incident) Begin(s Step) {
	i.Opened = i.Opened.UTC()
	i.ID = NewIncidentID(i.Opened)
	s.Kind, s.At, s.Actor = StepOpened, i.Opened, i.By
	i.step(&s)
}

// Standing is the incident that takes what a rule has found, if there is one, as this
// gateway saw the list last.
func (s *Incidents) Standing(one *Incident) (Incident, bool) {
	if have := s.current.Load().list.standing(one); have != nil {
		return *have, true
	}
	return Incident{}, false
}

// ContainedFor is what was suspended of a subject by incidents of a rule that are not
// closed, as this gateway saw the list last: also of somebody who was erased.
func (s *Incidents) ContainedFor(rule string, what IncidentSubject) []Containment {
	var out []Containment
	erased := s.blind.subject(what)
	for _, i := range s.current.Load().list {
		if i.Rule != rule || !i.Closed.IsZero() {
			continue
		}
		for _, c := range i.Containments {
			if c.IncidentSubject == what || c.IncidentSubject == erased {
				out = append(out, c)
			}
		}
	}
	return out
}

// standing is the incident that a rule has opened about the same, that is not closed, and
// that has room for what is suspended: else another is opened, or nothing would be.
func (l incidentList) standing(one *Incident) *Incident {
	if one.Rule == "" || len(one.About) == 0 {
		return nil
	}
	var first *Incident
	for _, i := range l {
		if i.Rule == one.Rule && i.Closed.IsZero() && i.Is(one.About[0]) && len(i.Containments)+len(one.Containments) <= maxContainments && (first == nil || i.ID < first.ID) {
			first = i
		}
	}
	return first
}

// takes adds what a new incident says to one that stands: its alert, and what it
// suspends that is not suspended already.
func (i *Incident) takes(one *Incident) error {
	for _, s := range one.Steps {
		if s.Kind == StepOpened {
			i.Alert(s)
		}
	}
	for _, c := range one.Containments {
		if slices.ContainsFunc(i.Containments, func(have Containment) bool {
			return have.IncidentSubject == c.IncidentSubject && have.InForce(c.Since)
		}) {
			continue
		}
		if err := i.Contain(c); err != nil {
			return err
		}
	}
	return nil
}

// opens tells whether an incident begins something that was not there before: itself, a
// containment, or what a rule told more. Whatever else it says ends something, or notes it.
func (i *Incident) opens(before *Incident) bool {
	return before == nil || len(i.Containments) > len(before.Containments) || i.steps(StepAlert) > before.steps(StepAlert)
}

// room is a new incident, and after it what makes room for it: one that cannot be kept
// closes no other.
func (l incidentList) room(one *Incident, now time.Time) ([]*Incident, error) {
	oldest, err := Room(maps.Values(l), one, now)
	if err != nil || oldest == nil {
		return []*Incident{one}, err
	}
	ended := oldest.copied()
	if err := ended.Close("doorward", "closed to make room: nobody has touched it, and nothing of it is suspended", now); err != nil {
		return nil, err
	}
	return []*Incident{one, ended}, nil
}

// Room tells whether there is room for another incident, and which one has to be closed
// for it; nil for none. Of those that rules opened that is the oldest which nobody has
// touched and which suspends nothing, for another of a rule.
func Room(all iter.Seq[*Incident], one *Incident, now time.Time) (oldest *Incident, err error) {
	unclosed, ruled := 0, 0
	for i := range all {
		if !i.Closed.IsZero() {
			continue
		}
		unclosed++
		if i.Rule == "" {
			continue
		}
		ruled++
		if i.untouched() && i.State(now) != IncidentContained && (oldest == nil || i.ID < oldest.ID) {
			oldest = i
		}
	}
	switch {
	case one.Rule == "" && unclosed >= maxUnclosed:
		return nil, fmt.Errorf("%d incidents are not closed: close some", unclosed)
	case one.Rule == "" || ruled < maxByRules && unclosed < maxUnclosed:
		return nil, nil //nolint:nilnil // nothing has to go
	case oldest == nil:
		return nil, fmt.Errorf("%d incidents that rules opened are not closed: close some", ruled)
	}
	return oldest, nil
}
