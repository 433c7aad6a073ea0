// Package docstest holds every index of documents to the same: one suite, which each of
// them is run through.
package docstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/docs"
)

// Store is a place for an index, empty at first.
type Store struct {
	// Open is another handle at the place each time, as another process has it. Whoever
	// opens it closes it.
	Open func(t *testing.T) docs.Writable
	// Words tells whether it is searched by words, too. One that is not gives none.
	Words bool
	// Hold lets no generation be removed at the place until what it returns is called, which
	// says how many generations there are then; nil: a generation is removed with the change
	// that brings the next into use, or that does not happen.
	Hold func(t *testing.T) (release func() (generations int))
}

// dimensions of the vectors of the suite.
const dimensions = 8

// Index runs the suite. place makes a place whose vectors are to have those dimensions.
func Index(t *testing.T, place func(t *testing.T, dimensions int) Store) {
	for _, tc := range []struct {
		name string
		run  func(s *suite)
	}{
		{"empty", testEmpty},
		{"state", testState},
		{"meaning", testMeaning},
		{"words", testWords},
		{"hostile words", testHostileWords},
		{"roles", testRoles},
		{"roles before the limit", testRolesBeforeLimit},
		{"absent or not his", testAbsent},
		{"pages", testPages},
		{"filters", testFilters},
		{"hostile filters", testHostileFilters},
		{"put again", testPutAgain},
		{"remove", testRemove},
		{"held", testHeld},
		{"mark", testMark},
		{"generations", testGenerations},
		{"unfinished", testUnfinished},
		{"left", testLeft},
		{"one writer", testOneWriter},
		{"wrong lengths", testLengths},
		{"bounds", testBounds},
		{"whole documents", testWhole},
		{"large", testLarge},
		{"readers beside a writer", testReaders},
		{"cancelled", testCancelled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.run(&suite{T: t, store: place(t, dimensions)})
		})
	}
}

// suite is a test with its place.
type suite struct {
	*testing.T
	store Store
}

func (s *suite) open() docs.Writable {
	s.Helper()
	x := s.store.Open(s.T)
	s.Cleanup(func() { s.must(x.Close()) })
	return x
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is fails unless an error is another.
func (s *suite) is(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: got %v, want %v", what, err, want)
	}
}

// made is what generations are made with here; source names are added.
func made(sources ...string) docs.Description {
	d := docs.Description{Embedder: "lexical", Model: "words-1", Dimensions: dimensions, Metric: docs.Metric, Chunker: "markdown 1", Access: sha256.Sum256([]byte("rules"))}
	for _, name := range sources {
		d.Sources = append(d.Sources, docs.Source{Name: name, Kind: "tree", Origin: "/srv/" + name})
	}
	return d
}

// item is a document that is put: a text and a vector for each passage.
type item struct {
	path  string
	roles []string
	texts []string
	near  []float64 // the cosine of each passage with axis; one for all where there are fewer
}

// axis is the direction that passages are near to, or not.
func axis() []float32 { return at(1) }

// at is a vector whose cosine with axis is that.
func at(cosine float64) []float32 {
	v := make([]float32, dimensions)
	v[0], v[1] = float32(cosine), float32(math.Sqrt(1-cosine*cosine))
	return v
}

// uri is that of a path: SOURCE/PATH.
func uri(path string) string { return "docs://" + path }

func (i *item) document() (docs.Document, []docs.Passage, [][]float32) {
	source, _, _ := strings.Cut(i.path, "/")
	d := docs.Document{
		URI: uri(i.path), Source: source, Origin: i.path, Title: "Page " + i.path, Type: "text/markdown",
		Modified: time.Unix(1_700_000_000, 0).UTC(), Digest: sha256.Sum256([]byte(i.path + strings.Join(i.texts, "\x00"))), Roles: i.roles, Findings: []string{"hidden.text"},
	}
	var passages []docs.Passage
	var vectors [][]float32
	for n, text := range i.texts {
		passages = append(passages, docs.Passage{ID: docs.PassageID(d.URI, "", text, n), Heading: fmt.Sprintf("Part > %d", n), Start: d.Size, Text: text})
		d.Size += len(text)
		near := 0.0
		if len(i.near) > 0 {
			near = i.near[min(n, len(i.near)-1)]
		}
		vectors = append(vectors, at(near))
	}
	return d, passages, vectors
}

