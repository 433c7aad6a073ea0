package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

func who(t *testing.T, p *gate.Principal, out *gate.Outcome) (*gate.Principal, error) {
	t.Helper()
	cfg := config(t.TempDir())
	l := open(t, cfg)
	ex := exchange("x")
	ex.Principal = p
	err := l.Intent(t.Context(), ex)
	if out != nil {
		err = l.Outcome(t.Context(), ex, *out)
	}
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, cfg.Dir, audit.Query{Exchange: "x"})
	return all[len(all)-1].Who()
}

// A principal comes back from its record as it was, whatever proved it.
func TestThePrincipalComesBack(t *testing.T) {
	const idp = "https://id.example.com"
	many := make([]string, 32)
	for i := range many {
		many[i] = fmt.Sprintf("%0*d", 128, i)
	}
	for _, p := range []gate.Principal{
		{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: "alice", Credential: "k_1", Roles: []string{"reader", "writer"}},
		{Method: gate.MethodSignature, Realm: gate.RealmKeys, Subject: "alice", Credential: "k_1"},
		{Method: gate.MethodMTLS, Realm: gate.RealmMTLS, Subject: "CN=a", Credential: "f1"},
		{Method: gate.MethodAnonymous, Realm: gate.RealmAnonymous, Subject: "guest", Roles: []string{"reader"}},
		{Method: gate.MethodLocal, Realm: gate.RealmLocal, Subject: "local"},
		{
			Method: gate.MethodJWT, Realm: idp, Subject: "al\u202eice…", Tenant: "t", Client: "app", Credential: "j",
			Groups: []string{"a", "é\""}, Scopes: []string{"mcp:execute:tools"}, Roles: []string{"reader"},
		},
		{Method: gate.MethodIntrospection, Realm: idp, Subject: "alice", Groups: many, Scopes: many, Roles: many},
	} {
		got, err := who(t, &p, nil)
		if err != nil {
			t.Fatalf("%s: %v", p.Method, err)
		}
		if diff := cmp.Diff(&p, got); diff != "" || got.Key() != p.Key() {
			t.Errorf("%s (-want +got):\n%s", p.Method, diff)
		}
	}
}

// One of which anything is missing is not given out as if it were whole.
func TestAPrincipalThatIsNotWhole(t *testing.T) {
	good := gate.Principal{Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: "alice", Roles: []string{"reader"}}
	for name, change := range map[string]func(*gate.Principal){
		"long subject":    func(p *gate.Principal) { p.Subject = strings.Repeat("a", 513) },
		"long characters": func(p *gate.Principal) { p.Subject = strings.Repeat("é", 300) },
		"long issuer":     func(p *gate.Principal) { p.Realm = strings.Repeat("a", 513) },
		"long role":       func(p *gate.Principal) { p.Roles = []string{strings.Repeat("a", 129)} },
		"many groups":     func(p *gate.Principal) { p.Groups = slices.Repeat([]string{"a"}, 33) },
		"no characters":   func(p *gate.Principal) { p.Subject = "\xff" },
		"no issuer":       func(p *gate.Principal) { p.Realm = "" },
		"no method":       func(p *gate.Principal) { p.Method = "" },
		"another method":  func(p *gate.Principal) { p.Method = "magic" },
	} {
		p := good
		change(&p)
		if got, err := who(t, &p, nil); !errors.Is(err, audit.ErrNotWhole) || got != nil {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	answered := done()
	if got, err := who(t, &good, &answered); !errors.Is(err, audit.ErrNotWhole) || got != nil {
		t.Errorf("an outcome after its intent: got %+v, %v", got, err)
	}
}
