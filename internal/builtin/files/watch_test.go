package files_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/store/storetest"
)

// What is moved out of the root is no file of it any more: who subscribed is told that it
// changed, at most once, and of nothing that is done to it where it is now.
func TestWatchLeavesWhatIsMovedOut(t *testing.T) {
	told := make(chan string, 4096)
	s := newStand(t, nil, func(uri string) { told <- uri })
	const deep = "b/d/e.txt"
	for _, name := range []string{deep, "ok.txt", "b/c.md"} {
		if err := s.c.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "files://notes/" + name}); err != nil {
			t.Fatal(err)
		}
	}
	write := func(at string) {
		if err := os.WriteFile(at, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// until writes a file until its subscriber is told, and counts what was told of the deep one.
	until := func(name string) (n int) {
		storetest.Eventually(t, 20*time.Second, name+" is told of", func() bool {
			write(filepath.Join(s.root, name))
			for {
				select {
				case uri := <-told:
					if uri == "files://notes/"+deep {
						n++
					}
					if uri == "files://notes/"+name {
						return true
					}
				default:
					return false
				}
			}
		})
		return n
	}
	until(deep)
	until("b/c.md") // what was told of the deep one came before
	out := filepath.Join(s.out, "moved")
	if err := os.Rename(filepath.Join(s.root, "b"), out); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		write(filepath.Join(out, "d", "e.txt"))
	}
	if n := until("ok.txt"); n > 1 {
		t.Errorf("told %d times of a file that was moved out", n)
	}
}
