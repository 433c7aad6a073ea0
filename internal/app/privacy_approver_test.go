package app_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
)

// GDP-06: whoever decided about calls of others gets what they decided and when, without
// whose calls it was; erased, they are nowhere, their yes to what waits counts no more,
// what was decided stays decided, and the record verifies.
func TestGDP06WhoeverApprovedIsErased(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	const lead, other = canarySubject, "mallory-who-asks"
	r.busy(r.of(other, "acme", "callers"), 1)
	r.busy(r.of(other+"-too", "acme", "callers"), 1)
	token := r.idp.Token(claims{"sub": lead, "tenant": "acme", "groups": []string{approvers}, "aud": "house"})
	court := &court{GW: r.GW, t: t, keys: map[string]string{"lead": token}, http: http.DefaultClient}
	op := r.operator()
	waiting := mustList(t, op)
	if len(waiting) != 2 {
		t.Fatalf("%d wait", len(waiting))
	}
	for i, verb := range []struct {
		path string
		body string
	}{{"/" + waiting[0].ID, grant}, {"/" + waiting[1].ID, deny}} {
		if s := court.ask("lead", "POST", verb.path, verb.body); s.status != http.StatusOK {
			t.Fatalf("deciding %d: %s", i, s)
		}
	}
	if places := r.places(lead); places != nil {
		t.Errorf("GDP-01: who decided is named in %s", places)
	}
	files := r.exported(admin.Whom{Subject: lead})
	for name, want := range map[string]string{"approvals.json": `"part": "decided"`, "records.jsonl": `"event":"approval.grant"`} {
		if !bytes.Contains(files[name], []byte(want)) {
			t.Errorf("%s has no %s:\n%s", name, want, files[name])
		}
	}
	if n := bytes.Count(files["approvals.json"], []byte(`"by": "you"`)); n != 2 {
		t.Errorf("%d decisions of theirs in %s", n, files["approvals.json"])
	}
	for name, content := range files {
		if bytes.Contains(content, []byte(other)) {
			t.Errorf("%s says whose calls they were: %s", name, content)
		}
	}
	got, err := op.Erase(t.Context(), "", admin.Erasure{Whom: admin.Whom{Subject: lead}, Basis: "request 13"})
	if err != nil || got.Keys != 1 || got.Approvals != 2 {
		t.Fatalf("erased %+v, %v", got, err)
	}
	if places := r.places(lead); places != nil {
		t.Errorf("they are in %s", places)
	}
	decided := r.Records(audit.Query{Event: "approval.grant"})
	if len(decided) != 1 || !strings.HasPrefix(decided[0].Detail, waiting[0].ID) || decided[0].Principal.Subject != "" {
		t.Errorf("on record: %+v", decided)
	}
	for _, a := range waiting {
		one, err := op.ShowApproval(t.Context(), a.ID)
		want := "denied"
		if a.ID == waiting[0].ID {
			want = "waiting"
		}
		if err != nil || one.Subject != a.Subject || one.State != want {
			t.Errorf("afterwards %+v, %v; want %s", one, err, want)
		}
	}
	r.verifies()
}
