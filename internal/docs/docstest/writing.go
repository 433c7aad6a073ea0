package docstest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"doorward/internal/docs"
)

func testPutAgain(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"old door", "older door", "oldest door"}, near: []float64{0.9}}, item{path: "a/two", texts: []string{"other door"}, near: []float64{0.5}})
	s.change(x, func(w docs.Writer) {
		s.put(w, item{path: "a/one", roles: []string{"kept"}, texts: []string{"new window"}, near: []float64{0.8}})
	})
	a := s.search(x, docs.Query{Generation: g, Words: "door window", Vector: axis(), Limit: 10, Roles: []string{"kept"}})
	s.equal("by meaning", texts(a.Meaning), []string{"new window", "other door"})
	if s.store.Words && len(a.Words) != 2 {
		s.Errorf("by words: %q", texts(a.Words))
	}
	_, passages, err := x.Read(s.Context(), g, uri("a/one"), []string{"kept"})
	if err != nil || len(passages) != 1 || passages[0].Text != "new window" {
		s.Errorf("got %v, %v", passages, err)
	}
	_, _, err = x.Read(s.Context(), g, uri("a/one"), nil) // its roles are the new ones, too
	s.is("without the role", err, docs.ErrNone)
	s.holds(x, docs.Counts{Documents: 2, Passages: 2})
}

func testRemove(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"door one", "door two"}, near: []float64{0.9}}, item{path: "a/one2", texts: []string{"door three"}, near: []float64{0.5}})
	s.change(x, func(w docs.Writer) {
		s.must(w.Remove(s.Context(), []string{uri("a/one"), uri("a/never")}))
		s.must(w.Remove(s.Context(), nil))
	})
	a := s.search(x, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 10})
	s.equal("by meaning", texts(a.Meaning), []string{"door three"})
	if s.store.Words {
		s.equal("by words", texts(a.Words), []string{"door three"})
	}
	_, _, err := x.Read(s.Context(), g, uri("a/one"), nil)
	s.is("what was removed", err, docs.ErrNone)
	s.equal("listed", s.listed(x, g, 10), []string{uri("a/one2")})
}

func testHeld(s *suite) {
	one, two := item{path: "a/one", texts: []string{"1"}}, item{path: "a/two", roles: []string{"kept"}}
	x, _ := s.filled(one, two, item{path: "ab/three", texts: []string{"3"}})
	s.change(x, func(w docs.Writer) {
		held, err := w.Held(s.Context(), "a")
		s.must(err)
		first, _, _ := one.document()
		second, _, _ := two.document()
		if len(held) != 2 || held[first.URI] != first.Digest || held[second.URI] != second.Digest {
			s.Errorf("got %v", held)
		}
		if held, err = w.Held(s.Context(), "none"); err != nil || len(held) > 0 {
			s.Errorf("of a source that is not there: %v, %v", held, err)
		}
		four := item{path: "a/four", texts: []string{"4"}}
		s.put(w, four) // and what this writer put itself
		if held, err = w.Held(s.Context(), "a"); err != nil || len(held) != 3 {
			s.Errorf("after another: %v, %v", held, err)
		}
	})
}

func testGenerations(s *suite) {
	x, first := s.filled(item{path: "a/old", texts: []string{"old door"}, near: []float64{0.9}})
	beside := s.open()
	w, err := x.Begin(s.Context(), made("a", "b"))
	s.must(err)
	s.put(w, item{path: "b/new", texts: []string{"new door", "newer door"}, near: []float64{0.8, 0.7}})
	// Until it is finished, nothing of it is seen.
	if g := s.generation(beside); g != first {
		s.Fatalf("the generation is %s before it is finished, and was %s", g, first)
	}
	s.equal("before", texts(s.search(beside, docs.Query{Generation: first, Words: "door", Vector: axis(), Limit: 9}).Meaning), []string{"old door"})
	_, _, err = beside.Read(s.Context(), first, uri("b/new"), nil)
	s.is("a document of the next generation", err, docs.ErrNone)
	done := made("a", "b", "c")
	s.must(w.Finish(s.Context(), done))
	s.must(w.Close())
	state, err := beside.State(s.Context())
	s.must(err)
	if state.Generation == first || !state.Made.Same(&done) {
		s.Errorf("afterwards the state is %+v", state)
	}
	s.holds(beside, docs.Counts{Documents: 1, Passages: 2})
	_, err = beside.Count(s.Context(), first)
	s.is("counting the old generation", err, docs.ErrGone)
	s.equal("after", texts(s.search(beside, docs.Query{Generation: state.Generation, Vector: axis(), Limit: 9}).Meaning), []string{"new door", "newer door"})
	_, err = beside.Search(s.Context(), docs.Query{Generation: first, Words: "door", Vector: axis(), Limit: 9})
	s.is("searching the old generation", err, docs.ErrGone)
	_, err = beside.List(s.Context(), docs.Listing{Generation: first, Limit: 9})
	s.is("listing the old generation", err, docs.ErrGone)
	_, _, err = beside.Read(s.Context(), first, uri("a/old"), nil)
	s.is("reading the old generation", err, docs.ErrGone)
}

