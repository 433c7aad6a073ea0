//go:build !windows

package paths_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"doorward/internal/policy/paths"
)

// treeOnDisk makes allowed/ with links of every kind, and outside/ beside it.
func treeOnDisk(t *testing.T) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"allowed/deep/er", "allowed/private", "outside/dir"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"allowed/x.md", "allowed/private/k", "allowed/deep/er/y.md", "allowed/id", "outside/passwd"} {
		if err := os.WriteFile(filepath.Join(root, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, out := filepath.Join(root, "allowed"), filepath.Join(root, "outside")
	for name, target := range map[string]string{
		"out": out, "out-relative": "../outside", "out-file": filepath.Join(out, "passwd"), "out-deep": "deep/er/../../../outside", "out-missing": filepath.Join(out, "new"),
		"in": filepath.Join(in, "deep"), "in-relative": "deep/er", "in-missing": "deep/new", "in-and-back": "../allowed/deep", "loop": "loop", "ping": "pong", "pong": "ping",
		"to-private": "private", "proc": "/proc/self/root", "cwd": "/proc/self/cwd", "climb-missing": "gone/../../outside", "root": "/", "id.md": "id", "deep/up": "..",
		"deep/up-up": "../..",
	} {
		link(t, target, filepath.Join(in, name))
	}
	link(t, in, filepath.Join(root, "alias"))
	return root
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestPOL04Links(t *testing.T) {
	root := treeOnDisk(t)
	in := filepath.Join(root, "allowed")
	under := paths.Rule{Under: []string{in}, Resolve: true}
	closed := paths.Rule{Under: []string{in}, Not: []string{filepath.Join(in, "private"), "**/k"}, Resolve: true}
	alias := paths.Rule{Under: []string{filepath.Join(root, "alias")}, Not: []string{filepath.Join(root, "alias", "private")}, Resolve: true}
	aliasGlob := paths.Rule{Under: alias.Under, Not: []string{filepath.Join(root, "alias", "pri*")}, Resolve: true}
	backdoor := paths.Rule{Under: []string{in}, Not: []string{filepath.Join(in, "to-private")}, Resolve: true}
	for _, tc := range []struct {
		name   string
		rule   paths.Rule
		path   string
		passes bool
	}{
		{"plain", under, in + "/x.md", true},
		{"the directory", under, in + "/", true},
		{"missing", under, in + "/deep/new/file.md", true},
		{"below a file", under, in + "/x.md/y", false},
		{"absolute link in", under, in + "/in/er/y.md", true},
		{"relative link in", under, in + "/in-relative/y.md", true},
		{"dangling link in", under, in + "/in-missing", true},
		{"out and back", under, in + "/in-and-back/er", true},
		{"up inside", under, in + "/deep/up/x.md", true},
		{"absolute link out", under, in + "/out/passwd", false},
		{"absolute link out itself", under, in + "/out", false},
		{"absolute link out to a new file", under, in + "/out/new", false},
		{"relative link out", under, in + "/out-relative/passwd", false},
		{"link out to a file", under, in + "/out-file", false},
		{"link out by dots", under, in + "/out-deep/passwd", false},
		{"dangling link out", under, in + "/out-missing", false},
		{"dangling link that climbs", under, in + "/climb-missing", false},
		{"up and out", under, in + "/deep/up-up/outside/passwd", false},
		{"up and out itself", under, in + "/deep/up-up", false},
		{"loop", under, in + "/loop", false},
		{"two that loop", under, in + "/ping/x", false},
		{"to the root", under, in + "/root/etc/passwd", false},
		{"to a process", under, in + "/proc/etc/passwd", false},
		{"to a working directory", under, in + "/cwd/x", false},
		{"two links", under, in + "/in/up/out/passwd", false},
		{"anywhere, to a process", paths.Rule{Resolve: true}, in + "/proc/etc/passwd", false},
		{"anywhere, out", paths.Rule{Resolve: true}, in + "/out/passwd", true},
		{"link to a closed part", closed, in + "/to-private/x", false},
		{"link to a closed part itself", closed, in + "/to-private", false},
		{"link to a closed name", closed, in + "/in/up/private/k", false},
		{"closed parts leave the rest", closed, in + "/in/er/y.md", true},
		{"what a closed link leads to", backdoor, in + "/private/k", false},
		{"allowed directory is a link", alias, root + "/alias/x.md", true},
		{"allowed directory is a link, out", alias, root + "/alias/out/passwd", false},
		{"allowed directory is a link, closed", alias, root + "/alias/to-private/k", false},
		{"allowed directory is a link, closed by a glob", aliasGlob, root + "/alias/to-private/k", false},
		{"allowed directory by its other name", alias, in + "/x.md", false},
		{"extension of what is there", paths.Rule{Under: []string{in}, Extensions: []string{".md"}, Resolve: true}, in + "/id.md", false},
		{"missing allowed directory", paths.Rule{Under: []string{root + "/none"}, Resolve: true}, root + "/none/x", true},
		{"relative", paths.Rule{Under: []string{in}, Base: in, Resolve: true}, "deep/er/y.md", true},
		{"relative, out", paths.Rule{Under: []string{in}, Base: in, Resolve: true}, "out/passwd", false},
		{"one of two directories", paths.Rule{Under: []string{in, root + "/outside"}, Resolve: true}, in + "/out/passwd", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if why := mustNew(t, tc.rule).Judge(tc.path); (why == "") != tc.passes {
				t.Errorf("got %q, want it to pass: %t", why, tc.passes)
			}
		})
	}
}

// A kernel follows 40 links and no more; a judge that followed fewer or more
// would see another file.
func TestPOL04ChainOfLinks(t *testing.T) {
	root := treeOnDisk(t)
	in := filepath.Join(root, "allowed")
	chain := func(name, end string, n int) string {
		link(t, end, filepath.Join(in, name+"1"))
		for i := 2; i <= n; i++ {
			link(t, name+strconv.Itoa(i-1), filepath.Join(in, name+strconv.Itoa(i)))
		}
		return filepath.Join(in, name+strconv.Itoa(n))
	}
	j := mustNew(t, paths.Rule{Under: []string{in}, Resolve: true})
	if why := j.Judge(chain("good", "x.md", 40)); why != "" {
		t.Errorf("40 links inside: %s", why)
	}
	if j.Judge(chain("many", "x.md", 41)) == "" {
		t.Error("41 links passed")
	}
	if j.Judge(chain("bad", "../outside/passwd", 40)) == "" {
		t.Error("40 links out passed")
	}
}

// What a path cannot show: a second name of a file outside. Only the sandbox
// can keep it out.
func TestPOL04HardLinkIsNotSeen(t *testing.T) {
	root := treeOnDisk(t)
	name := filepath.Join(root, "allowed", "hard")
	if err := os.Link(filepath.Join(root, "outside", "passwd"), name); err != nil {
		t.Skip("no hard links here: ", err)
	}
	if why := mustNew(t, paths.Rule{Under: []string{filepath.Join(root, "allowed")}, Resolve: true}).Judge(name); why != "" {
		t.Errorf("refused: %s; the documentation says that it is not seen", why)
	}
}
