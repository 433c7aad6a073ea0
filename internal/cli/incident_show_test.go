package cli

import (
	"bytes"
	"strings"
	"testing"

	"doorward/internal/admin"
)

// A list of incidents says of whom each is about the tenant, too: names repeat in others.
func TestIncidentTableNamesTenants(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	about := []admin.IncidentSubject{{Kind: "principal", Value: "~0011", Tenant: "ac\nme"}, {Kind: "tool", Realm: "up", Value: "echo"}}
	if err := incidentTable(&out, []admin.Incident{{ID: "inc_1", About: about}}); err != nil {
		t.Fatal(err)
	}
	if want := "principal ~0011 of tenant ac⟨U+000A⟩me, tool up/echo"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, out.String())
	}
}

// TEN-12: incidents of one tenant are those about it or its people, and about nobody else's.
func TestTEN12_IncidentsOfATenant(t *testing.T) {
	person := func(tenant string) admin.IncidentSubject {
		return admin.IncidentSubject{Kind: "principal", Tenant: tenant, Value: "~1"}
	}
	whole := func(tenant string) admin.IncidentSubject {
		return admin.IncidentSubject{Kind: "tenant", Value: tenant}
	}
	suspended := func(s admin.IncidentSubject) []admin.Containment {
		return []admin.Containment{{IncidentSubject: s}}
	}
	for name, tc := range map[string]struct {
		i    admin.Incident
		want bool
	}{
		"of its person":           {admin.Incident{About: []admin.IncidentSubject{person("acme")}}, true},
		"of the tenant":           {admin.Incident{About: []admin.IncidentSubject{whole("acme")}}, true},
		"and an upstream":         {admin.Incident{About: []admin.IncidentSubject{{Kind: "upstream", Value: "crm"}, person("acme")}}, true},
		"suspended":               {admin.Incident{Containments: suspended(whole("acme"))}, true},
		"of another's person":     {admin.Incident{About: []admin.IncidentSubject{person("globex")}}, false},
		"of another":              {admin.Incident{About: []admin.IncidentSubject{whole("globex")}}, false},
		"of both":                 {admin.Incident{About: []admin.IncidentSubject{person("acme"), person("globex")}}, false},
		"another suspended":       {admin.Incident{About: []admin.IncidentSubject{person("acme")}, Containments: suspended(person("globex"))}, false},
		"of somebody of none":     {admin.Incident{About: []admin.IncidentSubject{person("")}}, false},
		"of an address":           {admin.Incident{About: []admin.IncidentSubject{{Kind: "address", Value: "acme"}}}, false},
		"and a key":               {admin.Incident{About: []admin.IncidentSubject{person("acme"), {Kind: "key", Value: "k1"}}}, false},
		"its key suspended":       {admin.Incident{About: []admin.IncidentSubject{person("acme")}, Containments: suspended(admin.IncidentSubject{Kind: "key", Value: "k1"})}, false},
		"and a session":           {admin.Incident{About: []admin.IncidentSubject{{Kind: "session", Value: "s1"}, whole("acme")}}, false},
		"its session suspended":   {admin.Incident{About: []admin.IncidentSubject{whole("acme")}, Containments: suspended(admin.IncidentSubject{Kind: "session", Value: "s1"})}, false},
		"of nothing":              {admin.Incident{}, false},
		"of one with a like name": {admin.Incident{About: []admin.IncidentSubject{person("acme2")}}, false},
	} {
		f := incidentFilter{all: true, tenant: "acme"}
		if got := f.wants(&tc.i); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
