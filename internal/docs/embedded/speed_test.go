package embedded_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/docs"
	"doorward/internal/docs/embedded"
)

const wide = 384 // dimensions of all-MiniLM-L6-v2

// drawn is a direction that is as likely as any.
func drawn(r *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	var sum float64
	for i := range v {
		x := r.NormFloat64()
		v[i] = float32(x)
		sum += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// words are n of 5000 words, of which some are much commoner than others.
func words(r *rand.Rand, n int) string {
	some := make([]string, n)
	for i := range some {
		some[i] = fmt.Sprintf("word%d", int(5000*math.Pow(r.Float64(), 3)))
	}
	return strings.Join(some, " ")
}

// many is an index of n passages, of which every other document is kept for a role.
func many(tb testing.TB, n int) (*embedded.Index, string) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	x := embedded.New(filepath.Join(tb.TempDir(), "docs.db"))
	tb.Cleanup(func() { must(tb, x.Close()) })
	w, err := x.Begin(tb.Context(), description(wide))
	must(tb, err)
	const each = 10
	for i := range n / each {
		d := docs.Document{URI: fmt.Sprintf("docs://a/%06d", i), Source: "a", Title: words(r, 3)}
		if i%2 == 0 {
			d.Roles = []string{"staff"}
		}
		passages, vectors := make([]docs.Passage, each), make([][]float32, each)
		for j := range passages {
			passages[j] = docs.Passage{ID: fmt.Sprintf("%d-%d", i, j), Start: d.Size, Text: words(r, 60)}
			d.Size += len(passages[j].Text)
			vectors[j] = drawn(r, wide)
		}
		must(tb, w.Put(tb.Context(), &d, passages, vectors))
	}
	must(tb, w.Finish(tb.Context(), description(wide)))
	must(tb, w.Close())
	state, err := x.State(tb.Context())
	must(tb, err)
	return x, state.Generation
}

func question(r *rand.Rand, generation string) docs.Query {
	return docs.Query{Generation: generation, Words: words(r, 6), Vector: drawn(r, wide), Limit: 40, Roles: []string{"staff"}}
}

// B1: a hybrid search takes less than 50 ms at the 95th percentile, under the race detector
// slower times as much. The first reads the vectors, and is that one in twenty. DOORWARD_PASSAGES is how many passages there are: 10000 is what was
// promised; the few by default, in the same time, only show what is slower by far.
func TestB1_SearchIsQuick(t *testing.T) {
	n := 200
	if text := os.Getenv("DOORWARD_PASSAGES"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(t, err)
	}
	x, generation := many(t, n)
	for _, role := range []string{"staff", "other"} { // who may read all of it, and half
		t.Run(role, func(t *testing.T) { isQuick(t, x, generation, role) })
	}
}

func isQuick(t *testing.T, x *embedded.Index, generation, role string) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	var took []time.Duration
	for range 21 {
		q := question(r, generation)
		q.Roles = []string{role}
		took = append(took, cputime.Of(t, func() {
			a, err := x.Search(t.Context(), q)
			if err != nil || len(a.Meaning) != q.Limit || len(a.Words) == 0 {
				t.Errorf("got %d and %d hits, %v", len(a.Words), len(a.Meaning), err)
			}
		}))
	}
	first := took[0]
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	t.Logf("first %v, median %v, p95 %v", first, took[len(took)/2], p95)
	if p95 > slower*50*time.Millisecond {
		t.Errorf("%v of the processor at the 95th percentile", p95)
	}
}

func BenchmarkSearch(b *testing.B) {
	x, generation := many(b, 10_000)
	r := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		if _, err := x.Search(b.Context(), question(r, generation)); err != nil {
			b.Fatal(err)
		}
	}
}
