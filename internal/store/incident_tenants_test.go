package store_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func principalIn(tenant string) store.IncidentSubject {
	s := principalOf("bob")
	s.Tenant = tenant
	return s
}

// The subject of one tenant is nobody else's; what names no tenant is of every one. A
// restart keeps both.
func TestContainmentsOfTenants(t *testing.T) {
	t.Parallel()
	dir, server := t.TempDir(), storetest.Redis(t)
	for name, open := range map[string]func() *store.Incidents{
		"file":  func() *store.Incidents { return openIncidents(t, dir) },
		"redis": func() *store.Incidents { return openSharedIncidents(t, server) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open()
			only := func(when string, s *store.Incidents, want map[string]bool) {
				t.Helper()
				for tenant, is := range want {
					if got := isContained(s, principalIn(tenant)); got != is {
						t.Errorf("%s: bob of %q is suspended: %v", when, tenant, got)
					}
				}
			}
			one := keep(t, s, suspended(t, "rule:denied_calls", principalIn("t1"), 0))
			theirs := map[string]bool{"t1": true, "t2": false, "": false}
			only("of one tenant", s, theirs)
			only("after a restart", open(), theirs)
			if other := keep(t, s, suspended(t, "rule:denied_calls", principalIn("t2"), 0)); other.ID == one.ID {
				t.Error("two tenants share an incident")
			} else {
				release(t, s, other.ID)
			}
			all := keep(t, s, suspended(t, "uid:1", principalIn(""), 0))
			everywhere := map[string]bool{"t1": true, "t2": true, "": true}
			only("of every tenant", s, everywhere)
			only("after another restart", open(), everywhere)
			release(t, s, all.ID)
			only("of one tenant again", s, theirs)
			of := func(tenant string) store.Forgotten {
				return store.Forgotten{Is: func(s store.IncidentSubject) bool { return s.Tenant == tenant }}
			}
			if n, err := s.Forget(t.Context(), of("t1")); n != 1 || err != nil {
				t.Fatalf("forgotten in %d, %v", n, err)
			}
			only("of who was erased", open(), theirs)
			keep(t, s, suspended(t, "uid:1", principalIn(""), 0))
			if n, err := s.Forget(t.Context(), of("")); n != 2 || err != nil {
				t.Fatalf("forgotten in %d, %v", n, err)
			}
			only("of who was erased, in every tenant", open(), everywhere)
		})
	}
}

// What gateways kept that knew no tenants is read, and is of every tenant: testdata is
// what one of them has written about bob, with incidentKey.
func TestIncidentsFromBeforeTenants(t *testing.T) {
	t.Parallel()
	dir, server := t.TempDir(), storetest.Redis(t)
	file, err := os.ReadFile("testdata/incidents-without-tenants.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "incidents.json"), file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/incident-without-tenants.redis")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.AppendDecode(nil, text[:len(text)-1])
	if err != nil {
		t.Fatal(err)
	}
	server.Do("HSET", "doorward:{incidents}", "inc_01a21d8b76e9rphezp2hwr", sealed)
	server.Do("SET", "doorward:{incidents}:version", "before")
	for name, s := range map[string]*store.Incidents{"file": openIncidents(t, dir), "redis": openSharedIncidents(t, server)} {
		for _, tenant := range []string{"", "t1"} {
			if !isContained(s, principalIn(tenant)) {
				t.Errorf("%s: bob of %q is not suspended", name, tenant)
			}
		}
		other := principalOf("carol")
		other.Tenant = "t1"
		if isContained(s, other) {
			t.Errorf("%s: carol is suspended", name)
		}
	}
}
