package qdrant_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/docstest"
	"doorward/internal/docs/qdrant"
	"doorward/internal/gate"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func open(t *testing.T, url, key string) *qdrant.Index {
	t.Helper()
	x, err := qdrant.New(qdrant.Place{URL: url, Dial: dial, Key: func() (gate.Secret, error) { return gate.NewSecret(key), nil }}, "docs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func description() docs.Description {
	return docs.Description{Embedder: "lexical", Model: "words-1", Dimensions: 4, Metric: docs.Metric, Chunker: "text 1"}
}

func TestB1_Conformance(t *testing.T) {
	t.Parallel()
	docstest.Index(t, func(t *testing.T, _ int) docstest.Store {
		s, url := newStandIn(t)
		return docstest.Store{Words: true, Hold: s.hold, Open: func(t *testing.T) docs.Writable { return open(t, url, "sesame") }}
	})
}

// TestB1_BusyService: a request that is to come later is made again.
func TestB1_BusyService(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t)
	s.busy = 2
	if _, err := open(t, url, "sesame").State(t.Context()); !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("after two refusals: %v", err)
	}
	s.busy = 100
	if _, err := open(t, url, "sesame").State(t.Context()); err == nil || !strings.Contains(err.Error(), "busy (429)") {
		t.Errorf("after many: %v", err)
	}
}

// TestB1_KeyIsInNoError: a wrong key is told, and neither it nor what the service wrote is.
func TestB1_KeyIsInNoError(t *testing.T) {
	t.Parallel()
	_, url := newStandIn(t)
	_, err := open(t, url, "opensesame").State(t.Context())
	if err == nil || !strings.Contains(err.Error(), "does not accept the key") || strings.Contains(err.Error(), "sesame") {
		t.Errorf("got %v", err)
	}
}

// TestB1_OldVersion: a Qdrant that cannot keep two writers apart is refused.
func TestB1_OldVersion(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t)
	s.version = "1.15.4"
	if _, err := open(t, url, "sesame").Begin(t.Context(), description()); err == nil || !strings.Contains(err.Error(), "older than 1.16") {
		t.Errorf("got %v", err)
	}
	if len(s.collections) > 0 {
		t.Errorf("it made %d collections", len(s.collections))
	}
}

// TestB1_RedirectsAreNotFollowed: nor is an answer that is too large, or none of Qdrant's.
func TestB1_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for what, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		server := httptest.NewServer(answer)
		_, err := open(t, server.URL, "sesame").State(t.Context())
		if err == nil || errors.Is(err, docs.ErrEmpty) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", what, err)
		}
		server.Close()
	}
}

func TestB1_RefusedURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "/x", "http://qdrant.example:6333", "https://u:p@qdrant.example", "https://qdrant.example?api-key=x", "ftp://127.0.0.1", "unix:/x"} {
		if _, err := qdrant.New(qdrant.Place{URL: url, Dial: dial}, "docs"); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	for _, name := range []string{"", "a/b", "a b", "..", strings.Repeat("a", 101)} {
		if _, err := qdrant.New(qdrant.Place{URL: "https://qdrant.example", Dial: dial}, name); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}

// A document that was put in parts, whatever the last of them was, is put again by the next
// ingestion, or removed: its digest is none, also where it had one before.
func TestB1_PutInParts(t *testing.T) {
	t.Parallel()
	s, _ := newStandIn(t)
	left := -1 // requests that put or delete points until one fails; below 0: none does
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := r.URL.Path; strings.HasSuffix(at, "/points") && r.Method == http.MethodPut && !strings.Contains(at, "writer") || strings.HasSuffix(at, "/points/delete") {
			if left == 0 {
				http.Error(w, "{}", http.StatusInternalServerError)
				return
			}
			left--
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	w, err := open(t, server.URL, "sesame").Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	d := docs.Document{URI: "docs://up/a/x.md", Source: "a", Origin: "x.md", Type: "text/plain", Size: 3, Digest: [32]byte{1}}
	passages, vectors := []docs.Passage{{ID: "one", Text: "tea"}}, [][]float32{{1, 0, 0, 0}}
	if err := w.Put(t.Context(), &d, passages, vectors); err != nil {
		t.Fatal(err)
	}
	if held, err := w.Held(t.Context(), "a"); err != nil || held[d.URI] != d.Digest {
		t.Fatalf("%v %v", held, err)
	}
	for after := range 4 { // the document, its passages, what is left of those before, the digest
		again := d
		again.Digest = [32]byte{2, byte(after)}
		left = after
		if err := w.Put(t.Context(), &again, passages, vectors); err == nil {
			t.Fatalf("%d requests: it was put", after)
		}
		left = -1
		held, err := w.Held(t.Context(), "a")
		if got, there := held[d.URI]; err != nil || !there || got != [32]byte{} && after > 0 {
			t.Errorf("after %d requests: %x %v %v", after, got, there, err)
		}
		if err := w.Put(t.Context(), &d, passages, vectors); err != nil {
			t.Fatal(err)
		}
	}
}
