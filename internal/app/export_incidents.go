package app

import (
	"context"
	"net/netip"
	"time"

	"doorward/internal/store"
)

// outIncident is an incident that a person is in, without what people wrote about it:
// that may tell of others.
type outIncident struct {
	ID        string         `json:"id"`
	Rule      string         `json:"rule,omitempty"`
	Severity  string         `json:"severity"`
	State     string         `json:"state"`
	Opened    time.Time      `json:"opened"`
	Closed    time.Time      `json:"closed,omitzero"`
	Suspended []outSuspended `json:"suspended"`
}

// outSuspended is what was suspended of the person.
type outSuspended struct {
	Kind     string    `json:"kind"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until,omitzero"`
	Released time.Time `json:"released,omitzero"`
}

// concerns tells whether an incident's subject is this person, a key of theirs or an
// address that they came from.
func (s *somebody) concerns(of store.IncidentSubject) bool {
	switch of.Kind {
	case store.OfPrincipal:
		return of.Value == s.Subject && (of.Realm == s.Realm || s.Realm == "") && (of.Tenant == "" || of.Tenant == s.Tenant || !s.exact)
	case store.OfKey:
		return s.credentials[of.Value]
	case store.OfAddress:
		if at, err := netip.ParseAddr(of.Value); err == nil {
			return s.at(at)
		}
		network, err := netip.ParsePrefix(of.Value)
		return err == nil && s.in(network)
	}
	return false
}

// in tells whether the person came from a network.
func (s *somebody) in(network netip.Prefix) bool {
	for at := range s.addresses {
		if network.Contains(at) {
			return true
		}
	}
	return false
}

// incidentsOf are those that a person is in.
func (a *App) incidentsOf(ctx context.Context, s *somebody) ([]store.Incident, error) {
	kept, err := a.incidents(ctx)
	if err != nil {
		return nil, err
	}
	all, err := kept.List(ctx)
	if err != nil {
		return nil, err
	}
	var theirs []store.Incident
	for i := range all {
		is := false
		for _, of := range all[i].About {
			is = is || s.concerns(of)
		}
		for k := range all[i].Containments {
			is = is || s.concerns(all[i].Containments[k].IncidentSubject)
		}
		if is {
			theirs = append(theirs, all[i])
		}
	}
	return theirs, nil
}

func (x *export) incidents(ctx context.Context) error {
	all, err := x.app.incidentsOf(ctx, x.who)
	if err != nil {
		return err
	}
	var out []outIncident
	for i := range all {
		one := &all[i]
		o := outIncident{
			ID: one.ID, Rule: one.Rule, Severity: one.Severity, State: one.State(x.made), Opened: one.Opened, Closed: one.Closed, Suspended: []outSuspended{},
		}
		for k := range one.Containments {
			if c := &one.Containments[k]; x.who.concerns(c.IncidentSubject) {
				o.Suspended = append(o.Suspended, outSuspended{c.Kind, c.Since, c.Until, c.Released})
			}
		}
		out = append(out, o)
	}
	return list(x, "incidents.json", out)
}
