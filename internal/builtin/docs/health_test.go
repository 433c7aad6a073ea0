package docs_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	server "doorward/internal/builtin/docs"
	"doorward/internal/docs"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/docs/embedded"
)

// What the operator is told of an index and its embedder: why one of them does not do what it is asked
// for, until that one does. What a caller does wrong says nothing of them.
func TestHealthOfTheIndex(t *testing.T) {
	t.Parallel()
	var answer atomic.Int64
	answer.Store(http.StatusOK)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(answer.Load()))
		fmt.Fprint(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8]}]}`)
	}))
	t.Cleanup(service.Close)
	embedder, err := remote.NewOpenAI(remote.OpenAISettings{Place: remote.Place{URL: service.URL, Dial: new(net.Dialer).DialContext}, Model: "m", Dimensions: 2})
	must(t, err)
	path := filepath.Join(t.TempDir(), "docs.db")
	index := embedded.New(path)
	wanted := docs.Wanted{Name: "up", Model: embedder.Model(), Chunker: "text 1"}
	var told []string
	served, stop := server.New(server.Settings{
		Name: "up", Library: &docs.Library{Index: index, Embedder: embedder, Wanted: wanted}, Log: slog.New(slog.DiscardHandler),
		Health: func(err error) { told = append(told, fmt.Sprint(err)) },
	})
	t.Cleanup(stop)
	here, there := mcp.NewInMemoryTransports()
	_, err = served.Connect(t.Context(), there, nil)
	must(t, err)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "client"}, nil).Connect(t.Context(), here, nil)
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	call := func(tool, arguments string) func() bool {
		return func() bool {
			r, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
			return err == nil && !r.IsError
		}
	}
	search, words, list := call("search", `{"query":"tea"}`), call("search", `{"query":"tea","mode":"words"}`), call("list", `{}`)
	resources := func() bool { _, err := session.ListResources(t.Context(), nil); return err == nil }
	document := func() bool {
		_, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "docs://up/a/one.txt"})
		return err == nil
	}
	const down = "500"
	for _, step := range []struct {
		what  string
		first func()
		do    func() bool
		works bool
		told  []string // parts of what is told; "<nil>": that both answer
	}{
		{what: "nothing was brought in", do: list, told: []string{"<nil>"}},
		{what: "documents", first: func() { bringIn(t, index, &wanted) }, do: search, works: true, told: []string{"<nil>", "<nil>"}},
		{what: "an embedder that fails", first: func() { answer.Store(http.StatusInternalServerError) }, do: search, told: []string{down}},
		{what: "the index answers", do: list, works: true, told: []string{down}},
		{what: "by words", do: words, works: true, told: []string{down}},
		{what: "a wrong question", do: call("search", `{"query":""}`)},
		{what: "no such document", do: call("fetch", `{"uri":"docs://up/a/absent.txt"}`), told: []string{down}},
		{what: "no document of these", do: call("fetch", `{"uri":"docs://other/a"}`)},
		{what: "an embedder that is busy", first: func() { answer.Store(http.StatusTooManyRequests) }, do: search},
		{what: "an embedder that works", first: func() { answer.Store(http.StatusOK) }, do: search, works: true, told: []string{"<nil>", "<nil>"}},
		{what: "no index", first: func() { must(t, os.Rename(path, path+".away")); must(t, os.Mkdir(path, 0o700)) }, do: list, told: []string{"holds no documents"}},
		{what: "the embedder is not asked", do: search, told: []string{"holds no documents"}},
		{what: "no resources", do: resources, told: []string{"holds no documents"}},
		{what: "the index is back", first: func() { must(t, os.Remove(path)); must(t, os.Rename(path+".away", path)) }, do: resources, works: true, told: []string{"<nil>"}},
		{what: "a document", do: document, works: true, told: []string{"<nil>"}},
		{what: "other access rules", first: func() { other := wanted; other.Access[0] = 1; bringIn(t, index, &other) }, do: list, told: []string{"access rules"}},
	} {
		if step.first != nil {
			step.first()
		}
		told = nil
		if got := step.do(); got != step.works {
			t.Errorf("%s: works %t, want %t", step.what, got, step.works)
		}
		if !slices.EqualFunc(told, step.told, strings.Contains) {
			t.Errorf("%s: the operator is told %q, want %q", step.what, told, step.told)
		}
	}
}

func bringIn(t *testing.T, index docs.Writable, wanted *docs.Wanted) {
	t.Helper()
	w, err := index.Begin(t.Context(), wanted.Made())
	must(t, err)
	d := docs.Document{URI: "docs://up/a/one.txt", Source: "a", Title: "Tea", Type: "text/plain", Digest: sha256.Sum256([]byte("tea"))}
	must(t, w.Put(t.Context(), &d, nil, nil))
	must(t, w.Finish(t.Context(), wanted.Made()))
	must(t, w.Close())
}
