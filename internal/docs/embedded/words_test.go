package embedded_test

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/embedded"
)

// How rare words are is counted among the documents that the caller may read: order and
// scores of what is found are those of an index without the others, also of one that others
// were taken out of, by a source and without, whether the vectors are kept or not.
func TestB1_HiddenWordsAreNotCounted(t *testing.T) {
	t.Parallel()
	const dimensions = 4
	open := []string{"tea cake door wall", "tea tea door roof", "cake door wall roof", "door door wall roof", "wall roof floor stair", "roof floor stair wall"}
	fill := func(t *testing.T, x *embedded.Index, hidden int) string {
		t.Helper()
		w, err := x.Begin(t.Context(), description(dimensions))
		must(t, err)
		put := func(uri, source, text string, roles []string) {
			d := docs.Document{URI: uri, Source: source, Title: "page", Size: len(text), Roles: roles}
			must(t, w.Put(t.Context(), &d, []docs.Passage{{ID: uri, Text: text}}, [][]float32{{1, 0, 0, 0}}))
		}
		for i, text := range open {
			put(fmt.Sprintf("docs://up/a/%d", i), "a", text, nil)
			var gone []string
			for j := range hidden { // of as many words as the others: how long passages are is counted over all
				uri := fmt.Sprintf("docs://up/b/%d-%d", i, j)
				put(uri, "b", "tea floor tea floor", []string{[]string{"staff", "board"}[j%2]})
				if j%3 == 0 {
					gone = append(gone, uri)
				}
			}
			must(t, w.Remove(t.Context(), gone))
		}
		must(t, w.Finish(t.Context(), description(dimensions)))
		must(t, w.Close())
		state, err := x.State(t.Context())
		must(t, err)
		return state.Generation
	}
	search := func(t *testing.T, room int64, hidden int, q docs.Query) []docs.Hit {
		t.Helper()
		x := embedded.NewWithin(filepath.Join(t.TempDir(), "docs.db"), room)
		defer func() { must(t, x.Close()) }()
		q.Generation, q.Limit = fill(t, x, hidden), 10
		a, err := x.Search(t.Context(), docs.Query{Generation: q.Generation, Limit: 1, Vector: []float32{1, 0, 0, 0}}) // which keeps them, if it may
		must(t, err)
		if len(a.Meaning) != 1 {
			t.Fatal("nothing is found by meaning")
		}
		a, err = x.Search(t.Context(), q)
		must(t, err)
		return a.Words
	}
	for _, tc := range []struct {
		name string
		room int64
		q    docs.Query
	}{
		{"kept", 1 << 20, docs.Query{Words: "tea door stair"}},
		{"not kept", 0, docs.Query{Words: "tea door stair"}},
		{"a common word", 1 << 20, docs.Query{Words: "roof cake"}},
		{"a word twice, by its stem", 1 << 20, docs.Query{Words: "floor floors tea"}},
		{"one source", 1 << 20, docs.Query{Words: "tea floor", Source: "a"}},
		{"below", 1 << 20, docs.Query{Words: "tea floor", Under: "docs://up/a/"}},
		{"another source", 1 << 20, docs.Query{Words: "tea floor", Source: "b"}},
		{"a word of the others alone", 1 << 20, docs.Query{Words: "nothing"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := search(t, tc.room, 0, tc.q)
			for _, hidden := range []int{1, 7} {
				got := search(t, tc.room, hidden, tc.q)
				if len(got) != len(want) {
					t.Fatalf("%d hits beside %d hidden, and %d without", len(got), hidden, len(want))
				}
				for i := range got {
					if got[i].Passage.ID != want[i].Passage.ID || math.Abs(got[i].Score-want[i].Score) > 1e-9 {
						t.Errorf("beside %d hidden: hit %d is %s, %v, and without %s, %v", hidden, i, got[i].Passage.ID, got[i].Score, want[i].Passage.ID, want[i].Score)
					}
				}
			}
		})
	}
}

// A search by words in front of what is hidden reads the passages that have the words and no
// others, also where no vectors are kept: whoever asks takes no memory for each passage there is.
func TestB1_WordsReadNotAllPassages(t *testing.T) {
	const passages = 2000
	x, generation := many(t, passages)
	q := docs.Query{Generation: generation, Words: "word4999 nowhere", Limit: 10, Roles: []string{"other"}}
	allocations := testing.AllocsPerRun(5, func() {
		if _, err := x.Search(t.Context(), q); err != nil {
			t.Error(err)
		}
	})
	if x.Keeps() != 0 || allocations > passages {
		t.Errorf("%v allocations with %d vectors kept", allocations, x.Keeps())
	}
}
