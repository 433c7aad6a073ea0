package ingest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
	"doorward/internal/docs/embed/lexical"
	"doorward/internal/docs/ingest"
)

// short answers with vectors of another length, from a text on.
func short(from int64) func(int64, docs.Texts) ([][]float32, error) {
	return func(n int64, t docs.Texts) ([][]float32, error) {
		if n < from {
			return nil, nil
		}
		all := make([][]float32, len(t.All))
		for i := range all {
			all[i] = []float32{1, 0, 0}
		}
		return all, nil
	}
}

// TestMismatchesAreRefusedBeforeAnythingIsWritten has each two of configuration, model,
// index and embedder disagree.
func TestMismatchesAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	other, err := lexical.New(128)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	nothing, full := newPlace(t), newPlace(t)
	for _, p := range []*place{nothing, full} {
		p.many(2)
		if err := os.WriteFile(filepath.Join(filepath.Dir(p.dir), "two", "a.md"), []byte("# A\n\ntext"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full.run("one", "two")
	full.write(map[string]string{"00.md": "# Changed\n\ntext"}) // so that there would be something to do
	for _, tc := range []struct {
		name  string
		empty bool // also where the index has nothing yet
		with  func(p *place)
		again bool
		want  string // what the error is about
	}{
		{"the configuration's model is not the embedder's", true, func(p *place) { p.job.Wanted.Model.Name = "another" }, false, "embedder"},
		{"the configuration's dimensions are not the embedder's", true, func(p *place) { p.job.Wanted.Model.Dimensions = 1536 }, false, "embedder"},
		{"the embedder answers with another length", true, func(p *place) { p.model.fail = short(0) }, false, "dimensions"},
		{"the embedder answers with another length, for a new generation", false, func(p *place) { p.model.fail = short(0) }, true, "dimensions"},
		{"the configuration's chunker is not the one that cuts", true, func(p *place) { p.job.Wanted.Chunker = "another" }, false, "chunker"},
		{"the index was made with other dimensions", false, func(p *place) { p.job.Embedder, p.job.Wanted.Model = other, other.Model() }, false, "dimensions"},
		{"not all sources, and another chunker", false, func(p *place) {
			p.job.Bounds.Target = 1000
			p.job.Wanted.Chunker = p.job.Bounds.Name()
		}, false, "chunker"},
		{"not all sources, and other access rules", false, func(p *place) { p.job.Wanted.Access = [32]byte{9} }, false, "access rules"},
		{"not all sources, and a new generation", false, func(*place) {}, true, "sources"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.empty {
				refused(t, nothing, tc.with, tc.again, tc.want)
				if files, err := filepath.Glob(filepath.Join(filepath.Dir(nothing.dir), "docs.db*")); err != nil || len(files) > 0 {
					t.Errorf("files were made: %v", files)
				}
			}
			refused(t, full, tc.with, tc.again, tc.want)
		})
	}
}

// refused has a run refused that is set up by with, and fails where anything is written.
func refused(t *testing.T, p *place, with func(*place), again bool, want string) {
	t.Helper()
	before, was, job := p.holds(), state(p), p.job
	defer func() { p.job, p.model.fail = job, nil }()
	p.model.texts.Store(0)
	with(p)
	run := p.job.Run
	if again {
		run = p.job.Again
	}
	names := []string{"one"}
	if p.model.fail != nil {
		names = []string{"one", "two"} // it is about the embedder alone
	}
	r, err := run(t.Context(), p.from(names...))
	m, ok := errors.AsType[*docs.MismatchError](err)
	if !ok || m.What != want || m.Here == "" || m.There == "" || m.Do == "" || r.Finished {
		t.Errorf("%v, %+v", err, r)
	}
	if diff := cmp.Diff(before, p.holds()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(was, state(p)); diff != "" {
		t.Error(diff)
	}
}

// state is what the index says of itself.
func state(p *place) docs.State {
	p.t.Helper()
	s, err := p.index.State(p.t.Context())
	if err != nil && !errors.Is(err, docs.ErrEmpty) {
		p.t.Fatal(err)
	}
	return s
}

// TestAnEmbedderThatChangesInTheMiddle answers with another length after some texts.
func TestAnEmbedderThatChangesInTheMiddle(t *testing.T) {
	p := newPlace(t)
	p.many(10)
	p.model.fail = short(12)
	_, err := p.job.Run(t.Context(), p.from("one"))
	if m, ok := errors.AsType[*docs.MismatchError](err); !ok || !strings.Contains(m.There, "vectors of 3") {
		t.Fatal(err)
	}
	if len(p.holds()) != 0 {
		t.Error("a generation that is not whole is in use")
	}
	p.model.fail = nil
	if r := p.run("one"); r.New+r.Unchanged != 10 || len(p.holds()) != 10 {
		t.Errorf("%+v", r)
	}
}

func TestSourcesAreNotMistakenForOthers(t *testing.T) {
	p := newPlace(t)
	p.many(2)
	p.run("one")
	from := p.from("one")
	from[0].Origin = "/elsewhere"
	if _, err := p.job.Run(t.Context(), from); err == nil || !strings.Contains(err.Error(), "--name") {
		t.Errorf("another directory under the name: %v", err)
	}
	if _, err := p.job.Run(t.Context(), append(p.from("one"), p.from("one")...)); err == nil {
		t.Error("one source twice")
	}
	if _, err := p.job.Run(t.Context(), nil); err == nil {
		t.Error("no source")
	}
	p.job.Inspect = nil
	if _, err := p.job.Run(t.Context(), p.from("one")); err == nil {
		t.Error("nobody inspects")
	}
	if err := (ingest.Job{}).Bounds.Check(); err == nil {
		t.Error("no bounds")
	}
	if p.job.Bounds != chunk.Default() {
		t.Error("bounds of the test are not the default")
	}
}
