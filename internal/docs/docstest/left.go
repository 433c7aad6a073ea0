package docstest

import (
	"errors"

	"doorward/internal/docs"
)

// testLeft: a generation that cannot be removed keeps none from coming into use, is told, is
// never gone on with, and is removed by the next writer that can.
func testLeft(s *suite) {
	if s.store.Hold == nil {
		return
	}
	x, first := s.filled(item{path: "a/old", texts: []string{"old door"}, near: []float64{0.9}})
	release := s.store.Hold(s.T)
	finish := func(w docs.Writer, err error, left bool) {
		s.Helper()
		s.must(err)
		err = w.Finish(s.Context(), made("a"))
		if _, is := errors.AsType[*docs.LeftError](err); is != left || err != nil && !is {
			s.Errorf("finishing: %v", err)
		}
		s.must(w.Close())
	}
	for _, path := range []string{"a/second", "a/third"} {
		w, err := x.Begin(s.Context(), made("a"))
		s.must(err)
		held, err := w.Held(s.Context(), "a")
		s.must(err)
		if len(held) > 0 {
			s.Errorf("%s goes on with %v", path, held)
		}
		s.put(w, item{path: path, texts: []string{"new door"}, near: []float64{0.8}})
		finish(w, nil, true)
		now := s.generation(x)
		if now == first {
			s.Fatalf("%s did not come into use", path)
		}
		first = now
		s.equal("listed", s.listed(x, now, 10), []string{uri(path)})
	}
	w, err := x.Open(s.Context())
	finish(w, err, true) // it is told as long as it is there
	s.equal("listed", s.listed(x, first, 10), []string{uri("a/third")})
	if n := release(); n != 3 {
		s.Errorf("there are %d generations", n)
	}
	w, err = x.Open(s.Context())
	finish(w, err, false)
	if n := release(); n != 1 {
		s.Errorf("afterwards there are %d generations", n)
	}
	s.equal("afterwards", s.listed(x, first, 10), []string{uri("a/third")})
}
