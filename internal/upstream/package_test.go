//go:build unix

package upstream_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// install puts a package with its dependency where npm would.
func install(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"node_modules/.package-lock.json":      `{"packages":{"node_modules/@x/mail":{"version":"1.0.15","integrity":"sha512-AAAA"},"node_modules/dep":{"integrity":"sha512-BBBB"}}}`,
		"node_modules/@x/mail/package.json":    `{"name":"@x/mail","version":"1.0.15","bin":"index.js"}`,
		"node_modules/@x/mail/index.js":        "#!/usr/bin/env node\n",
		"node_modules/@x/mail/lib/send.js":     "send()",
		"node_modules/@x/mail/readme/notes.md": "",
		"node_modules/dep/index.js":            "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "node_modules/.bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../@x/mail/index.js", filepath.Join(dir, "node_modules/.bin/mail")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// SUP-09 and A46: what a command runs of an installed package is pinned by name, version,
// integrity and content, whichever file of it is another.
func TestSUP09_PackageIsPinned(t *testing.T) {
	t.Setenv("PATH", programs(t, "node")+":"+os.Getenv("PATH"))
	dir := install(t)
	at := func(name string) string { return filepath.Join(dir, "node_modules", name) }
	write := func(name, text string) func() error {
		return func() error { return os.WriteFile(at(name), []byte(text), 0o755) }
	}
	commands := map[string][]string{"by its script": {"node", at("@x/mail/index.js")}, "by its link": {at(".bin/mail")}}
	t.Chdir(dir)
	from := identityOf(t, upstream.Settings{Command: []string{"node", "node_modules/@x/mail/index.js"}})
	if !strings.Contains(string(from.Raw), `"package":{`) {
		t.Errorf("from where Doorward is: no package in %s", from.Raw)
	}
	now := func(command []string) gate.Item {
		return identityOf(t, upstream.Settings{Command: command, Dir: dir})
	}
	for how, command := range commands {
		var id struct {
			Package map[string]string
		}
		it := now(command)
		if err := json.Unmarshal(it.Raw, &id); err != nil || id.Package["name"] != "@x/mail" || id.Package["version"] != "1.0.15" || id.Package["integrity"] != "sha512-AAAA" || id.Package["lock"] == "" || id.Package["files"] == "" {
			t.Errorf("%s: %v of %s", how, err, it.Raw)
		}
	}
	for _, step := range []struct {
		name string
		do   func() error
		same bool
	}{
		{"nothing", func() error { return nil }, true},
		{"the same content again", write("@x/mail/lib/send.js", "send()"), true},
		{"another package beside it", write("dep/index.js", "x"), true}, // its archive is in the list
		{"one line of another file", write("@x/mail/lib/send.js", "send(); bcc()"), false},
		{"a file more", write("@x/mail/lib/more.js", ""), false},
		{"a version", write("@x/mail/package.json", `{"name":"@x/mail","version":"1.0.16"}`), false},
		{"an integrity of a dependency", write(".package-lock.json", `{"packages":{"node_modules/@x/mail":{"integrity":"sha512-AAAA"},"node_modules/dep":{"integrity":"sha512-CCCC"}}}`), false},
		{"a link", func() error { return os.Symlink("/etc", at("@x/mail/etc")) }, false},
		{"a file less", func() error { return os.Remove(at("@x/mail/readme/notes.md")) }, false},
		{"a right to execute", func() error { return os.Chmod(at("@x/mail/lib/send.js"), 0o644) }, false},
	} {
		before := now(commands["by its script"])
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if after := now(commands["by its script"]); (after.Digest == before.Digest) != step.same {
			t.Errorf("%s: %s, then %s", step.name, before.Raw, after.Raw)
		}
	}
	if err := write(".package-lock.json", "{")(); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, upstream.Config{Upstreams: []upstream.Settings{{Name: "up", Command: commands["by its script"], Dir: dir}}, Pins: approveAll()})
	if _, err := p.Observe(t.Context(), "up"); err == nil || !strings.Contains(err.Error(), ".package-lock.json") {
		t.Errorf("a list that cannot be read: %v", err)
	}
}

// A package is found from the root of the file system on, and the outermost of those around it.
func TestPackageOf(t *testing.T) {
	for path, want := range map[string][2]string{
		"/node_modules/x/index.js":                            {"/", "node_modules/x"},
		"/srv/node_modules/@x/y/bin/cli.js":                   {"/srv/", "node_modules/@x/y"},
		"/srv/node_modules/a/node_modules/b/index.js":         {"/srv/", "node_modules/a/node_modules/b"},
		"/srv/node_modules/.pnpm/a@1.0.0/node_modules/a/i.js": {"/srv/", "node_modules/.pnpm/a@1.0.0/node_modules/a"},
		"/srv/node_modules/index.js":                          {},
		"/srv/index.js":                                       {},
	} {
		root, at, ok := upstream.PackageOf(path)
		if ok != (want != [2]string{}) || ok && (root != want[0] || at != want[1]) {
			t.Errorf("%s: %q, %q, %v; want %q", path, root, at, ok, want)
		}
	}
}
