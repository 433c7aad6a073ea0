package qdrant_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"doorward/internal/docs"
)

// TestB1_RequestsOfASearch: what each search asks for grows with nothing, and nothing is
// asked for twice.
func TestB1_RequestsOfASearch(t *testing.T) {
	t.Parallel()
	s, _ := newStandIn(t)
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.Path)
		mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
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
	want := []string{"GET /collections/docs", "POST /collections/docs/points", "POST /collections/docs-" + state.Generation + "/points/query/batch"}
	if !slices.Equal(asked, want) {
		t.Errorf("a search asks for %q, want %q", asked, want)
	}
}
