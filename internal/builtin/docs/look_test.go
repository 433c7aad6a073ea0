package docs_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	server "doorward/internal/builtin/docs"
	"doorward/internal/docs"
	"doorward/internal/docs/embed/lexical"
	"doorward/internal/docs/embedded"
)

// TestB1_ListChanged: a client hears that the list of resources is another, also when there
// are as many documents as before; and nothing when what changed does not stand in it.
func TestB1_ListChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "docs.db")
	synctest.Test(t, func(t *testing.T) {
		embedder, err := lexical.New(64)
		must(t, err)
		index := embedded.New(path)
		wanted := docs.Wanted{Name: "up", Model: embedder.Model(), Chunker: "text 1"}
		w, err := index.Begin(t.Context(), wanted.Made())
		must(t, err)
		put := func(uri, title string, roles ...string) {
			d := docs.Document{URI: "docs://up/a/" + uri, Source: "a", Title: title, Type: "text/plain", Digest: sha256.Sum256([]byte(title)), Roles: roles}
			must(t, w.Put(t.Context(), &d, nil, nil))
		}
		put("one.txt", "One")
		put("two.txt", "Two", "staff")
		must(t, w.Finish(t.Context(), wanted.Made()))

		served, stop := server.New(server.Settings{Name: "up", Library: &docs.Library{Index: index, Embedder: embedder, Wanted: wanted}, Log: slog.New(slog.DiscardHandler)})
		var heard atomic.Int64
		client := mcp.NewClient(&mcp.Implementation{Name: "client"}, &mcp.ClientOptions{
			ResourceListChangedHandler: func(context.Context, *mcp.ResourceListChangedRequest) { heard.Add(1) },
		})
		here, there := mcp.NewInMemoryTransports()
		serving, err := served.Connect(t.Context(), there, nil)
		must(t, err)
		session, err := client.Connect(t.Context(), here, nil)
		must(t, err)
		// hears runs on until a change is looked for, and says whether the client heard of one.
		hears := func() bool {
			before := heard.Load()
			time.Sleep(time.Minute)
			synctest.Wait()
			return heard.Load() > before
		}
		hears() // of the list as it is when somebody comes
		for _, tc := range []struct {
			what   string
			change func()
			want   bool
		}{
			{"nothing", func() {}, false},
			{"another title", func() { put("one.txt", "Uno") }, true},
			{"a role", func() { put("one.txt", "Uno", "staff") }, true},
			{"other roles", func() { put("two.txt", "Two", "board") }, false},
			{"the role taken away", func() { put("one.txt", "Uno") }, true},
			{"another name", func() {
				must(t, w.Remove(t.Context(), []string{"docs://up/a/one.txt"}))
				put("eins.txt", "Uno")
			}, true},
		} {
			tc.change()
			if got := hears(); got != tc.want {
				t.Errorf("%s: the client heard of it: %t, want %t", tc.what, got, tc.want)
			}
		}
		_ = session.Close() // each may find that the other has hung up
		_ = serving.Wait()
		must(t, w.Close())
		stop()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
