//go:build unix

package upstream_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// virtual is a virtual environment with two distributions, as pip lays them down.
func virtual(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "a[1]")
	site := filepath.Join(dir, "lib", "python3.11", "site-packages")
	write := func(at, text string) {
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "pyvenv.cfg"), "home = /usr/bin\n")
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(programs(t, "python3"), "python3"), filepath.Join(dir, "bin", "python")); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string]string{
		"mail": {"mail/__init__.py": "", "mail/__main__.py": "main()\n", "mail/send.py": "send()\n", "../../../bin/mail": "#!" + filepath.Join(dir, "bin", "python") + "\n"},
		"dep":  {"dep.py": "x = 1\n"},
	} {
		record := name + "-1.0.dist-info/RECORD,,\n"
		files[name+"-1.0.dist-info/METADATA"] = "Name: " + name + "\nVersion: 1.0\n"
		for at, text := range files {
			sum := sha256.Sum256([]byte(text))
			record += fmt.Sprintf("%s,sha256=%s,%d\n", at, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
			write(filepath.Join(site, at), text)
		}
		write(filepath.Join(site, name+"-1.0.dist-info", "RECORD"), record)
	}
	return dir
}

// SUP-09: what a command runs of a virtual environment is pinned with every file of it, and
// what its distributions do not know of a file is said.
func TestSUP09_EnvironmentIsPinned(t *testing.T) {
	t.Parallel()
	dir := virtual(t)
	site := filepath.Join(dir, "lib", "python3.11", "site-packages")
	commands := map[string][]string{"by its program": {filepath.Join(dir, "bin", "mail")}, "by its module": {filepath.Join(dir, "bin", "python"), "-m", "mail"}}
	type pinned struct {
		Name, Version, Files    string
		With, Altered, Unlisted []string
	}
	now := func(command []string) (gate.Item, pinned) {
		t.Helper()
		it := identityOf(t, upstream.Settings{Command: command, Dir: dir})
		var id struct{ Package pinned }
		if err := json.Unmarshal(it.Raw, &id); err != nil {
			t.Fatal(err)
		}
		return it, id.Package
	}
	for how, command := range commands {
		if it, is := now(command); is.Name != "mail" || is.Version != "1.0" || is.Files == "" || fmt.Sprint(is.With) != "[dep==1.0 mail==1.0]" || is.Altered != nil || is.Unlisted != nil {
			t.Errorf("%s: %s", how, it.Raw)
		}
	}
	write := func(at, text string) func() error {
		return func() error {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(site, at)), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(site, at), []byte(text), 0o755)
		}
	}
	for _, step := range []struct {
		name, seen string // seen: in the pin
		do         func() error
		same       bool
	}{
		{"nothing", "", func() error { return nil }, true},
		{"the same content again", "", write("mail/send.py", "send()\n"), true},
		{"one line of another file", `"altered":["mail/send.py"]`, write("mail/send.py", "send(); bcc()\n"), false},
		{"a file of what it needs", `"dep.py"`, write("dep.py", "x = 2\n"), false},
		{"lines for every start", `"unlisted":["start.pth"]`, write("start.pth", "import os\n"), false},
		{"a module for every start", `"sitecustomize.py"`, write("sitecustomize.py", ""), false},
		{"what Python compiled", "", write("mail/__pycache__/send.cpython-311.pyc", "x"), false},
		{"a right to execute", "", func() error { return os.Chmod(filepath.Join(site, "mail/send.py"), 0o644) }, false},
		{"where the library is", "", func() error { return os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), []byte("home = /tmp\n"), 0o644) }, false},
		{"a distribution more", "more==2", write("more-2.dist-info/METADATA", "Name: more\nVersion: 2\n"), false},
		{"a file less", `"mail/__init__.py"`, func() error { return os.Remove(filepath.Join(site, "mail/__init__.py")) }, false},
	} {
		before, _ := now(commands["by its program"])
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		after, _ := now(commands["by its program"])
		if (after.Digest == before.Digest) != step.same || !strings.Contains(string(after.Raw), step.seen) {
			t.Errorf("%s: %s, then %s", step.name, before.Raw, after.Raw)
		}
	}
	if err := write("dep-1.0.dist-info/RECORD", "dep.py,sha256=AAAA,3\n")(); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: commands["by its module"], Dir: dir}}, Pins: approveAll()})
	if _, err := p.Observe(t.Context(), "up"); err == nil || !strings.Contains(err.Error(), "RECORD") {
		t.Errorf("a list that cannot be read: %v", err)
	}
}
