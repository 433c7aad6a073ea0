package ingest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/ingest"
)

var errStopped = errors.New("stopped by the test")

// stopAt ends a run once so many documents were done.
func stopAt(t *testing.T, p *place, n int, run func(context.Context, []ingest.From) (ingest.Report, error), names ...string) ingest.Report {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	p.job.Progress = func(at ingest.Progress) {
		if at.Done >= n {
			cancel(errStopped)
		}
	}
	r, err := run(ctx, p.from(names...))
	p.job.Progress = nil
	if !errors.Is(err, errStopped) || r.Finished {
		t.Fatalf("the run ended with %v, %+v", err, r)
	}
	return r
}

// TestARunThatIsEndedGoesOn ends a first ingestion again and again, and holds what comes of
// it, and what it cost, against one that was not.
func TestARunThatIsEndedGoesOn(t *testing.T) {
	whole := newPlace(t)
	whole.many(12)
	whole.run("one")
	p := newPlace(t)
	p.many(12)
	done := 0
	for range 3 {
		r := stopAt(t, p, done+2, p.job.Run, "one")
		done = r.Unchanged + r.New
		if len(p.holds()) != 0 {
			t.Fatal("a generation that is not finished is in use")
		}
	}
	r := p.run("one")
	if r.Unchanged < 6 || r.New+r.Unchanged != 12 || r.Changed != 0 {
		t.Errorf("the last run: %+v", r)
	}
	if diff := cmp.Diff(whole.holds(), p.holds()); diff != "" {
		t.Error(diff)
	}
}

func TestAnotherGenerationIsMadeBesideTheOneInUse(t *testing.T) {
	p := newPlace(t)
	p.many(10)
	p.run("one")
	before := p.holds()
	was, err := p.index.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.write(map[string]string{"00.md": "# Another\n\ntext"})
	stopAt(t, p, 5, p.job.Again, "one")
	if diff := cmp.Diff(before, p.holds()); diff != "" {
		t.Errorf("the old generation is not what it was: %s", diff)
	}
	r, err := p.job.Again(t.Context(), p.from("one"))
	if err != nil || r.Unchanged < 5 || r.New+r.Unchanged != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	is, err := p.index.State(t.Context())
	if err != nil || is.Generation == was.Generation {
		t.Errorf("%+v, %v", is, err)
	}
	if n, err := p.index.Count(t.Context(), is.Generation); err != nil || n.Documents != 10 {
		t.Errorf("%+v, %v", n, err)
	}
	if p.holds()["docs://up/one/00.md"] != "# Another\n\ntext" {
		t.Error("the new generation has the old text")
	}
}

// TestDocumentsOfSeveralRulesAreNeverServed ends a run that changes who may read what, and
// goes back to the old rules: some documents have the new ones by then.
func TestDocumentsOfSeveralRulesAreNeverServed(t *testing.T) {
	p := newPlace(t)
	p.many(10)
	p.run("one")
	old, access := p.job.Wanted, p.job.Access
	p.job.Wanted.Access = [32]byte{2}
	p.job.Access = func(string) []string { return []string{"reader", "admin", "reader"} }
	stopAt(t, p, 3, p.job.Run, "one")
	state, err := p.index.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []docs.Wanted{old, p.job.Wanted} {
		if err := w.Serves(&state); err == nil {
			t.Errorf("rules %x are served in the middle of a change", w.Access[:1])
		}
	}
	changed, changing := p.job.Wanted, p.job.Access
	p.job.Wanted, p.job.Access = old, access
	p.run("one")
	if state, err = p.index.State(t.Context()); err != nil || old.Serves(&state) != nil {
		t.Errorf("the old rules are not served when all documents have them: %v", err)
	}
	p.job.Wanted, p.job.Access = changed, changing
	if r := p.run("one"); r.Changed != 10 {
		t.Errorf("%+v", r)
	}
	all, err := p.index.List(t.Context(), docs.Listing{Generation: state.Generation, Limit: 10, Roles: []string{"admin"}})
	if err != nil || len(all) != 10 {
		t.Fatalf("%d documents, %v", len(all), err)
	}
	if diff := cmp.Diff([]string{"admin", "reader"}, all[0].Roles); diff != "" {
		t.Error(diff)
	}
	if none, err := p.index.List(t.Context(), docs.Listing{Generation: state.Generation, Limit: 10}); err != nil || len(none) != 0 {
		t.Errorf("who has no role reads %d documents, %v", len(none), err)
	}
}

func TestRulesThatGiveNothingToAnybodyAreRefused(t *testing.T) {
	p := newPlace(t)
	p.many(1)
	p.job.Access = func(string) []string { return []string{} }
	if _, err := p.job.Run(t.Context(), p.from("one")); err == nil {
		t.Error("a document that nobody may read is everybody's")
	}
}
