package app

import (
	"context"
	"slices"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
)

// keepFound puts on record what a rule has found, and does it. What is suspended for the
// rule already, or was released since the last that counted, is not suspended again. An
// alert of which people were told has an id.
func (a *App) keepFound(ctx context.Context, one *store.Incident, alert string, last func(store.IncidentSubject) time.Time) error {
	s, err := a.incidents(ctx)
	if err != nil {
		return err
	}
	next := *one
	gone := map[string]bool{}
	next.Containments = slices.DeleteFunc(slices.Clone(one.Containments), func(c store.Containment) bool {
		gone[c.ID] = slices.ContainsFunc(s.ContainedFor(one.Rule, c.IncidentSubject), func(h store.Containment) bool {
			return h.InForce(c.Since) || last(c.IncidentSubject).Before(h.Released)
		})
		return gone[c.ID]
	})
	next.Steps = slices.DeleteFunc(slices.Clone(one.Steps), func(s store.Step) bool { return gone[s.Containment] })
	if alert == "" && len(next.Containments) == 0 {
		return nil
	}
	have, stands := s.Standing(&next)
	if !stands {
		_, err := a.openIncident(ctx, &next)
		return err
	}
	var events []gate.Event
	if alert != "" {
		events = append(events, gate.Event{Kind: "incident.alert", Actor: one.By, Detail: have.ID + " " + alert})
	}
	for k := range next.Containments {
		events = append(events, containing(have.ID, one.By, &next.Containments[k]))
	}
	return a.act(ctx, events, func() error {
		_, err := s.Open(ctx, next)
		return err
	})
}