func testUnfinished(s *suite) {
	x := s.open()
	begin := func(d docs.Description) docs.Writer {
		s.Helper()
		w, err := x.Begin(s.Context(), d)
		s.must(err)
		return w
	}
	held := func(w docs.Writer) int {
		s.Helper()
		all, err := w.Held(s.Context(), "a")
		s.must(err)
		return len(all)
	}
	w := begin(made("a"))
	s.put(w, item{path: "a/one", texts: []string{"one"}})
	s.must(w.Close())
	_, err := x.State(s.Context())
	s.is("the state with nothing finished", err, docs.ErrEmpty)
	_, err = x.Open(s.Context())
	s.is("going on with nothing finished", err, docs.ErrEmpty)
	w = begin(made("a"))
	if n := held(w); n != 1 {
		s.Errorf("made with the same it goes on with %d documents", n)
	}
	s.must(w.Close())
	other := made("a")
	other.Chunker = "another"
	w = begin(other)
	if n := held(w); n != 0 {
		s.Errorf("made with another it goes on with %d documents", n)
	}
	s.put(w, item{path: "a/two", texts: []string{"two"}})
	s.must(w.Finish(s.Context(), other))
	s.must(w.Close())
	s.equal("afterwards", s.listed(x, s.generation(x), 10), []string{uri("a/two")})
}

func testOneWriter(s *suite) {
	x, _ := s.filled(item{path: "a/one", texts: []string{"door"}})
	other := s.open()
	w, err := x.Open(s.Context())
	s.must(err)
	for what, next := range map[string]func() (docs.Writer, error){
		"opening":                        func() (docs.Writer, error) { return x.Open(s.Context()) },
		"beginning":                      func() (docs.Writer, error) { return x.Begin(s.Context(), made("b")) },
		"opening from another handle":    func() (docs.Writer, error) { return other.Open(s.Context()) },
		"beginning with another handle,": func() (docs.Writer, error) { return other.Begin(s.Context(), made("b")) },
	} {
		_, err := next()
		s.is(what+" beside a writer", err, docs.ErrBusy)
	}
	s.put(w, item{path: "a/two", texts: []string{"window"}}) // it is still the writer
	s.must(w.Close())
	w, err = other.Open(s.Context())
	s.must(err)
	s.put(w, item{path: "a/three", texts: []string{"wall"}})
	s.must(w.Close())
	if err := w.Remove(s.Context(), []string{uri("a/one")}); err == nil {
		s.Error("a writer that was closed removes")
	}
	s.equal("afterwards", s.listed(x, s.generation(x), 10), []string{uri("a/one"), uri("a/three"), uri("a/two")})
}

// vector is one of another length.
func vector(n int) []float32 {
	v := make([]float32, n)
	if n > 0 {
		v[0] = 1
	}
	return v
}

