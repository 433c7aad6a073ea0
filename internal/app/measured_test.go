package app

import (
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/monitor"
	"doorward/internal/store"
)

// An address is suspended for what it did, and not for being the last of many, or of
// those who use a tool or belong to a tenant.
func TestWhichAddressARuleSuspends(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind, value, address string
		want                 string // empty: none
	}{
		{monitor.OfAddress, "192.0.2.7", "192.0.2.9", "192.0.2.7"},
		{monitor.OfAddress, "2001:db8::/64", "", "2001:db8::/64"},
		{monitor.OfPrincipal, "alice", "192.0.2.9", "192.0.2.9"},
		{monitor.OfMany, "", "192.0.2.9", ""},
		{monitor.OfTool, "up/echo", "192.0.2.9", ""},
		{monitor.OfTenant, "t1", "192.0.2.9", ""},
		{monitor.OfAddress, "127.0.0.1", "", ""},
		{monitor.OfPrincipal, "alice", "", ""},
	} {
		t.Run(tc.kind+" "+tc.value, func(t *testing.T) {
			t.Parallel()
			alert := monitor.Alert{Subject: monitor.Subject{Kind: tc.kind, Value: tc.value}, Address: tc.address}
			what, why := measured(&alert, config.Measure{What: store.OfAddress}, &config.Config{})
			if what.Value != tc.want || (why == "") != (tc.want != "") {
				t.Errorf("it suspends %+v, %q", what, why)
			}
		})
	}
}

// A rule suspends the subject of the tenant whose alert it is; one whose tenant is too
// long for an alert in every tenant.
func TestARuleSuspendsWithinATenant(t *testing.T) {
	t.Parallel()
	for tenant, want := range map[string]string{"acme": "acme", "": "", strings.Repeat("a", 200) + "…": ""} {
		alert := monitor.Alert{Subject: monitor.Subject{Kind: monitor.OfPrincipal, Realm: "https://idp.example", Tenant: tenant, Value: "alice"}}
		what, why := measured(&alert, config.Measure{What: store.OfPrincipal}, &config.Config{})
		if what != (store.IncidentSubject{Kind: store.OfPrincipal, Realm: "https://idp.example", Tenant: want, Value: "alice"}) || why != "" {
			t.Errorf("%q: it suspends %+v, %q", tenant, what, why)
		}
	}
}

// An export of a person, and the evidence of an incident, have nothing of the same
// subject of another tenant.
func TestIncidentsOfOneTenant(t *testing.T) {
	t.Parallel()
	const idp = "https://idp.example"
	alice := somebody{Person: audit.Person{Realm: idp, Tenant: "acme", Subject: "alice"}, exact: true}
	unknown := somebody{Person: audit.Person{Subject: "alice"}}
	record := audit.Record{Principal: audit.Principal{Method: gate.MethodJWT, Issuer: idp, Tenant: "acme", Subject: "alice"}}
	for _, tc := range []struct {
		realm, tenant string
		is, anybody   bool
	}{
		{idp, "acme", true, true}, {idp, "globex", false, true}, {idp, "", true, true}, {"https://other.example", "acme", false, true},
	} {
		s := store.IncidentSubject{Kind: store.OfPrincipal, Realm: tc.realm, Tenant: tc.tenant, Value: "alice"}
		if got := alice.concerns(s); got != tc.is {
			t.Errorf("%+v is in alice's export: %v", s, got)
		}
		if got := unknown.concerns(s); got != tc.anybody {
			t.Errorf("%+v is in the export of everybody of the name: %v", s, got)
		}
		if got := suspected(&s, &record); got != tc.is {
			t.Errorf("%+v has alice's record: %v", s, got)
		}
	}
}
