package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin/files"
)

// folds tells whether the file system of a directory finds files by other cases of their names.
func folds(t *testing.T, dir string) bool {
	t.Helper()
	at := filepath.Join(dir, "folds")
	if err := os.WriteFile(at, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := os.Stat(filepath.Join(dir, "FOLDS"))
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	return err == nil
}

// TestPOL07Folded: where a file system finds files by other cases of their names, they are served by
// their own spelling alone, so that neither what is ignored nor what a rule names by its path is
// reached by another, and nothing is replaced that nobody looked at.
func TestPOL07Folded(t *testing.T) {
	if !foldedFiles(t) {
		return
	}
	s := newStand(t, func(set *files.Settings) { set.Write = true }, nil)
	for name, text := range map[string]string{"é.txt": "kept", "secret/é/x.txt": "kept"} {
		at := filepath.Join(s.root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.link("../A-EVIL", "out")
	s.link("B", "same")
	s.says("read", of{"path": "ok.txt"}, "one")
	s.says("read", of{"path": "é.txt"}, "kept")
	s.says("list", of{"depth": 4}, `"path":"secret/é/x.txt"`)
	for _, path := range []string{
		"OK.txt", "ok.TXT", "B/c.md", "b/C.md", "b/D/e.txt", "É.txt", "Secret/é/x.txt", "secret/É/x.txt", ".ENV", "key.pem", "KEY.pem", "b/.Git/config", "b/.GIT/CONFIG",
		"out/x", "OUT/X", "same/c.md", "SAME/C.MD", ".DOORWARD-TRASH/x",
	} {
		for _, tool := range []string{"read", "stat", "edit", "delete", "move", "write"} {
			args := of{"path": path}
			switch tool {
			case "edit":
				args["old"], args["new"] = "kept", "lost"
			case "write":
				args["text"] = "lost"
			case "move":
				args = of{"from": path, "to": "moved.txt"}
			}
			said, failed, _ := s.call(tool, args)
			if !failed || strings.Contains(said, outside) {
				t.Errorf("%s %s: %v %s", tool, path, failed, said)
			}
		}
		uri := "files://notes/" + strings.ReplaceAll(path, "É", "%C3%89")
		if r, err := s.c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s: %+v", uri, r.Contents[0])
		}
	}
	for name, text := range map[string]string{"ok.txt": "one\ntwo\nthree\n", "é.txt": "kept", "secret/é/x.txt": "kept", ".env": outside, "KEY.PEM": outside, "b/.git/config": outside} {
		s.has(name, text)
	}
	s.refuses("write", of{"path": "É.txt", "text": "lost"}, "another spelling")
	s.refuses("write", of{"path": "SECRET/new.txt", "text": "lost"}, "another spelling")
	s.says("write", of{"path": "NEW.txt", "text": "new"}, `"size":3`)
}

// TestPOL07Spellings: another case of a name is another file where a file system has an eye for it, and
// ignored all the same; so is another form of Unicode.
func TestPOL07Spellings(t *testing.T) {
	if folds(t, t.TempDir()) {
		t.Skip("files that differ in case alone cannot be made here; TestPOL07Folded has what is reached then")
	}
	served := []string{"OK.TXT", "rsa", "etc2/x", "b/C.md", ".../x", "／x", "a．／b", "．．/x"}
	ignored := []string{
		".ENV", ".Env", "ID_RSA", "Id_Rsa.old", "b/.SSH", "PRIVÉ", "prive\u0301", "PRIVE\u0301/x", "etc/x", "ETC/y", "key.PEM", ".Doorward-Trash/x",
		".ſsh/x", "id_rſa", ".e\ufe0fnv", ".\u034fenv", "．env", "／.ssh", ".env.", ".ssh ./x", "b/.env .", "....env/.env",
	}
	s := newStand(t, func(set *files.Settings) {
		set.Ignore = append(set.Ignore, "id_rsa*", "privé", "Etc/*", ".ssh")
	}, nil)
	for i, name := range append(served, ignored...) {
		at := filepath.Join(s.root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, fmt.Append(nil, "text of ", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range served {
		s.says("read", of{"path": name}, fmt.Sprint("text of ", i, `"`))
	}
	for _, name := range ignored {
		s.refuses("read", of{"path": name}, "no such file")
	}
	s.says("read", of{"path": "ok.txt"}, "one")
	if said := s.says("search", of{"query": "text of"}, `"path":"OK.TXT"`); strings.Count(said, `"line":1`) != len(served) {
		t.Errorf("found: %s", said)
	}
}
