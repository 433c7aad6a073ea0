package app_test

import (
	"testing"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/gate"
	"doorward/internal/gatetest"
)

// A change of what agents read is on record with who made it; what is none is not.
func TestChangesOfDocumentsAreOnRecord(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, "upstreams: {handbook: {builtin: docs}, up: {url: \"http://127.0.0.1:1\"}}\n", nil)
	var op admin.Operator = g.App
	for _, bad := range []admin.DocumentsChange{
		{Upstream: "handbook", Action: "read"}, {Upstream: "handbook"}, {Upstream: "up", Action: "ingest"}, {Upstream: "none", Action: "ingest"},
	} {
		if err := op.RecordDocuments(t.Context(), "uid:7", bad); gate.CodeOf(err) != gate.CodeParams {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = "pages\n"
	}
	for _, c := range []admin.DocumentsChange{{Upstream: "handbook", Action: "ingest", Sources: many}, {Upstream: "handbook", Action: "ingest", Sources: []string{"notes"}, Failed: true}} {
		if err := op.RecordDocuments(t.Context(), "uid:7", c); err != nil {
			t.Fatal(err)
		}
	}
	got := g.Records(audit.Query{Event: "docs.ingest"})
	if len(got) != 2 {
		t.Fatalf("on record: %+v", got)
	}
	if r := got[0]; r.Actor != "uid:7" || r.Upstream != "handbook" || r.Status != "begun" || r.Detail == "" || r.Detail[len(r.Detail)-10:] != "and 4 more" {
		t.Errorf("on record: %+v", r)
	}
	if r := got[1]; r.Status != "failed" || r.Detail != "notes" {
		t.Errorf("on record: %+v", r)
	}
}
