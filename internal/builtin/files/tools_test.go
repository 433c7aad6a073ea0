package files_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin/files"
	"doorward/internal/store/storetest"
)

// says fails the test unless the tool answers with all of these.
func (s *stand) says(tool string, args of, want ...string) string {
	s.t.Helper()
	said, failed, code := s.call(tool, args)
	for _, w := range want {
		if failed || !strings.Contains(said, w) {
			s.t.Errorf("%s %v: %v %d %s, want %s", tool, args, failed, code, said, w)
		}
	}
	return said
}

// refuses fails the test unless the tool fails and says so.
func (s *stand) refuses(tool string, args of, want string) {
	s.t.Helper()
	if said, failed, _ := s.call(tool, args); !failed || !strings.Contains(said, want) {
		s.t.Errorf("%s %v: %v %s, want an error with %q", tool, args, failed, said, want)
	}
}

func (s *stand) has(name, want string) {
	s.t.Helper()
	if got, err := os.ReadFile(filepath.Join(s.root, name)); err != nil || string(got) != want {
		s.t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
	}
}

func TestReading(t *testing.T) {
	s := newStand(t, nil, nil)
	big := strings.Repeat("0123456789", 10_000)
	for name, text := range map[string]string{"big.txt": big, "picture.png": "\x89PNG\r\n\x1a\n\x00\xff"} {
		if err := os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.says("list", of{}, `"path":"b"`, `"kind":"directory"`, `"path":"ok.txt"`, `"size":14`)
	s.says("list", of{"depth": 3, "limit": 2}, `"path":"b/c.md"`, `"next":"b/c.md"`)
	s.says("list", of{"depth": 3, "after": "b/c.md", "limit": 2}, `"path":"b/d"`, `"path":"b/d/e.txt"`)
	s.says("stat", of{"path": "ok.txt"}, "sha256:", `"text/plain; charset=utf-8"`, `"size":14`)
	s.says("stat", of{"path": "b"}, `"kind":"directory"`)
	s.says("stat", of{"path": "big.txt"}, `"size":100000`)
	s.says("read", of{"path": "ok.txt"}, `one\ntwo\nthree\n`, "sha256:")
	s.says("read", of{"path": "ok.txt", "offset": 4, "length": 3}, `"text":"two"`, `\"more\":true`)
	s.says("read", of{"path": "ok.txt", "offset": 100}, `"text":""`, `\"more\":false`)
	s.says("read", of{"path": "big.txt", "offset": 99_990}, `"0123456789"`)
	s.says("read", of{"path": "picture.png"}, `"blob":"iVBORw0KGgoA/w=="`, `image/png`, `files://notes/picture.png`)
	s.refuses("read", of{"path": "big.txt"}, "larger than 65536 bytes, which is the most (max_file): read it in ranges")
	s.refuses("read", of{"path": "ok.txt", "offset": -1}, "must not be below 0")
	for _, n := range []any{json.Number("9223372036854775807"), json.Number("1e300"), 1.5} {
		said, failed, _ := s.call("read", of{"path": "ok.txt", "offset": n})
		if !failed || !strings.Contains(said, "offset") || strings.Contains(said, "Go ") || strings.Contains(said, "unmarshal") {
			t.Errorf("offset %v: %v %s", n, failed, said)
		}
	}
	s.refuses("read", of{"path": "nothing"}, "no such file")
	s.refuses("read", of{"path": "b"}, "no regular file")
	s.refuses("list", of{"path": "ok.txt"}, "no directory")
	s.says("search", of{"query": "two"}, `"line":1,"path":"b/c.md"`, `"line":2,"path":"ok.txt"`, `"files":3`)
	s.says("search", of{"query": "^T.O$", "regexp": true, "ignore_case": true}, `"line":2,"path":"ok.txt","text":"two"`)
	s.says("search", of{"query": "e", "limit": 1}, `"more":true`)
	s.says("search", of{"query": "two", "glob": "**/*.md", "path": "b"}, `"files":1`)
	s.refuses("search", of{"query": "(", "regexp": true}, "missing closing")
	for _, glob := range []string{"[", strings.Repeat("{,}", 100_000), strings.Repeat("{,}", 5) + "\u0001", strings.Repeat("a", 300)} {
		s.refuses("search", of{"query": "x", "glob": glob}, "glob is no pattern")
	}
	s.refuses("search", of{"query": strings.Repeat(".{0,1000}", 110) + "~~~", "regexp": true}, "too large")
	s.says("list", of{"after": "b/zzz"}, `"path":"ok.txt"`)
	for _, name := range []string{"write", "edit", "move", "delete"} {
		if said, failed, code := s.call(name, of{"path": "ok.txt"}); !failed || code != jsonrpc.CodeInvalidParams {
			t.Errorf("%s of a server that only reads: %s %d", name, said, code)
		}
	}
}

// A file is replaced only by one who knows what is in it, and nothing is lost on the way.
func TestWriting(t *testing.T) {
	s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
	said := s.says("stat", of{"path": "ok.txt"}, "sha256:")
	_, digest, _ := strings.Cut(said, `\"digest\":\"`)
	digest = digest[:len("sha256:")+64]
	stale := "sha256:" + strings.Repeat("0", 64)
	s.refuses("write", of{"path": "ok.txt", "text": "new"}, "left alone")
	s.refuses("write", of{"path": "ok.txt", "text": "new", "expected": stale}, "left alone")
	s.refuses("write", of{"path": "new.txt", "text": "new", "expected": stale}, "left alone")
	s.refuses("write", of{"path": "new.txt", "text": "a", "base64": "YQ=="}, "not both")
	s.refuses("write", of{"path": "new.txt", "base64": "?"}, "base64 is none")
	s.refuses("write", of{"path": "new.txt", "text": strings.Repeat("x", 1<<16+1)}, "max_file")
	s.refuses("write", of{"path": ".env.d/../x", "text": "x"}, "must be relative")
	s.refuses("write", of{"path": "x.pem", "text": "x"}, "not served")
	s.refuses("write", of{"path": "ok.txt/x", "text": "x"}, "no directory")
	s.has("ok.txt", "one\ntwo\nthree\n")
	s.says("write", of{"path": "ok.txt", "text": "new", "expected": digest}, `"size":3`)
	s.has("ok.txt", "new")
	s.says("write", of{"path": "p/q/new.bin", "base64": "AP8="}, `"size":2`)
	s.has("p/q/new.bin", "\x00\xff")
	s.says("edit", of{"path": "ok.txt", "old": "e", "new": "o"}, "sha256:")
	s.has("ok.txt", "now")
	s.refuses("edit", of{"path": "ok.txt", "old": "w", "new": "t", "expected": digest}, "left alone")
	s.refuses("edit", of{"path": "ok.txt", "old": "z", "new": "t"}, "0 times")
	s.refuses("edit", of{"path": "b/d/e.txt", "old": "e", "new": "t"}, "2 times")
	s.refuses("move", of{"from": "ok.txt", "to": "b/c.md"}, "left alone")
	s.says("move", of{"from": "ok.txt", "to": "z/ok.txt"}, `"path":"z/ok.txt"`)
	s.has("z/ok.txt", "now")
	s.refuses("delete", of{"path": "z/ok.txt", "expected": digest}, "left alone")
	s.says("delete", of{"path": "z/ok.txt"}, "deleted z/ok.txt")
	trash, err := filepath.Glob(filepath.Join(s.root, ".doorward-trash/*/z/ok.txt"))
	if err != nil || len(trash) != 1 {
		t.Fatalf("in the trash: %v, %v", trash, err)
	}
	s.refuses("read", of{"path": strings.TrimPrefix(trash[0], s.root+"/")}, "no such file")
	if left, _ := filepath.Glob(filepath.Join(s.root, ".doorward-trash.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The files are resources, page by page, under one spelling each, and who subscribes is told.
func TestResources(t *testing.T) {
	told := make(chan string, 16)
	s := newStand(t, nil, func(uri string) { told <- uri })
	for i := range 250 {
		if err := os.WriteFile(filepath.Join(s.root, "b", fmt.Sprintf("n%03d ü.txt", i)), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for r, err := range s.c.Resources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		seen[r.URI] = true
	}
	if len(seen) != 253 || !seen["files://notes/b/n007%20%C3%BC.txt"] {
		t.Errorf("%d resources", len(seen))
	}
	for uri, want := range map[string]bool{
		"files://notes/b/c.md": true, "files://notes/b/n007%20%C3%BC.txt": true,
		"files://notes/b%2Fc.md": false, "files://notes/%62/c.md": false, "files://notes/../a-evil/x": false, "files://notes/%2e%2e/a-evil/x": false, "files://notes/.env": false, "files://other/b/c.md": false, "FILES://notes/b/c.md": false, "files://notes/": false,
	} {
		r, err := s.c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if (err == nil) != want || err == nil && (len(r.Contents) != 1 || r.Contents[0].Text == "") {
			t.Errorf("%s: %v", uri, err)
		}
	}
	const uri = "files://notes/ok.txt"
	if err := s.c.Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.root, ".env"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, 20*time.Second, "who subscribed is told", func() bool { // the client does not wait until it is subscribed
		if err := os.WriteFile(filepath.Join(s.root, "ok.txt"), []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-told:
			if got != uri {
				t.Errorf("told of %s", got)
			}
			return true
		default:
			return false
		}
	})
	if err := s.c.Unsubscribe(t.Context(), &mcp.UnsubscribeParams{URI: uri}); err != nil {
		t.Error(err)
	}
}

// A resource is for the client that was told it, and has contents, be they empty.
func TestResourceContents(t *testing.T) {
	s := newStand(t, nil, nil)
	if err := os.WriteFile(filepath.Join(s.root, "empty.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"empty.txt": `"blob":""`, "ok.txt": `"text":"one`} {
		r, err := s.c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "files://notes/" + name})
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := json.Marshal(r); err != nil || !strings.Contains(string(raw), want) || r.CacheScope != "private" {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
}
