package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/store"
)

// incidents are those of the state.
func (a *App) incidents(ctx context.Context) (*store.Incidents, error) {
	m, err := a.memory(ctx)
	if err != nil {
		return nil, err
	}
	return m.incidents, nil
}

// ListIncidents implements admin.Incidents.
func (a *App) ListIncidents(ctx context.Context) ([]admin.Incident, error) {
	s, err := a.incidents(ctx)
	if err != nil {
		return nil, operated("listing incidents", err)
	}
	list, err := s.List(ctx)
	out := make([]admin.Incident, 0, len(list))
	for i := range list {
		out = append(out, a.shownIncident(&list[i], false))
	}
	return out, operated("listing incidents", err)
}

// ShowIncident implements admin.Incidents.
func (a *App) ShowIncident(ctx context.Context, id string) (admin.Incident, error) {
	return a.incident(ctx, id, false)
}

func (a *App) incident(ctx context.Context, id string, open bool) (admin.Incident, error) {
	s, err := a.incidents(ctx)
	if err != nil {
		return admin.Incident{}, operated("showing an incident", err)
	}
	one, err := s.Get(ctx, id)
	if err != nil {
		return admin.Incident{}, operated("showing an incident", incidentFault(id, err))
	}
	return a.shownIncident(&one, open), nil
}

// RevealIncident implements admin.Incidents.
func (a *App) RevealIncident(ctx context.Context, actor, id string) (out admin.Incident, err error) {
	err = a.act(ctx, []gate.Event{{Kind: "audit.open", Actor: actor, Detail: "names of incident " + gate.Visible(id)}}, func() error {
		out, err = a.incident(ctx, id, true)
		return err
	})
	return out, operated("showing an incident", err)
}

// OpenIncident implements admin.Incidents.
func (a *App) OpenIncident(ctx context.Context, actor string, n admin.NewIncident) (admin.Incident, error) {
	one := store.Incident{Opened: time.Now(), By: actor, Title: n.Title, Severity: n.Severity}
	for _, about := range n.About {
		s, err := a.meant(about)
		if err != nil {
			return admin.Incident{}, operated("opening an incident", err)
		}
		one.About = append(one.About, s)
	}
	one.Begin(store.Step{Text: n.Text})
	return a.openIncident(ctx, &one)
}

// openIncident puts a new incident on record, and what it suspends, and keeps it.
func (a *App) openIncident(ctx context.Context, one *store.Incident) (admin.Incident, error) {
	e := gate.Event{Kind: "incident.open", Actor: one.By, Detail: one.ID + " " + one.Severity}
	if len(one.About) > 0 {
		about(&e, one.About[0])
	}
	events := []gate.Event{e}
	for k := range one.Containments {
		events = append(events, containing(one.ID, one.By, &one.Containments[k]))
	}
	var kept store.Incident
	err := a.act(ctx, events, func() error {
		s, err := a.incidents(ctx)
		if err == nil {
			kept, err = s.Open(ctx, *one)
		}
		return err
	})
	if err != nil {
		return admin.Incident{}, operated("opening an incident", err)
	}
	return a.shownIncident(&kept, false), nil
}

// CloseIncident implements admin.Incidents.
func (a *App) CloseIncident(ctx context.Context, actor string, c admin.IncidentAct) (admin.Incident, error) {
	e := gate.Event{Kind: "incident.close", Actor: actor, Detail: gate.Visible(c.Incident)}
	return a.grow(ctx, c.Incident, []gate.Event{e}, func(i *store.Incident) error { return i.Close(actor, c.Reason, time.Now()) })
}

