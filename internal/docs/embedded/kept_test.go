package embedded_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/embedded"
)

// TestB1_KeptVectorsFindTheSame: whether vectors are kept or read by sqlite-vec, a search
// finds the same in each state of the file, and none that is not in it any more.
func TestB1_KeptVectorsFindTheSame(t *testing.T) {
	t.Parallel()
	const dimensions = 11 // no multiple of what dot takes at a time
	path := filepath.Join(t.TempDir(), "docs.db")
	keeps, reads := embedded.New(path), embedded.NewWithin(path, 0)
	defer func() { must(t, keeps.Close()) }()
	defer func() { must(t, reads.Close()) }()
	w, err := keeps.Begin(t.Context(), description(dimensions))
	must(t, err)
	defer func() { must(t, w.Close()) }()
	r := rand.New(rand.NewPCG(5, 6))
	held := map[string]int{}
	put := func(uri string, passages int, roles ...string) {
		d := docs.Document{URI: "docs://" + uri, Source: uri[:1], Title: uri, Roles: roles}
		all, vectors := make([]docs.Passage, passages), make([][]float32, passages)
		for i := range all {
			all[i], vectors[i] = docs.Passage{ID: fmt.Sprintf("%s-%d-%d", uri, r.Int(), i), Start: d.Size, Text: "text"}, drawn(r, dimensions)
			d.Size += len(all[i].Text)
		}
		must(t, w.Put(t.Context(), &d, all, vectors))
		held[uri] = passages
	}
	put("a/1", 3)
	must(t, w.Finish(t.Context(), description(dimensions)))
	state, err := reads.State(t.Context())
	must(t, err)
	for _, change := range []func(){
		func() {},
		func() { put("a/2", 7, "staff"); put("b/1", 2) },
		func() { put("a/2", 4) }, // for everybody from now on, and with other passages
		func() { must(t, w.Remove(t.Context(), []string{"docs://a/1"})); delete(held, "a/1") },
		func() { put("b/1", 5, "staff", "board") }, // with numbers that others had
		func() {
			must(t, w.Remove(t.Context(), []string{"docs://a/2", "docs://b/1"}))
			clear(held)
			put("a/3", 1)
		},
	} {
		change()
		for _, q := range []docs.Query{{}, {Roles: []string{"staff"}}, {Source: "b", Roles: []string{"board"}}, {Under: "docs://a/"}} {
			q.Generation, q.Limit, q.Vector = state.Generation, 3, drawn(r, dimensions)
			alike(t, keeps, reads, q)
		}
		sum := 0
		for _, n := range held {
			sum += n
		}
		if keeps.Keeps() != sum || reads.Keeps() != 0 {
			t.Errorf("%d and %d vectors are kept, want %d and 0", keeps.Keeps(), reads.Keeps(), sum)
		}
	}
}

// alike fails unless two indexes give the same answer.
func alike(t *testing.T, x, y *embedded.Index, q docs.Query) {
	t.Helper()
	a, err := x.Search(t.Context(), q)
	must(t, err)
	b, err := y.Search(t.Context(), q)
	must(t, err)
	if len(a.Meaning) != len(b.Meaning) {
		t.Fatalf("%d are found, and %d", len(a.Meaning), len(b.Meaning))
	}
	for i := range a.Meaning {
		got, want := a.Meaning[i], b.Meaning[i]
		if got.Passage != want.Passage || got.Document.URI != want.Document.URI || math.Abs(got.Score-want.Score) > 1e-5 {
			t.Errorf("%d: got %q %v, want %q %v", i, got.Passage.ID, got.Score, want.Passage.ID, want.Score)
		}
	}
}
