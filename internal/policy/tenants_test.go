package policy_test

import (
	"testing"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// TEN-02: what is for a tenant no rule gives to anybody else, and nobody learns by a
// scope that is missing that it is there. Who has no tenant is of none.
func TestTEN02_WhatIsForATenant(t *testing.T) {
	src := policy.Source{Roles: map[string]policy.Role{
		"all":    {Allow: []policy.Rule{{Tools: []string{"*/**"}, Prompts: []string{"*/**"}, Resources: []string{"**"}}}},
		"scoped": {Scopes: []string{"s"}, Allow: tools("*/**")},
	}}
	open := compile(t, src.Roles)
	src.Tenants = map[string][]string{"own": {"acme", "globex"}, "shut": {}}
	p, faults := policy.Compile(src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if p.Version() == open.Version() {
		t.Error("the policy has the version of one without tenants")
	}
	for tenant, want := range map[string]bool{"acme": true, "globex": true, "": false, "Acme": false, "acme ": false, "initech": false, "*": false} {
		who := &gate.Principal{Subject: "s", Tenant: tenant, Roles: []string{"all"}}
		for up, want := range map[string]bool{"own": want, "everybody's": true, "shut": false} {
			if p.Serves(who, up) != want || p.Reaches(who, up) != want || p.Names(who, up) != want {
				t.Errorf("%q at %s: serves %v, reaches %v, names %v, want %v", tenant, up, p.Serves(who, up), p.Reaches(who, up), p.Names(who, up), want)
			}
			for _, kind := range []gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource, gate.Template} {
				if d := p.Decide(who, kind, up, "x:y"); d.Allowed != want || !want && d.Reason != policy.ReasonTenant {
					t.Errorf("%q at %s, %s: %+v", tenant, up, kind, d)
				}
			}
		}
		token := &gate.Principal{Subject: "s", Realm: "https://idp.example", Method: gate.MethodJWT, Tenant: tenant, Scopes: []string{"other"}}
		if got := p.Lacks(token, gate.Tool, "own", "x"); (got != nil) != want {
			t.Errorf("%q is told of the scope %v", tenant, got)
		}
	}
	if p.Serves(nil, "everybody's") || (*policy.Policy)(nil).Serves(&gate.Principal{}, "everybody's") {
		t.Error("nobody is served, or by no policy")
	}
}
