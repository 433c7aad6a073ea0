package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

const idA, idB = "https://a.example.com", "https://b.example.com"

func memberships(t *testing.T) *policy.Policy {
	t.Helper()
	return compile(t, map[string]policy.Role{
		"reader":   {Scopes: []string{"mcp:read:documents", "read"}, Allow: resources("docs://**")},
		"staff":    {Groups: []string{"staff"}, Allow: tools("files/read_*")},
		"service":  {Subjects: []string{"svc-*", "spiffe://house/ns/*/sa"}, Allow: tools("jobs/**")},
		"a-only":   {Scopes: []string{"admin"}, Groups: []string{"admins"}, Issuers: []string{idA}, Allow: tools("admin/**")},
		"by-name":  {Allow: tools("named/**")},
		"writer":   {Scopes: []string{"write", "more"}, Allow: tools("files/*"), Deny: tools("files/delete_*")},
		"forbids":  {Groups: []string{"guests"}, Deny: tools("files/**")},
		"admin":    {Scopes: []string{"all"}, Allow: []policy.Rule{{Tools: []string{"*/**"}, Resources: []string{"**"}}}},
		"everyone": {Subjects: []string{"*"}, Issuers: []string{"mtls"}, Allow: tools("open/x")},
	})
}

func TestRolesOf(t *testing.T) {
	p := memberships(t)
	for _, tc := range []struct {
		name    string
		who     gate.Principal
		claimed []string
		want    []string
	}{
		{"nothing", gate.Principal{Realm: idA, Subject: "x"}, nil, nil},
		{"a scope", gate.Principal{Realm: idA, Subject: "x", Scopes: []string{"read"}}, nil, []string{"reader"}},
		{"several", gate.Principal{Realm: idA, Subject: "svc-1", Scopes: []string{"admin", "read"}, Groups: []string{"staff"}}, nil, []string{"a-only", "reader", "service", "staff"}},
		{"a scope of another issuer", gate.Principal{Realm: idB, Subject: "x", Scopes: []string{"admin"}, Groups: []string{"admins"}}, nil, nil},
		{"a group is no scope", gate.Principal{Realm: idA, Subject: "x", Groups: []string{"read"}, Scopes: []string{"staff"}}, nil, nil},
		{"part of a scope", gate.Principal{Realm: idA, Subject: "x", Scopes: []string{"readwrite", "rea", "READ", "mcp:read:documents2"}}, nil, nil},
		{"a glob", gate.Principal{Realm: idA, Subject: "spiffe://house/ns/a/sa"}, nil, []string{"service"}},
		{"a glob does not cross a slash", gate.Principal{Realm: idA, Subject: "spiffe://house/ns/a/b/sa"}, nil, nil},
		{"a certificate", gate.Principal{Realm: "mtls", Subject: "host"}, nil, []string{"everyone"}},
		{"claimed by another issuer", gate.Principal{Realm: idB, Subject: "x"}, []string{"a-only", "by-name"}, []string{"by-name"}},
		{"claimed", gate.Principal{Realm: idA, Subject: "x"}, []string{"by-name", "no-such", "by-name"}, []string{"by-name"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, p.RolesOf(&tc.who, tc.claimed)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if p.RolesOf(nil, []string{"by-name"}) != nil || (*policy.Policy)(nil).RolesOf(&gate.Principal{Subject: "svc-1"}, nil) != nil {
		t.Error("nobody, or no policy, has a role")
	}
}

// What is asked for is what the operation needs, and never the list of all scopes (AUT-63).
func TestLacks(t *testing.T) {
	p := memberships(t)
	token := func(realm string, roles ...string) *gate.Principal {
		return &gate.Principal{Method: gate.MethodJWT, Realm: realm, Subject: "x", Roles: roles}
	}
	for _, tc := range []struct {
		name     string
		who      *gate.Principal
		kind     gate.ItemKind
		up, item string
		want     []string
	}{
		{"one of two", token(idA), gate.Resource, "docs", "docs://a", []string{"mcp:read:documents"}},
		{"a tool, by the role that opens least", token(idA, "reader"), gate.Tool, "files", "write", []string{"write"}},
		{"denied by the role that would allow, allowed by another", token(idA), gate.Tool, "files", "delete_x", []string{"all"}},
		{"denied by a role that it has, allowed by another", token(idA, "writer"), gate.Tool, "files", "delete_x", nil},
		{"denied by a role that it has", token(idA, "forbids"), gate.Tool, "files", "write", nil},
		{"by a group alone, but for the widest", token(idA), gate.Tool, "jobs", "x", []string{"all"}},
		{"nobody may", token(idA), gate.Prompt, "other", "x", nil},
		{"of its issuer", token(idA), gate.Tool, "admin", "x", []string{"admin"}},
		{"of another issuer", token(idB), gate.Tool, "admin", "x", []string{"all"}},
		{"a key has no scopes", &gate.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: "x"}, gate.Tool, "files", "write", nil},
		{"a certificate has none", &gate.Principal{Method: gate.MethodMTLS, Realm: gate.RealmMTLS, Subject: "x"}, gate.Tool, "files", "write", nil},
		{"nobody", nil, gate.Tool, "files", "write", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, p.Lacks(tc.who, tc.kind, tc.up, tc.item)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadSubjects(t *testing.T) {
	for _, glob := range []string{"[a", "{a", "a\\", "\xff"} {
		p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{"r": {Subjects: []string{"fine", glob}}}})
		if p != nil || len(faults) != 1 || faults[0].Path != "roles.r.subjects[1]" {
			t.Errorf("%q: %v", glob, faults)
		}
	}
}
