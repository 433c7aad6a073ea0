package gate_test

import (
	"strings"
	"testing"

	"doorward/internal/gate"
)

// TestHasKey: it says of every pair what comparing the keys says.
func TestHasKey(t *testing.T) {
	all := []*gate.Principal{
		nil,
		{},
		{Subject: "a"},
		{Tenant: "a"},
		{Realm: "a"},
		{Realm: "1:a", Subject: "0:"},
		{Realm: "a", Tenant: "b", Subject: "c"},
		{Realm: "ab", Subject: "c"},
		{Subject: strings.Repeat("long", 100)},
		{Subject: strings.Repeat("long", 100) + "er"},
	}
	for _, a := range all {
		if realm, tenant, subject, ok := gate.KeyParts(a.Key()); a != nil && (!ok || realm != a.Realm || tenant != a.Tenant || subject != a.Subject) {
			t.Errorf("the key of %+v is of %q, %q, %q (%v)", a, realm, tenant, subject, ok)
		}
		for _, b := range all {
			if got, want := a.HasKey(b.Key()), a.Key() == b.Key(); got != want {
				t.Errorf("%+v has the key of %+v: %v, want %v", a, b, got, want)
			}
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, key := range []string{"", "1:a", "0:0:", "0:0:0", "2:a0:0:", "-1:0:0:", "0:0:0:x", "99999999999999999999:a0:0:", "a:0:0:"} {
		if realm, tenant, subject, ok := gate.KeyParts(key); ok {
			t.Errorf("%q is of %q, %q, %q", key, realm, tenant, subject)
		}
	}
}
