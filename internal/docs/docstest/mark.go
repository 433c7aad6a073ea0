package docstest

import (
	"doorward/internal/docs"
)

// testMark: each change is seen by the mark, also one that leaves as many documents and
// passages as there were. What changes none leaves it.
func testMark(s *suite) {
	one := item{path: "a/one", texts: []string{"door"}, near: []float64{0.5}}
	x, _ := s.filled(one, item{path: "a/two", texts: []string{"window"}, near: []float64{0.9}})
	beside := s.open()
	mark := func() string {
		s.Helper()
		state, err := beside.State(s.Context())
		s.must(err)
		return state.Mark
	}
	was := mark()
	other := func(what string) {
		s.Helper()
		now := mark()
		if now == was {
			s.Errorf("the mark stays when %s", what)
		}
		was = now
	}
	same := func(what string) {
		s.Helper()
		if mark() != was {
			s.Errorf("the mark is another when %s", what)
		}
	}
	same("nothing is done")
	s.change(x, func(w docs.Writer) {
		_, err := w.Held(s.Context(), "a")
		s.must(err)
	})
	same("a writer changes nothing")
	s.change(x, func(w docs.Writer) {
		d, passages, vectors := one.document()
		d.Title = "Another"
		s.must(w.Put(s.Context(), &d, passages, vectors))
	})
	other("a document is called otherwise")
	kept := one
	kept.roles = []string{"staff"}
	s.change(x, func(w docs.Writer) { s.put(w, kept) })
	other("a document has other roles")
	s.change(x, func(w docs.Writer) {
		s.must(w.Remove(s.Context(), []string{uri("a/one")}))
		moved := one
		moved.path = "a/moved"
		s.put(w, moved)
	})
	other("a document is moved")
	s.change(x, func(w docs.Writer) { s.must(w.Remove(s.Context(), []string{uri("a/two")})) })
	other("a document is taken out")
	s.change(x, func(w docs.Writer) { s.must(w.Finish(s.Context(), made("a", "b"))) })
	other("it is finished as made with something else")
	w, err := x.Begin(s.Context(), made("a"))
	s.must(err)
	s.put(w, one)
	same("documents come into another generation")
	s.must(w.Finish(s.Context(), made("a")))
	s.must(w.Close())
	other("another generation comes into use")
}