func testLengths(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"door"}, near: []float64{1}})
	s.change(x, func(w docs.Writer) {
		for _, n := range []int{0, 1, dimensions - 1, dimensions + 1, 2 * dimensions} {
			one := item{path: "a/one", texts: []string{"first", "second"}}
			d, passages, vectors := one.document()
			vectors[1] = vector(n)
			var no *docs.MismatchError
			if err := w.Put(s.Context(), &d, passages, vectors); !errors.As(err, &no) {
				s.Errorf("a vector of %d: got %v", n, err)
			}
		}
		for what, v := range map[string][]float32{"long": {2, 0, 0, 0, 0, 0, 0, 0}, "zero": make([]float32, dimensions), "no number": {float32(math.NaN()), 0, 0, 0, 0, 0, 0, 0}, "infinite": {float32(math.Inf(1)), 0, 0, 0, 0, 0, 0, 0}} {
			one := item{path: "a/one", texts: []string{"first"}}
			d, passages, _ := one.document()
			if err := w.Put(s.Context(), &d, passages, [][]float32{v}); err == nil {
				s.Errorf("a %s vector is put", what)
			}
		}
	})
	for _, n := range []int{1, dimensions - 1, dimensions + 1} {
		var no *docs.MismatchError
		if _, err := x.Search(s.Context(), docs.Query{Generation: g, Vector: vector(n), Limit: 1}); !errors.As(err, &no) {
			s.Errorf("searching with a vector of %d: got %v", n, err)
		}
	}
	s.equal("nothing was written", texts(s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: 9}).Meaning), []string{"door"})
	for _, n := range []int{0, -1, docs.MaxDimension + 1} {
		d := made("a")
		d.Dimensions = n
		if w, err := x.Begin(s.Context(), d); err == nil {
			s.must(w.Close())
			s.Errorf("a generation of %d dimensions is begun", n)
		}
	}
}

func testBounds(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"door"}, near: []float64{1}})
	s.change(x, func(w docs.Writer) {
		for what, spoil := range map[string]func(d *docs.Document, p *docs.Passage){
			"no URI":           func(d *docs.Document, _ *docs.Passage) { d.URI = "" },
			"a long URI":       func(d *docs.Document, _ *docs.Passage) { d.URI = uri("a/" + strings.Repeat("x", docs.MaxURI)) },
			"no source":        func(d *docs.Document, _ *docs.Passage) { d.Source = "" },
			"a long title":     func(d *docs.Document, _ *docs.Passage) { d.Title = strings.Repeat("x", docs.MaxTitle+1) },
			"a NUL":            func(d *docs.Document, _ *docs.Passage) { d.Title = "a\x00b" },
			"no UTF-8":         func(d *docs.Document, _ *docs.Passage) { d.Origin = "\xff" },
			"many roles":       func(d *docs.Document, _ *docs.Passage) { d.Roles = make([]string, docs.MaxRoles+1) },
			"local time":       func(d *docs.Document, _ *docs.Passage) { d.Modified = d.Modified.In(time.FixedZone("x", 3600)) },
			"parts of seconds": func(d *docs.Document, _ *docs.Passage) { d.Modified = d.Modified.Add(1) },
			"a long heading":   func(_ *docs.Document, p *docs.Passage) { p.Heading = strings.Repeat("x", docs.MaxHeading+1) },
			"a long passage":   func(_ *docs.Document, p *docs.Passage) { p.Text = strings.Repeat("x", docs.MaxPassage+1) },
			"an empty passage": func(_ *docs.Document, p *docs.Passage) { p.Text = "" },
			"a text with NUL":  func(_ *docs.Document, p *docs.Passage) { p.Text = "a\x00b" },
			"a bad start":      func(_ *docs.Document, p *docs.Passage) { p.Start = -1 },
		} {
			two := item{path: "a/two", texts: []string{"first"}, near: []float64{1}}
			d, passages, vectors := two.document()
			spoil(&d, &passages[0])
			if err := w.Put(s.Context(), &d, passages, vectors); err == nil {
				s.Errorf("%s is put", what)
			}
		}
		two := item{path: "a/two", texts: []string{"first"}}
		d, passages, _ := two.document()
		if err := w.Put(s.Context(), &d, passages, nil); err == nil {
			s.Error("passages without vectors are put")
		}
		// At its bounds it is taken, and comes back.
		full := item{path: "a/" + strings.Repeat("ü", (docs.MaxURI-len(uri("a/")))/2), roles: []string{"staff"}, texts: []string{strings.Repeat("ü", docs.MaxPassage/2)}, near: []float64{0.5}}
		d, passages, vectors := full.document()
		d.Title, passages[0].Heading = strings.Repeat("t", docs.MaxTitle), strings.Repeat("h", docs.MaxHeading)
		s.must(w.Put(s.Context(), &d, passages, vectors))
	})
	for _, limit := range []int{0, -1, docs.MaxHits + 1} {
		if _, err := x.Search(s.Context(), docs.Query{Generation: g, Vector: axis(), Limit: limit}); err == nil {
			s.Errorf("a search with a limit of %d is answered", limit)
		}
	}
	a := s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: docs.MaxHits, Roles: []string{"staff"}})
	if len(a.Meaning) != 2 || len(a.Meaning[1].Passage.Text) != docs.MaxPassage || len(a.Meaning[1].Document.Title) != docs.MaxTitle || len(a.Meaning[1].Passage.Heading) != docs.MaxHeading {
		s.Errorf("at its bounds it comes back otherwise: %d hits", len(a.Meaning))
	}
}

