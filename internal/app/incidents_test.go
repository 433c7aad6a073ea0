package app_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// An operator opens, suspends, notes, releases and closes; each is on record, and
// names are tags to whoever does not ask for them.
func TestAnIncidentFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, "identity: {api_keys: true}\nupstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})})
	ctx := t.Context()
	one, err := g.App.Contain(ctx, "uid:7", admin.ContainRequest{
		IncidentSubject: admin.IncidentSubject{Kind: "principal", Value: "bob@example.com"}, For: time.Hour, Reason: "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	if one.State != "contained" || len(one.About) != 1 || !strings.HasPrefix(one.About[0].Value, "~") || one.Names {
		t.Errorf("%+v", one)
	}
	named, err := g.App.RevealIncident(ctx, "uid:7", one.ID)
	if err != nil || named.About[0].Value != "bob@example.com" || named.About[0].Realm != "api_key" {
		t.Errorf("%+v, %v", named, err)
	}
	act := admin.IncidentAct{Incident: one.ID, Reason: "over"}
	if _, err := g.App.CloseIncident(ctx, "uid:7", act); err == nil {
		t.Error("closed with something suspended")
	}
	for _, n := range []admin.IncidentNote{{Incident: one.ID, Text: "was called"}, {Incident: one.ID, To: "authority"}} {
		if _, err := g.App.NoteIncident(ctx, "uid:7", n); err != nil {
			t.Error(err)
		}
	}
	if one, err = g.App.Release(ctx, "uid:8", act); err != nil || one.State != "recovered" {
		t.Errorf("%s, %v", one.State, err)
	}
	if one, err = g.App.CloseIncident(ctx, "uid:8", act); err != nil || one.State != "closed" {
		t.Errorf("%s, %v", one.State, err)
	}
	var kinds []string
	for _, s := range one.Steps {
		kinds = append(kinds, s.Actor+" "+s.Kind)
	}
	if got, want := strings.Join(kinds, ", "), "uid:7 opened, uid:7 contained, uid:7 note, uid:7 notified, uid:8 released, uid:8 closed"; got != want {
		t.Errorf("the timeline is %s, want %s", got, want)
	}
	var events []string
	for _, r := range g.Records(audit.Query{Kind: audit.KindEvent}) {
		if strings.HasPrefix(r.Event, "incident.") || r.Event == "audit.open" {
			events = append(events, r.Event+" "+r.Status)
			if sealed := len(r.Person) > 0; strings.Contains(r.Detail, "bob") || sealed != (r.Principal.Subject != "") {
				t.Errorf("a record names somebody: %+v", r)
			}
		}
	}
	want := "incident.open begun, incident.contain begun, audit.open begun, incident.close begun, incident.close failed, " +
		"incident.note begun, incident.notify begun, incident.release begun, incident.close begun"
	if got := strings.Join(events, ", "); got != want {
		t.Errorf("on record is %s, want %s", got, want)
	}
	if list, err := g.App.ListIncidents(ctx); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}
