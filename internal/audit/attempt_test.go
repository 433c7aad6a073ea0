package audit_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Of a sign-in that was refused the record has how it was tried and, where the
// proof was good all the same, whose it was.
func TestARefusedSignIn(t *testing.T) {
	const idp = "https://id.example.com"
	cfg := config(t.TempDir())
	l := open(t, cfg)
	attempts := []gate.Attempt{
		{},
		{Method: gate.MethodJWT},
		{Method: gate.MethodJWT, Realm: idp, Subject: "alice", Credential: "jti-1"},
		{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: "alice", Credential: "k_0123456789"},
	}
	for _, a := range attempts {
		ex := exchange("refused")
		ex.Principal, ex.Attempt, ex.Inbound.Request = nil, a, "proxy-1"
		out := gate.Outcome{Verdict: gate.Refuse(gate.CodeBadCredential, "unknown", ""), Stage: "identify", Status: "refused"}
		if err := l.Outcome(t.Context(), ex, out); err != nil {
			t.Fatal(err)
		}
	}
	token := exchange("token")
	token.Principal = &gate.Principal{Method: gate.MethodIntrospection, Realm: idp, Subject: "alice", Tenant: "a", Client: "app", Credential: "jti-1"}
	if err := l.Outcome(t.Context(), token, done()); err != nil {
		t.Fatal(err)
	}
	want := []audit.Principal{
		{},
		{Method: "jwt"},
		{Method: "jwt", Issuer: idp, Subject: "alice", Credential: "jti-1"},
		{Method: "api_key", Subject: "alice", Credential: "k_0123456789"},
		{Method: "introspection", Issuer: idp, Subject: "alice", Tenant: "a", Client: "app", Credential: "jti-1"},
	}
	var got []audit.Principal
	for _, r := range read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome}) {
		got = append(got, r.Principal)
		if r.Exchange == "refused" && r.Request != "proxy-1" {
			t.Errorf("the proxy's id is %q", r.Request)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
