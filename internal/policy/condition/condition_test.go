package condition_test

import (
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy/condition"
)

func compile(t testing.TB, source string) *condition.Program {
	t.Helper()
	p, err := condition.Compile(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return p
}

// daytime is a call at nine in the morning.
func daytime() *condition.Input {
	return &condition.Input{
		Principal: &gate.Principal{
			Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: "ada", Tenant: "acme",
			Groups: []string{"platform", "staff"}, Scopes: []string{"read"}, Roles: []string{"operator"},
		},
		Upstream:  "github",
		Kind:      "tool",
		Name:      "merge_pull_request",
		ArgsKnown: true,
		Labels:    []string{"private"},
		Now:       time.Date(2026, time.November, 26, 9, 30, 0, 0, time.UTC),
		Request: condition.Request{
			Method: "tools/call", Transport: "http", Era: "2026-07-28", Profile: "review",
			Address: "192.0.2.7", Agent: "inspector/1",
		},
	}
}
