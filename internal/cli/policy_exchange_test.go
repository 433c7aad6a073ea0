package cli

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/condition"
)

// A recorded call is asked again whole, or not at all.
func TestQuestionOfARecordedCall(t *testing.T) {
	at := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	whole := admin.Call{
		Exchange: "x", Time: at, Method: "tools/call", Era: "stateful", Transport: "http", Profile: "p", Address: "192.0.2.1", Agent: "a",
		Principal: admin.Caller{
			Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: "s", Tenant: "t", Client: "c", Credential: "j",
			Groups: []string{"g"}, Scopes: []string{"sc"}, Roles: []string{"r"}, Whole: true,
		},
		Upstream: "files", Kind: "tool", Name: "read", Arguments: json.RawMessage(`{"n":1e400}`), Kept: true,
	}
	got, err := questionOf(&whole)
	want := &policy.Question{
		Who: &gate.Principal{
			Method: gate.MethodJWT, Realm: "https://id.example.com", Subject: "s", Tenant: "t", Client: "c", Credential: "j",
			Groups: []string{"g"}, Scopes: []string{"sc"}, Roles: []string{"r"},
		},
		Kind: gate.Tool, Upstream: "files", Name: "read", Called: true, Args: []byte(`{"n":1e400}`), Now: at, Trace: &policy.Trace{},
		Request: condition.Request{Method: "tools/call", Transport: "http", Era: "stateful", Profile: "p", Address: "192.0.2.1", Agent: "a"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("questionOf: %v\n%s", err, diff)
	}
	for name, spoil := range map[string]func(*admin.Call){
		"no arguments": func(c *admin.Call) { c.Kept = false },
		"no roles":     func(c *admin.Call) { c.Principal.Whole = false },
		"no upstream":  func(c *admin.Call) { c.Upstream = "" },
		"no item":      func(c *admin.Call) { c.Kind = "server" },
		"no kind":      func(c *admin.Call) { c.Kind = "" },
	} {
		c := whole
		spoil(&c)
		if q, err := questionOf(&c); err == nil || q != nil {
			t.Errorf("%s: %v, %v", name, q, err)
		}
	}
}