// NoteIncident implements admin.Containments.
func (a *App) NoteIncident(ctx context.Context, actor string, n admin.IncidentNote) (admin.Incident, error) {
	step := store.Step{At: time.Now(), Actor: actor, Kind: store.StepNote, Text: n.Text, To: n.To}
	e := gate.Event{Kind: "incident.note", Actor: actor, Detail: gate.Visible(n.Incident)}
	if n.To != "" {
		step.Kind, e.Kind = store.StepNotified, "incident.notify"
	} else if strings.TrimSpace(n.Text) == "" {
		return admin.Incident{}, operated("noting", errors.New("a note says something"))
	}
	e.Detail += " " + a.tag("note", n.To, n.Text)
	return a.grow(ctx, n.Incident, []gate.Event{e}, func(i *store.Incident) error { return i.Note(step) })
}

// Contain implements admin.Containments.
func (a *App) Contain(ctx context.Context, actor string, r admin.ContainRequest) (admin.Incident, error) {
	c, err := a.containment(actor, r)
	if err != nil {
		return admin.Incident{}, operated("suspending", err)
	}
	if r.Incident != "" {
		e := containing(gate.Visible(r.Incident), actor, &c)
		return a.grow(ctx, r.Incident, []gate.Event{e}, func(i *store.Incident) error { return i.Contain(c) })
	}
	one := store.Incident{Opened: c.Since, By: actor, Title: "suspended by an operator: " + c.Kind, Severity: severityOfActs}
	one.Begin(store.Step{Text: r.Reason})
	if err := one.Contain(c); err != nil {
		return admin.Incident{}, operated("suspending", err)
	}
	return a.openIncident(ctx, &one)
}

// severityOfActs is that of an incident which an operator opens by suspending something.
const severityOfActs = "high"

// containment is what an operator asks to suspend.
func (a *App) containment(actor string, r admin.ContainRequest) (store.Containment, error) {
	what, err := a.meant(r.IncidentSubject)
	switch {
	case err != nil:
		return store.Containment{}, err
	case strings.TrimSpace(r.Reason) == "":
		return store.Containment{}, errors.New("say why, with --reason")
	case r.For < 0:
		return store.Containment{}, errors.New("it cannot have ended already")
	}
	c := store.Containment{IncidentSubject: what, Since: time.Now(), By: actor, Reason: r.Reason}
	if r.For > 0 {
		c.Until = c.Since.Add(r.For)
	}
	return c, nil
}

// Release implements admin.Containments.
func (a *App) Release(ctx context.Context, actor string, c admin.IncidentAct) (admin.Incident, error) {
	if strings.TrimSpace(c.Reason) == "" {
		return admin.Incident{}, operated("releasing", errors.New("say why, with --reason"))
	}
	detail := gate.Visible(c.Incident)
	if c.Containment != "" {
		detail += " " + gate.Visible(c.Containment)
	}
	e := gate.Event{Kind: "incident.release", Actor: actor, Detail: detail}
	return a.grow(ctx, c.Incident, []gate.Event{e}, func(i *store.Incident) error {
		_, err := i.Release(c.Containment, actor, c.Reason, time.Now())
		return err
	})
}

// grow puts an act on record and carries it out on an incident.
func (a *App) grow(ctx context.Context, id string, events []gate.Event, do func(*store.Incident) error) (admin.Incident, error) {
	s, err := a.incidents(ctx)
	if err == nil {
		_, err = s.Get(ctx, id)
	}
	if err != nil {
		return admin.Incident{}, operated("changing an incident", incidentFault(id, err))
	}
	var kept store.Incident
	err = a.act(ctx, events, func() error {
		kept, err = s.Grow(ctx, id, do)
		return err
	})
	if err != nil {
		return admin.Incident{}, operated("changing an incident", err)
	}
	return a.shownIncident(&kept, false), nil
}

// incidentFault is an error about an incident as its operator reads it.
func incidentFault(id string, err error) error {
	if errors.Is(err, store.ErrNoIncident) {
		return fmt.Errorf("there is no incident %q; doorward incident list --all shows those that there are", gate.Visible(id))
	}
	return err
}

