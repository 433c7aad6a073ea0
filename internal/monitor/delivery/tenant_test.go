package delivery_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
)

// TEN-13: a tenant's receiver has the alerts about its people and about itself, and none
// in which others are; who is told of everything has all, also at the same place.
func TestTEN13_AlertsOfATenant(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		all, acme, globex := &desk{name: "one"}, &desk{name: "one"}, &desk{name: "one"}
		p := newPost(t, dir, all, delivery.OfTenant(acme, "acme"), delivery.OfTenant(globex, "globex"))
		want := map[*desk][]string{}
		for _, s := range []monitor.Subject{
			{Kind: monitor.OfPrincipal, Value: "alice", Realm: "https://idp", Tenant: "acme"},
			{Kind: monitor.OfPrincipal, Value: "alice", Realm: "https://idp", Tenant: "globex"},
			{Kind: monitor.OfPrincipal, Value: "acme", Realm: "https://idp"},
			{Kind: monitor.OfPrincipal, Value: "alice", Realm: "https://idp", Tenant: "Acme"},
			{Kind: monitor.OfTenant, Value: "acme"},
			{Kind: monitor.OfTenant, Value: "globex"},
			{Kind: monitor.OfAddress, Value: "192.0.2.1"},
			{Kind: monitor.OfAddress, Value: "acme", Tenant: "acme"},
			{Kind: monitor.OfTool, Value: "acme/x"},
			{Kind: monitor.OfUpstream, Value: "acme"},
			{Kind: monitor.OfGateway},
			{Kind: monitor.OfMany},
			{Kind: monitor.OfMany, Tenant: "acme"},
			{Kind: monitor.OfMany, Tenant: "globex"},
		} {
			a := alert()
			a.Subject = s
			want[all] = append(want[all], a.ID)
			for d, tenant := range map[*desk]string{acme: "acme", globex: "globex"} {
				if s == (monitor.Subject{Kind: monitor.OfTenant, Value: tenant}) || (s.Kind == monitor.OfPrincipal || s.Kind == monitor.OfMany) && s.Tenant == tenant {
					want[d] = append(want[d], a.ID)
				}
			}
			p.Deliver(a)
			synctest.Wait()
		}
		p.end()
		for d, ids := range want {
			if diff := cmp.Diff(ids, d.taken()); diff != "" {
				t.Errorf("taken (-want +got):\n%s", diff)
			}
		}
		if len(want[acme]) != 3 || len(want[globex]) != 3 {
			t.Error("nothing is of a tenant")
		}
	})
}
