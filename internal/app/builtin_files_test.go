package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// servedFiles is a directory with a note and a key, and the configuration that serves it.
func servedFiles(t *testing.T) (dir, yaml string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"note.txt": "remember the milk", ".env": "CANARY"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, `upstreams: {notes: {builtin: files, root: "` + dir + `"}}`
}

// Doorward's own server of files is an upstream like any other, to clients of both eras: held
// until it is approved, on record, and its refusals are errors of a request.
func TestBuiltinFiles(t *testing.T) {
	t.Parallel()
	dir, yaml := servedFiles(t)
	gw := gatetest.Gateway(t, yaml, nil)
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		c := gw.As("early" + version).Open(version)
		if r := c.Call("notes__read", `{"path":"note.txt"}`); r.OK() {
			t.Errorf("%s: called before it was approved: %s", version, r)
		}
		if r := c.Post(c.Request("9", "resources/read", `"uri":"files://notes/note.txt"`)); r.OK() || strings.Contains(string(r.Body), "milk") {
			t.Errorf("%s: read before it was approved: %s", version, r)
		}
		if r := c.Post(c.Request("9", "resources/list", ``)); strings.Contains(string(r.Body), "note.txt") {
			t.Errorf("%s: listed before it was approved: %s", version, r)
		}
	}
	if n := gw.ApproveClean("notes"); n < 6 {
		t.Fatalf("%d definitions approved", n)
	}
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		c := gw.As("alice" + version).Open(version)
		if r := c.Call("notes__read", `{"path":"note.txt"}`); !r.OK() || !strings.Contains(string(r.Body), "remember the milk") {
			t.Errorf("%s: %s", version, r)
		} else if records := gw.Records(audit.Query{Exchange: r.Exchange}); len(records) != 2 {
			t.Errorf("%s: %d records", version, len(records))
		}
		for _, path := range []string{"../note.txt", "/etc/passwd"} {
			if r := c.Call("notes__read", `{"path":"`+path+`"}`); r.OK() || !strings.Contains(string(r.Body), "-32602") {
				t.Errorf("%s: %s: %s", version, path, r)
			}
		}
		if r := c.Call("notes__read", `{"path":".env"}`); strings.Contains(string(r.Body), "CANARY") {
			t.Errorf("%s: %s", version, r)
		}
		if r := c.Post(c.Request("9", "resources/read", `"uri":"files://notes/note.txt"`)); !r.OK() || !strings.Contains(string(r.Body), "remember the milk") {
			t.Errorf("%s: as a resource: %s", version, r)
		}
	}
	lister := gw.As("lister").Open(modern)
	if r := lister.Post(lister.Request("9", "resources/list", ``)); !r.OK() || !strings.Contains(string(r.Body), "files://notes/note.txt") {
		t.Errorf("the list: %s", r)
	}
	rewrite(t, gw, `root: "`, `write: true, root: "`)
	if r := gw.As("bob").Open(modern).Call("notes__write", `{"path":"x","text":"x"}`); r.OK() {
		t.Errorf("a server that may write now was not asked about: %s", r)
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("it wrote")
	}
	gw.ApproveClean("notes") // how it is set; then what it says and offers
	gw.ApproveClean("notes")
	if err := os.WriteFile(filepath.Join(dir, "new.txt"), []byte("new milk"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := gw.As("carol").Open(modern)
	if r := c.Post(c.Request("9", "resources/read", `"uri":"files://notes/new.txt"`)); !r.OK() || !strings.Contains(string(r.Body), "new milk") {
		t.Errorf("a file that came later: %s", r)
	}
	if r := gw.As("bob2").Open(modern).Call("notes__write", `{"path":"x","text":"x"}`); !r.OK() {
		t.Errorf("after the approval: %s", r)
	}
}

// A directory with something of Doorward's own in it, or in which Doorward's own is, is not
// served, and a reload that would is refused whole.
func TestBuiltinFilesApart(t *testing.T) {
	t.Parallel()
	dir, yaml := servedFiles(t)
	gw := gatetest.Gateway(t, yaml, nil)
	gw.Approve("notes")
	for _, root := range []string{gw.Dir, filepath.Join(gw.Dir, "data"), filepath.Dir(gw.Dir), "/", filepath.Join(dir, "absent")} {
		before, err := os.ReadFile(gw.App.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(gw.App.Path, []byte(strings.ReplaceAll(string(before), dir, root)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := gw.App.Reload(t.Context(), "test"); err == nil || !strings.Contains(err.Error(), "upstreams.notes: root") {
			t.Errorf("root %s: %v", root, err)
		}
		if r := gw.As("alice").Open(modern).Call("notes__read", `{"path":"note.txt"}`); !r.OK() {
			t.Errorf("the configuration of before: %s", r)
		}
		if err := os.WriteFile(gw.App.Path, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
