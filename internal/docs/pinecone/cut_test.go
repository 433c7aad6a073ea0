package pinecone_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorward/internal/docs"
)

// over makes an end of all turns, as if their time were up.
func (s *standIn) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces["doorward-writer"]
	for ; n.seen < n.written; n.seen++ {
		n.log[n.seen]()
	}
	for _, r := range n.records {
		r.Metadata["until"] = 1.0
	}
}

// A writer that is cut off between its requests, whichever came last, leaves no document with
// the digest of what it was: it is put again, or removed. The next writer says that documents
// have changed, also where it changes none itself, or writes to a generation not in use.
func TestB1_WriterThatIsCutOff(t *testing.T) {
	t.Parallel()
	s, _ := newStandIn(t, "cosine", 4)
	left := -1 // requests that change something until all of them fail; below 0: none does
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/upsert") || strings.HasSuffix(r.URL.Path, "/delete") {
			if left == 0 {
				http.Error(w, "{}", http.StatusInternalServerError)
				return
			}
			left--
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	x := open(t, server.URL, "sesame")
	d := docs.Document{URI: "docs://up/a/x.md", Source: "a", Origin: "x.md", Type: "text/plain", Size: 3, Digest: [32]byte{1}}
	passages, vectors := []docs.Passage{{ID: "one", Text: "tea"}, {ID: "two", Text: "cake"}}, [][]float32{{1, 0, 0, 0}, {0, 1, 0, 0}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := x.Begin(t.Context(), description())
	must(err)
	must(w.Finish(t.Context(), description()))
	must(w.Close())
	again := d
	again.Digest = [32]byte{2}
	for _, tc := range []struct {
		what     string
		requests int
		change   func(w docs.Writer) error
	}{
		{"put", 4, func(w docs.Writer) error { return w.Put(t.Context(), &again, passages[:1], vectors[:1]) }},
		{"remove", 3, func(w docs.Writer) error { return w.Remove(t.Context(), []string{d.URI}) }},
	} {
		for after := range tc.requests {
			w, err := x.Open(t.Context())
			must(err)
			must(w.Put(t.Context(), &d, passages, vectors))
			must(w.Close())
			was, err := x.State(t.Context())
			must(err)
			w, err = x.Open(t.Context())
			must(err)
			left = after
			if err := tc.change(w); err == nil {
				t.Fatalf("%s: there are no more than %d requests", tc.what, after)
			}
			if err := w.Close(); err == nil {
				t.Fatalf("%s, %d requests: it was closed", tc.what, after)
			}
			left = -1
			s.over()
			if after%2 == 0 { // who comes next makes the index again, and does not get far
				w, err = x.Begin(t.Context(), description())
				must(err)
				must(w.Close())
				if is, err := x.State(t.Context()); err != nil || is.Mark == was.Mark {
					t.Errorf("%s, %d requests, and one that makes it again: the mark stays, %v", tc.what, after, err)
				}
			}
			w, err = x.Open(t.Context())
			must(err)
			held, err := w.Held(t.Context(), "a")
			must(err)
			if got, there := held[d.URI]; !there || got != [32]byte{} && after > 0 {
				t.Errorf("%s, %d requests: %x %v", tc.what, after, got, there)
			}
			must(w.Close())
			if is, err := x.State(t.Context()); err != nil || is.Mark == was.Mark {
				t.Errorf("%s, %d requests: the mark stays, %v", tc.what, after, err)
			}
		}
	}
}
