package files_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin/files"
)

// TestPOL02_POL12_POL14_URIs: a URI is decoded once, and is one that the server would write itself:
// neither what is encoded twice or in part, nor another server's, reads anything.
func TestPOL02_POL12_POL14_URIs(t *testing.T) {
	s := newStand(t, nil, nil)
	for name, text := range map[string]string{"%2e%2e": "percent", "a b.txt": "blank"} {
		if err := os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for uri, want := range map[string]string{
		"files://notes/b/c.md": "# two\n", "files://notes/a%20b.txt": "blank", "files://notes/%252e%252e": "percent", // the name of a file
		"files://notes/%2e%2e%2fa-evil%2fx": "", "files://notes/b/%2e%2e/%2e%2e/a-evil/x": "", "files://notes/%252e%252e%252fa-evil/x": "", "files://notes/%u002e%u002e/a-evil/x": "", "files://notes/..%2fa-evil/x": "",
		"files://notes/%c0%ae%c0%ae/a-evil/x": "", "files://notes/b%2fc.md": "", "files://notes/a b.txt": "", "files://notes/a+b.txt": "", "files://notes/ok.txt%00": "", "files://notes/ok.txt%2500": "", "files://notes/ok.txt?x": "", "files://notes/ok.txt#x": "",
		"file:///etc/passwd": "", "file://localhost/etc/passwd": "", "file:////etc/passwd": "", "FILE:/etc/passwd": "", "file://evil/x": "", "file:relative": "", "files:///ok.txt": "", "files://notes//etc/passwd": "", "files:notes/ok.txt": "", "FILES://notes/ok.txt": "",
		"files://NOTES/ok.txt": "", "files://note/ok.txt": "", "files://notes__b/ok.txt": "", "files://notes@evil/ok.txt": "", "files://notes:80/ok.txt": "", "files://evil@notes/ok.txt": "", "docs://notes/ok.txt": "", "files://notes%2fok.txt": "",
	} {
		r, err := s.c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if (err == nil) != (want != "") || err == nil && r.Contents[0].Text != want {
			t.Errorf("%s: %+v, %v", uri, r, err)
		}
		if err != nil && (strings.Contains(err.Error(), outside) || strings.Contains(err.Error(), s.root)) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for _, path := range []string{"%2e%2e%2fa-evil/x", "%252e%252e/a-evil/x", "%u002e%u002e/a-evil/x", "..%2fa-evil/x", "b%2fc.md", "a%20b.txt", "file:///etc/passwd", "files://notes/ok.txt"} {
		s.fails("read", of{"path": path}, "")
	}
	s.says("read", of{"path": "%2e%2e"}, "percent") // never decoded: it is the name of a file
}

// fails fails the test unless the tool fails, says no more than that, and has none of what is outside.
func (s *stand) fails(tool string, args any, want string) {
	s.t.Helper()
	if said, failed, _ := s.call(tool, args); !failed || !strings.Contains(said, want) || strings.Contains(said, outside) || strings.Contains(said, s.root) {
		s.t.Errorf("%s %v: %v %s", tool, args, failed, said)
	}
}

// TestPOL13Patterns: a star is within a name, two cross directories, and a pattern that is none is
// refused in a search, and as one of what is ignored keeps everything.
func TestPOL13Patterns(t *testing.T) {
	s := newStand(t, func(set *files.Settings) { set.Ignore = []string{".env", ".git", "*.pem", "b/[!c]*"} }, nil)
	for _, name := range []string{"b/*.md", "a-evil.md"} {
		if err := os.WriteFile(filepath.Join(s.root, name), []byte("# two\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.says("read", of{"path": "b/c.md"}, "two")
	s.fails("read", of{"path": "b/d/e.txt"}, "no such file") // b/d is ignored, and so is what is in it
	for glob, want := range map[string]int{
		"*.md": 1, "b/*": 1, "**/*.md": 2, "**": 3, "b": 0, "b/": 0, `b/\*.md`: 0, "b/[!x].md": 1, "b/{c,d}.md": 1, "{b,x}/c.md": 1, "../**": 0, "/**": 0, "*": 2,
	} {
		if said := s.says("search", of{"query": "two", "glob": glob}, `"matches":`); strings.Count(said, `"line":`) != want {
			t.Errorf("%s: %s", glob, said)
		}
	}
	for _, glob := range []string{"[", "[a", "{a", "a{b,{c}", `\`} {
		s.refuses("search", of{"query": "two", "glob": glob}, "glob is no pattern")
	}
	s = newStand(t, func(set *files.Settings) { set.Ignore = []string{"["} }, nil)
	s.fails("read", of{"path": "ok.txt"}, "no such file")
}

// TestPOL15Names: a tool is called by its own name.
func TestPOL15Names(t *testing.T) {
	s := newStand(t, nil, nil)
	for _, name := range []string{"Read", "READ", "read ", " read", "re\u200bad", "re\u0430d", "notes.read", "notes__read", "read\n", "write", "delete", "Delete", "resources/read", ""} {
		if said, failed, code := s.call(name, of{"path": "ok.txt"}); !failed || code != jsonrpc.CodeInvalidParams {
			t.Errorf("%q: %s %d", name, said, code)
		}
	}
}

// TestPOL16Arguments: a path is one text under its own key; in another shape or under another key it
// is no argument, and nothing looks into it.
func TestPOL16Arguments(t *testing.T) {
	s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
	for _, args := range []any{
		of{"path": []string{"ok.txt"}},
		of{"path": []string{"ok.txt", "/etc/passwd"}},
		of{"path": of{"path": "ok.txt"}},
		of{"path": 1},
		of{"path": true},
		of{"path": nil},
		of{"file_path": "ok.txt"},
		of{"uri": "files://notes/ok.txt"},
		of{"target": "ok.txt"},
		of{"Path": "ok.txt"},
		of{"PATH": "ok.txt"},
		of{"path": "ok.txt", "file_path": "/etc/passwd"},
		of{"path": "ok.txt", "else": 1},
		of{},
		[]string{"ok.txt"},
		"ok.txt", 1,
	} {
		for _, tool := range []string{"read", "stat", "delete"} {
			s.fails(tool, args, "")
		}
	}
	for _, path := range []string{`{"path":"ok.txt"}`, `["ok.txt"]`, base64.StdEncoding.EncodeToString([]byte("ok.txt"))} {
		s.fails("read", of{"path": path}, "")
	}
	s.fails("move", of{"from": "ok.txt", "to": []string{"x"}}, "")
	s.fails("write", of{"path": "x", "text": of{"text": "x"}}, "")
	s.has("ok.txt", "one\ntwo\nthree\n")
}
