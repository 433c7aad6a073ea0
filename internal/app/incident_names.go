package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"doorward/internal/admin"
	"doorward/internal/store"
)

// tagBytes are enough that no two people of an installation share a tag.
const tagBytes = 6

// tag stands for a name: it is the same wherever the name is, and cannot be guessed
// back without the key.
func (a *App) tag(parts ...string) string {
	mac := hmac.New(sha256.New, a.shared.incidentKey[:])
	for _, part := range parts {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part))) // a hash takes everything
		mac.Write([]byte(part))
	}
	return "~" + hex.EncodeToString(mac.Sum(nil)[:tagBytes])
}

// shownIncident is an incident as an operator sees it: with names, or with tags in
// their place where identities are sealed.
func (a *App) shownIncident(i *store.Incident, open bool) admin.Incident {
	open = open || a.current.Load().cfg.Audit.Identity == "plain"
	now := time.Now()
	out := admin.Incident{
		ID: i.ID, State: i.State(now), Severity: i.Severity, Title: i.Title, Opened: i.Opened, By: i.By, Rule: i.Rule, Closed: i.Closed,
		About: []admin.IncidentSubject{}, Containments: []admin.Containment{}, Steps: []admin.IncidentStep{}, Names: open,
	}
	for _, s := range i.About {
		out.About = append(out.About, a.shownSubject(s, open))
	}
	for k := range i.Containments {
		c := &i.Containments[k]
		out.Containments = append(out.Containments, admin.Containment{
			ID: c.ID, IncidentSubject: a.shownSubject(c.IncidentSubject, open), Since: c.Since, Until: c.Until,
			By: c.By, Reason: c.Reason, Released: c.Released, InForce: c.InForce(now),
		})
	}
	for _, s := range i.Steps {
		out.Steps = append(out.Steps, admin.IncidentStep(s))
	}
	return out
}

func (a *App) shownSubject(s store.IncidentSubject, open bool) admin.IncidentSubject {
	if s.Erased != "" { // nobody can open it
		return admin.IncidentSubject{Kind: s.Kind, Realm: s.Realm, Tenant: s.Tenant, Value: "~" + s.Erased[:2*tagBytes], Erased: true}
	}
	if !open && (s.Kind == store.OfPrincipal || s.Kind == store.OfAddress) {
		parts := []string{s.Kind, s.Realm, s.Value}
		if s.Tenant != "" { // nobody of another tenant has the tag
			parts = append(parts, s.Tenant)
		}
		s.Value = a.tag(parts...)
	}
	return admin.IncidentSubject{Kind: s.Kind, Realm: s.Realm, Tenant: s.Tenant, Value: s.Value}
}