// testWhole: what is refused half-way leaves the document as it was.
func testWhole(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"old door"}, near: []float64{1}})
	w, err := x.Open(s.Context())
	s.must(err)
	one := item{path: "a/one", texts: []string{"new one", "new two"}, near: []float64{1}}
	d, passages, vectors := one.document()
	if err := w.Put(s.ended(), &d, passages, vectors); err == nil {
		s.Error("a document is put under a context that was cancelled")
	}
	vectors[1] = vector(dimensions + 1)
	if err := w.Put(s.Context(), &d, passages, vectors); err == nil {
		s.Error("a document with a wrong vector is put")
	}
	s.must(w.Close())
	s.equal("afterwards", texts(s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: 9}).Meaning), []string{"old door"})
}

// testLarge: a document of more passages than any store takes at a time.
func testLarge(s *suite) {
	large := item{path: "a/large"}
	for i := range 260 {
		large.texts = append(large.texts, fmt.Sprintf("passage %d %s", i, strings.Repeat("word ", 200)))
		large.near = append(large.near, 1-float64(i)/260)
	}
	x, g := s.filled(large)
	_, passages, err := x.Read(s.Context(), g, uri("a/large"), nil)
	s.must(err)
	if len(passages) != len(large.texts) {
		s.Fatalf("%d of %d passages are read", len(passages), len(large.texts))
	}
	for i := range passages {
		if passages[i].Text != large.texts[i] {
			s.Fatalf("passage %d is %.20q", i, passages[i].Text)
		}
	}
	a := s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: docs.MaxHits})
	s.equal("by meaning", texts(a.Meaning), large.texts[:docs.MaxHits])
	s.change(x, func(w docs.Writer) { s.must(w.Remove(s.Context(), []string{uri("a/large")})) })
	if a := s.search(x, docs.Query{Generation: g, Vector: axis(), Limit: docs.MaxHits}); len(a.Meaning) > 0 {
		s.Errorf("%d passages of a document that was removed", len(a.Meaning))
	}
}

// testReaders: whoever reads while documents are put sees each whole, and the index goes on.
func testReaders(s *suite) {
	x, g := s.filled(item{path: "a/still", texts: []string{"door"}, near: []float64{0.9}})
	beside := s.open()
	written := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for more := true; more; {
				select {
				case <-written:
					more = false
				default:
				}
				a, err := beside.Search(s.Context(), docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 5, Source: "a"})
				if err != nil || len(a.Meaning) != 1 {
					s.Errorf("a reader got %q, %v", texts(a.Meaning), err)
					return
				}
			}
		})
	}
	w, err := x.Open(s.Context())
	s.must(err)
	for i := range 10 {
		s.put(w, item{path: fmt.Sprintf("b/%d", i%3), texts: []string{"door", "window"}, near: []float64{0.5}})
	}
	s.must(w.Close())
	close(written)
	readers.Wait()
}

func testCancelled(s *suite) {
	x, g := s.filled(item{path: "a/one", texts: []string{"door"}})
	ctx := s.ended()
	if _, err := x.Search(ctx, docs.Query{Generation: g, Words: "door", Vector: axis(), Limit: 1}); err == nil {
		s.Error("a search is answered")
	}
	if _, err := x.State(ctx); err == nil {
		s.Error("a state is told")
	}
	if w, err := x.Begin(ctx, made("b")); err == nil {
		s.must(w.Close())
		s.Error("a generation is begun")
	}
	w, err := x.Open(s.Context()) // nothing is left of it
	s.must(err)
	s.must(w.Close())
}
