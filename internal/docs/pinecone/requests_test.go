package pinecone_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorward/internal/docs"
)

// TestB1_RequestsOfASearch: what each search asks for grows with nothing. The control plane
// is not asked as often as there are searches.
func TestB1_RequestsOfASearch(t *testing.T) {
	t.Parallel()
	s, _ := newStandIn(t, "dotproduct", 4)
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.Path)
		mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	x := open(t, server.URL, "sesame")
	w, err := x.Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(t.Context(), description()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	asked = nil
	state, err := x.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Search(t.Context(), docs.Query{Generation: state.Generation, Words: "door", Vector: []float32{1, 0, 0, 0}, Limit: 5}); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET /vectors/fetch", "POST /query", "POST /query", "GET /vectors/fetch"}
	if !slices.Equal(asked, want) {
		t.Errorf("a search asks for %q, want %q", asked, want)
	}
}
