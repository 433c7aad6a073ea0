package app

import (
	"testing"

	"doorward/internal/config"
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