// about makes an event one about a subject: who it is stands in what is sealed, and
// the rest in its text.
func about(e *gate.Event, s store.IncidentSubject) {
	e.Detail += " " + s.Kind
	switch s.Kind {
	case store.OfPrincipal:
		e.Principal = &gate.Principal{Realm: s.Realm, Tenant: s.Tenant, Subject: s.Value}
	case store.OfAddress:
		if p, err := store.ParseContained(s.Value); err == nil {
			e.Remote = p.Addr()
			e.Detail += fmt.Sprintf(" /%d", p.Bits())
		}
	case store.OfTool:
		e.Upstream = s.Realm
		e.Detail += " " + gate.Visible(s.Value)
	case store.OfUpstream:
		e.Upstream = s.Value
	default:
		if s.Value != "" {
			e.Detail += " " + gate.Visible(s.Value)
		}
	}
}

// containing is the event of a containment.
func containing(id, actor string, c *store.Containment) gate.Event {
	e := gate.Event{Kind: "incident.contain", Actor: actor, Detail: id}
	about(&e, c.IncidentSubject)
	if !c.Until.IsZero() {
		e.Detail += " until " + c.Until.UTC().Format(time.RFC3339)
	}
	return e
}

// meant is what an operator means, in the words of what calls have.
func (a *App) meant(s admin.IncidentSubject) (store.IncidentSubject, error) {
	out := store.IncidentSubject{Kind: s.Kind, Realm: s.Realm, Tenant: s.Tenant, Value: s.Value}
	cfg := a.current.Load().cfg
	switch s.Kind {
	case store.OfPrincipal:
		return a.meantPrincipal(out)
	case store.OfKey:
		return a.meantKey(out)
	case store.OfAddress:
		p, err := store.ParseContained(s.Value)
		if err != nil {
			return out, err
		}
		out.Value = plainest(p)
	case store.OfUpstream, store.OfTool:
		name := s.Value
		if s.Kind == store.OfTool {
			name = s.Realm
		}
		if _, ok := cfg.Upstreams[name]; !ok {
			return out, fmt.Errorf("there is no upstream %q; the configuration has %s", gate.Visible(name), strings.Join(names(cfg.Upstreams), ", "))
		}
	}
	return out, nil
}

// plainest is a prefix as it is written; one address without its length.
func plainest(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// meantPrincipal fills in the realm, where the configuration has one alone.
func (a *App) meantPrincipal(s store.IncidentSubject) (store.IncidentSubject, error) {
	if s.Realm != "" {
		return s, nil
	}
	id := &a.current.Load().cfg.Identity
	var realms []string
	for _, one := range [...]struct {
		realm string
		on    bool
	}{
		{gate.RealmKeys, id.APIKeys || id.SignedRequests != nil},
		{gate.RealmMTLS, id.MTLS != nil},
		{gate.RealmAnonymous, id.Anonymous != nil},
	} {
		if one.on {
			realms = append(realms, one.realm)
		}
	}
	for i := range id.Issuers {
		realms = append(realms, id.Issuers[i].Issuer)
	}
	if len(realms) != 1 {
		return s, fmt.Errorf("say who vouches for the subject, with --realm: %s", strings.Join(append(realms, gate.RealmLocal), ", "))
	}
	s.Realm = realms[0]
	return s, nil
}

// meantKey is the id of a key that is named by its id or its name. An id that this
// gateway does not know may be that of a replica.
func (a *App) meantKey(s store.IncidentSubject) (store.IncidentSubject, error) {
	all, err := a.keys.List()
	if err != nil {
		return s, err
	}
	var ids []string
	for _, k := range all {
		if k.ID == s.Value {
			return s, nil
		}
		if k.Name == s.Value && k.Live(time.Now()) {
			ids = append(ids, k.ID)
		}
	}
	slices.Sort(ids)
	switch {
	case len(ids) == 1:
		s.Value = ids[0]
	case len(ids) > 1:
		return s, fmt.Errorf("several keys have that name: suspend the principal, or one of %s", strings.Join(ids, ", "))
	case !store.IsKeyID(s.Value):
		return s, fmt.Errorf("there is no key %q", gate.Visible(s.Value))
	}
	return s, nil
}
