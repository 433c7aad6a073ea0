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
		for _, b := range all {
			if got, want := a.HasKey(b.Key()), a.Key() == b.Key(); got != want {
				t.Errorf("%+v has the key of %+v: %v, want %v", a, b, got, want)
			}
		}
	}
}
