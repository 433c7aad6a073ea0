package files_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin/files"
)

// stand is a served directory with a secret beside it, and a client.
type stand struct {
	t    *testing.T
	root string // what is served
	out  string // what is not
	c    *mcp.ClientSession
}

const outside = "CANARY-outside"

func newStand(t *testing.T, change func(*files.Settings), told func(string)) *stand {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{t: t, root: filepath.Join(dir, "a"), out: filepath.Join(dir, "a-evil")}
	for name, text := range map[string]string{
		"a/ok.txt": "one\ntwo\nthree\n", "a/b/c.md": "# two\n", "a/b/d/e.txt": "deep", "a/.env": outside, "a/b/.git/config": outside, "a/KEY.PEM": outside,
		"a-evil/x": outside, "passwd": outside,
	} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	set := files.Settings{Name: "notes", Root: s.root, MaxFile: 1 << 16, Ignore: []string{".env", ".git", "*.pem"}, Version: "1"}
	if change != nil {
		change(&set)
	}
	server, stop, err := files.New(set)
	if err != nil {
		t.Fatal(err)
	}
	here, there := mcp.NewInMemoryTransports()
	served, err := server.Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
			if told != nil {
				told(r.Params.URI)
			}
		},
	})
	if s.c, err = client.Connect(t.Context(), here, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.c.Close(); _ = served.Wait(); stop() })
	return s
}

func (s *stand) link(old, name string) {
	s.t.Helper()
	if err := os.Symlink(old, filepath.Join(s.root, name)); err != nil {
		s.t.Fatal(err)
	}
}

// call calls a tool. said is all of the answer's text, and why the tool failed; code is that
// of an error of the protocol.
func (s *stand) call(tool string, args any) (said string, failed bool, code int64) {
	s.t.Helper()
	r, err := s.c.CallTool(s.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		if e, ok := errors.AsType[*jsonrpc.Error](err); ok {
			return e.Message, true, e.Code
		}
		s.t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw), r.IsError, 0
}

type of map[string]any

// POL-01, 03, 04, 06, 08, 09, 10, 11: whatever names something outside, or what is kept,
// reads nothing, and what cannot be a path is an error of the request.
func TestPOL01_POL03_POL04_POL06_POL08_POL09_POL10_POL11_Paths(t *testing.T) {
	s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
	s.link(s.out, "out")
	s.link("../a-evil/x", "x")
	s.link("/etc/passwd", "passwd")
	s.link("b", "same")
	s.link(".env", "env.txt")
	s.link("/proc/self/environ", "environ")
	const request, tool = jsonrpc.CodeInvalidParams, 0
	for path, code := range map[string]int64{
		"../a-evil/x": request, "/etc/passwd": request, "../../etc/passwd": request, "b/../../a-evil/x": request, "b/./c.md": request, "..": request,
		"b//c.md": request, "ok.txt/": request, "./ok.txt": request, "/": request, "ok.txt\x00/../../etc/passwd": request, "ok.txt\n": request, `..\..\x`: request, `b\c.md`: request,
		"ok\u200b.txt": request, "ok\u202e.txt": request, strings.Repeat("a/", 100) + "x": request, strings.Repeat("x", 5000): request,
		"....//x": request, "%2e%2e%2fa-evil/x": tool, "..;/x": tool, "a-evil/x": tool, "．．/a-evil/x": tool, "ok.txt ": tool, `ok.txt"`: tool, "ok.txt.": tool, "C:/x": tool,
		"out/x": tool, "x": tool, "passwd": tool, "environ": tool, "env.txt": tool, "same/c.md": tool, "out": tool,
		".env": tool, ".ENV": tool, "b/.git/config": tool, "b/.GIT/config": tool, "KEY.PEM": tool, "key.pem": tool, "b": tool, ".doorward-trash/x": tool, "b/.doorward-trash/x": tool, "b/.doorward-trash.HALF": tool, ".Doorward-Trash.half": tool,
	} {
		for _, name := range []string{"read", "stat", "edit", "delete", "move"} {
			args := of{"path": path}
			switch name {
			case "edit":
				args["old"], args["new"] = "CANARY", "x"
			case "move":
				args = of{"from": path, "to": "moved.txt"}
			case "stat":
				if path == "b" {
					continue
				}
			}
			said, failed, got := s.call(name, args)
			if !failed || got != code || strings.Contains(said, outside) || strings.Contains(said, s.root) {
				t.Errorf("%s %q: %v %d %s", name, path, failed, got, said)
			}
		}
		if said, failed, _ := s.call("write", of{"path": path, "text": "CHANGED"}); !failed && code == request || strings.Contains(said, s.root) {
			t.Errorf("write %q: %s", path, said)
		}
	}
	for _, at := range []string{filepath.Join(s.out, "x"), filepath.Join(s.root, ".env"), filepath.Join(s.root, "KEY.PEM"), filepath.Join(s.root, "b/.git/config"), filepath.Join(filepath.Dir(s.root), "passwd")} {
		if got, err := os.ReadFile(at); err != nil || string(got) != outside {
			t.Errorf("%s: %q, %v", at, got, err)
		}
	}
	if left, err := os.ReadDir(s.out); err != nil || len(left) != 1 {
		t.Errorf("outside: %v, %v", left, err)
	}
	for name, args := range map[string]of{"list": {"depth": 16}, "search": {"query": "CANARY"}} {
		said, failed, _ := s.call(name, args)
		if failed || strings.Contains(said, outside) || strings.Contains(said, ".env") || strings.Contains(said, "environ") || strings.Contains(said, ".git") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
