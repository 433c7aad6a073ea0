package pinecone_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"doorward/internal/docs"
	"doorward/internal/docs/docstest"
	"doorward/internal/docs/pinecone"
	"doorward/internal/gate"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func open(t *testing.T, url, key string) *pinecone.Index {
	t.Helper()
	x, err := pinecone.New(pinecone.Place{URL: url, Dial: dial, Key: func() (gate.Secret, error) { return gate.NewSecret(key), nil }}, "docs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func description() docs.Description {
	return docs.Description{Embedder: "lexical", Model: "words-1", Dimensions: 4, Metric: docs.Metric, Chunker: "text 1"}
}

// TestB1_Conformance: with words where the index takes sparse vectors, and by meaning alone
// where it does not.
func TestB1_Conformance(t *testing.T) {
	t.Parallel()
	for metric, words := range map[string]bool{"cosine": false, "dotproduct": true} {
		t.Run(metric, func(t *testing.T) {
			t.Parallel()
			docstest.Index(t, func(t *testing.T, dimensions int) docstest.Store {
				s, url := newStandIn(t, metric, dimensions)
				return docstest.Store{Words: words, Hold: s.hold, Open: func(t *testing.T) docs.Writable { return open(t, url, "sesame") }}
			})
		})
	}
}

// TestB1_BusyService: a request that is to come later is made again.
func TestB1_BusyService(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t, "cosine", 4)
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
	_, url := newStandIn(t, "cosine", 4)
	_, err := open(t, url, "opensesame").State(t.Context())
	if err == nil || !strings.Contains(err.Error(), "does not accept the key") || strings.Contains(err.Error(), "sesame") {
		t.Errorf("got %v", err)
	}
}

// TestB1_UnfitIndexes: an index that cannot hold what is asked for is refused, and nothing is
// written to it.
func TestB1_UnfitIndexes(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct {
		spoil func(s *standIn)
		want  string
	}{
		"pods":             {func(s *standIn) { s.spec = "pod" }, "not serverless"},
		"another metric":   {func(s *standIn) { s.metric = "euclidean" }, "cosine or dotproduct"},
		"other dimensions": {func(s *standIn) { s.dimension = 5 }, "holds vectors of 5"},
		"a foreign host":   {func(s *standIn) { s.host = "pinecone.example" }, "where its key is not sent"},
		"a host with user": {func(s *standIn) { s.host = "x@" + s.host }, "where its key is not sent"},
		"a host with path": {func(s *standIn) { s.host += "/x" }, "where its key is not sent"},
		"no host":          {func(s *standIn) { s.host = "" }, "where its key is not sent"},
	} {
		s, url := newStandIn(t, "cosine", 4)
		tc.spoil(s)
		if _, err := open(t, url, "sesame").Begin(t.Context(), description()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", what, err)
		}
		if len(s.namespaces) > 0 {
			t.Errorf("%s: it wrote to %d namespaces", what, len(s.namespaces))
		}
	}
}

// TestB1_UnseenIsNotFinished: where what was written cannot be found, nobody gets the turn.
func TestB1_UnseenIsNotFinished(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t, "cosine", 4)
	s.stuck = make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	x := open(t, url, "sesame")
	done := make(chan error, 1)
	go func() {
		_, err := x.Begin(ctx, description())
		done <- err
	}()
	for range 3 { // it goes on asking
		select {
		case <-s.stuck:
		case err := <-done:
			t.Fatalf("it ended with %v", err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := x.State(t.Context()); !errors.Is(err, docs.ErrEmpty) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestB1_WritersAtOnce: of those who begin at the same time at most one is let in, and
// afterwards another is.
func TestB1_WritersAtOnce(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t, "cosine", 4)
	writers := make(chan docs.Writer, 4)
	var all sync.WaitGroup
	for range cap(writers) {
		x := open(t, url, "sesame")
		all.Go(func() {
			switch w, err := x.Begin(t.Context(), description()); {
			case err == nil:
				writers <- w
			case !errors.Is(err, docs.ErrBusy):
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if len(writers) > 1 {
		t.Fatalf("%d write at the same time", len(writers))
	}
	if len(writers) == 1 {
		if err := (<-writers).Close(); err != nil {
			t.Fatal(err)
		}
	}
	w, err := open(t, url, "sesame").Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(s.namespaces); n != 2 {
		t.Errorf("there are %d namespaces", n)
	}
}

// TestB1_LargeMetadataIsRefused: before anything of the document is written.
func TestB1_LargeMetadataIsRefused(t *testing.T) {
	t.Parallel()
	s, url := newStandIn(t, "cosine", 4)
	w, err := open(t, url, "sesame").Begin(t.Context(), description())
	if err != nil {
		t.Fatal(err)
	}
	d := docs.Document{URI: "docs://a/" + strings.Repeat("/", 1900), Source: "a"}
	err = w.Put(t.Context(), &d, []docs.Passage{{ID: "1", Text: "door"}}, [][]float32{{1, 0, 0, 0}})
	if err == nil || !strings.Contains(err.Error(), "may have 40000") {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if len(s.namespaces) != 2 {
		t.Errorf("there are %d namespaces, and not the two of marks and of who writes", len(s.namespaces))
	}
}

// TestB1_RedirectsAreNotFollowed: nor is an answer taken that is none of Pinecone's.
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

func TestB1_RefusedPlaces(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"/x", "http://pinecone.example", "https://u:p@pinecone.example", "https://pinecone.example?api-key=x", "ftp://127.0.0.1", "unix:/x"} {
		if _, err := pinecone.New(pinecone.Place{URL: url, Dial: dial}, "docs"); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	for _, name := range []string{"", "a/b", "a b", "..", "a_b", "A", strings.Repeat("a", 46)} {
		if _, err := pinecone.New(pinecone.Place{URL: "https://pinecone.example", Dial: dial}, name); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
}