func (s *suite) put(w docs.Writer, items ...item) {
	s.Helper()
	for _, i := range items {
		d, passages, vectors := i.document()
		s.must(w.Put(s.Context(), &d, passages, vectors))
	}
}

// filled is an index with documents, and the name of its generation.
func (s *suite) filled(items ...item) (docs.Writable, string) {
	s.Helper()
	x := s.open()
	w, err := x.Begin(s.Context(), made("a"))
	s.must(err)
	s.put(w, items...)
	s.must(w.Finish(s.Context(), made("a")))
	s.must(w.Close())
	return x, s.generation(x)
}

// change puts into and takes out of the generation in use.
func (s *suite) change(x docs.Writable, do func(w docs.Writer)) {
	s.Helper()
	w, err := x.Open(s.Context())
	s.must(err)
	do(w)
	s.must(w.Close())
}

func (s *suite) generation(x docs.Index) string {
	s.Helper()
	state, err := x.State(s.Context())
	s.must(err)
	return state.Generation
}

// holds fails unless so much is in the generation in use.
func (s *suite) holds(x docs.Writable, want docs.Counts) {
	s.Helper()
	n, err := x.Count(s.Context(), s.generation(x))
	s.must(err)
	if n != want {
		s.Errorf("there is %+v, want %+v", n, want)
	}
}

func (s *suite) search(x docs.Index, q docs.Query) docs.Answer {
	s.Helper()
	a, err := x.Search(s.Context(), q)
	s.must(err)
	return a
}

// texts are those of hits.
func texts(hits []docs.Hit) []string {
	all := []string{}
	for _, h := range hits {
		all = append(all, h.Passage.Text)
	}
	return all
}

func (s *suite) equal(what string, got, want []string) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

// listed are the URIs of all documents, page by page.
func (s *suite) listed(x docs.Index, generation string, limit int, roles ...string) []string {
	s.Helper()
	all := []string{}
	for after := ""; ; {
		page, err := x.List(s.Context(), docs.Listing{Generation: generation, After: after, Limit: limit, Roles: roles})
		s.must(err)
		if len(page) > limit {
			s.Fatalf("a page of %d has %d documents", limit, len(page))
		}
		for _, d := range page {
			all = append(all, d.URI)
		}
		if len(page) < limit {
			return all
		}
		after = page[len(page)-1].URI
	}
}

func testEmpty(s *suite) {
	x := s.open()
	_, err := x.State(s.Context())
	s.is("the state of an empty index", err, docs.ErrEmpty)
	_, err = x.Open(s.Context())
	s.is("going on with an empty index", err, docs.ErrEmpty)
	_, err = x.Search(s.Context(), docs.Query{Generation: "gone", Words: "x", Vector: axis(), Limit: 1})
	s.is("searching an empty index", err, docs.ErrGone)
	_, err = x.List(s.Context(), docs.Listing{Generation: "gone", Limit: 1})
	s.is("listing an empty index", err, docs.ErrGone)
	_, err = x.Count(s.Context(), "gone")
	s.is("counting an empty index", err, docs.ErrGone)
	_, _, err = x.Read(s.Context(), "gone", uri("a/b"), nil)
	s.is("reading an empty index", err, docs.ErrGone)
}

func testState(s *suite) {
	x, _ := s.filled(item{path: "a/one", texts: []string{"first", "second"}}, item{path: "a/two", texts: []string{"third"}}, item{path: "a/none"})
	state, err := s.open().State(s.Context())
	s.must(err)
	want := made("a")
	if !state.Made.Same(&want) || state.Reports != dimensions || state.Generation == "" {
		s.Errorf("got %+v", state)
	}
	s.holds(x, docs.Counts{Documents: 3, Passages: 3})
	d, passages, err := x.Read(s.Context(), state.Generation, uri("a/one"), nil)
	s.must(err)
	one := item{path: "a/one", texts: []string{"first", "second"}}
	document, kept, _ := one.document()
	if got, want := fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", document); got != want {
		s.Errorf("a document comes back as %s, and was put as %s", got, want)
	}
	if !slices.Equal(passages, kept) {
		s.Errorf("passages come back as %+v, and were put as %+v", passages, kept)
	}
	if _, passages, err = x.Read(s.Context(), state.Generation, uri("a/none"), nil); err != nil || len(passages) > 0 {
		s.Errorf("a document without text: %v, %v", passages, err)
	}
}

// ended is a context that was cancelled.
func (s *suite) ended() context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}
