package store

import (
	"cmp"
	"slices"
	"time"
)

// merge is what two copies of one incident say together, and whether it is more than
// a says. Nothing that either has is lost: what was released stays so, what was closed
// too. A name that one of them has erased does not come back with the other.
func (i *Incident) merge(b *Incident, blind blinder) (both *Incident, more bool) {
	out := i.copied()
	if b.Erased > i.Erased {
		out, b, more = b.copied(), i, true
	}
	for _, s := range b.About {
		if !out.Is(s) && !out.Is(blind.subject(s)) && len(out.About) < maxAbout {
			out.About, more = append(out.About, s), true
		}
	}
	for k := range b.Containments {
		more = out.contains(&b.Containments[k]) || more
	}
	for k := range b.Steps {
		more = out.stepped(&b.Steps[k]) || more
	}
	if earlier(b.Closed, out.Closed) {
		out.Closed, more = b.Closed, true
	}
	if more {
		slices.SortStableFunc(out.Containments, func(a, b Containment) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
		})
		slices.SortStableFunc(out.Steps, func(a, b Step) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.ID, b.ID))
		})
	}
	return out, more
}

// rank orders steps of one moment: an incident is opened before anything else.
func (s *Step) rank() int {
	switch s.Kind {
	case StepOpened:
		return 0
	case StepClosed:
		return 2
	}
	return 1
}

// contains takes a containment in; it tells whether that was news.
func (i *Incident) contains(c *Containment) bool {
	at := slices.IndexFunc(i.Containments, func(have Containment) bool { return have.ID == c.ID })
	switch {
	case at < 0:
		i.Containments = append(i.Containments, *c)
		return true
	case earlier(c.Released, i.Containments[at].Released):
		i.Containments[at].Released = c.Released
		return true
	}
	return false
}

// stepped takes a step in; it tells whether that was news.
func (i *Incident) stepped(s *Step) bool {
	at := slices.IndexFunc(i.Steps, func(have Step) bool { return have.ID == s.ID })
	switch {
	case at < 0:
		i.Steps = append(i.Steps, *s)
		return true
	case s.Count > i.Steps[at].Count:
		i.Steps[at].Count = s.Count
		return true
	}
	return false
}

// earlier tells whether a is a time, and b is none or later.
func earlier(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }

// KeepClosed is how long incidents are kept once they are closed: a year and more, PCI
// DSS 4.0, 10.5.1.
const KeepClosed = 400 * 24 * time.Hour

// How many there are.
const (
	maxIncidents = 2000
	maxUnclosed  = 1000
	maxByRules   = 750 // of those that are not closed: the rest is for people
)

// incidentList is the list in memory, by id; neither it nor what is in it changes
// once it is published.
type incidentList map[string]*Incident

// prune leaves out what was closed too long ago, and of the closed the oldest where
// there are too many. It does the same everywhere, so that no gateway brings back what
// another has left out.
func (l incidentList) prune(now time.Time) {
	var closed []*Incident
	for id, i := range l {
		switch {
		case i.Closed.IsZero():
		case now.Sub(i.Closed) > KeepClosed:
			delete(l, id)
		default:
			closed = append(closed, i)
		}
	}
	over := len(l) - maxIncidents
	if over <= 0 {
		return
	}
	slices.SortFunc(closed, func(a, b *Incident) int { return cmp.Or(a.Closed.Compare(b.Closed), cmp.Compare(a.ID, b.ID)) })
	for _, i := range closed[:min(over, len(closed))] {
		delete(l, i.ID)
	}
}

// sorted is all of it, the newest first.
func (l incidentList) sorted() []Incident {
	out := make([]Incident, 0, len(l))
	for _, i := range l {
		out = append(out, *i)
	}
	slices.SortFunc(out, func(a, b Incident) int { return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(b.ID, a.ID)) })
	return out
}
