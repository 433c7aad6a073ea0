//go:build unix

package launch_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"doorward/internal/launch"
)

// program puts an executable file below a directory.
func program(t *testing.T, dir, name string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The file that a command begins with must be nobody else's to replace, no shell under
// another name, and nobody else's rights.
func TestPOL34_Files(t *testing.T) {
	dir := t.TempDir()
	link := func(to, name string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	shell := filepath.Join(dir, "renamed")
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(sh, shell); err != nil { // another file system
		shell = link("/bin/sh", "renamed-link")
	}
	link(filepath.Join(dir, "bin"), "to-bins-too")
	for name, tc := range map[string]struct {
		path string
		want []launch.Rule
	}{
		"honest":                           {program(t, dir, "bin/server", 0o755), nil},
		"a link to an honest one":          {link(filepath.Join(dir, "bin/server"), "to-server"), nil},
		"a shell by its name":              {"/bin/sh", nil},
		"a link to a shell":                {link("/bin/sh", "server"), []launch.Rule{launch.Disguised}},
		"a link to a link to a shell":      {link(filepath.Join(dir, "server"), "server-2"), []launch.Rule{launch.Disguised}},
		"env of busybox":                   {link(program(t, dir, "bb/busybox", 0o755), "env"), nil},
		"a server of busybox":              {link(filepath.Join(dir, "bb/busybox"), "httpd"), []launch.Rule{launch.Disguised}},
		"env of a shell":                   {link(program(t, dir, "bb/dash", 0o755), "nice"), []launch.Rule{launch.Disguised}},
		"a shell by another link":          {shell, []launch.Rule{launch.Disguised}},
		"a writable file":                  {program(t, dir, "bin/open", 0o777), []launch.Rule{launch.Writable}},
		"a writable directory":             {program(t, open("open", 0o777), "server", 0o755), []launch.Rule{launch.Writable}},
		"a writable directory, sticky":     {program(t, open("shared", 0o777|os.ModeSticky), "server", 0o755), []launch.Rule{launch.Writable}},
		"above a writable one":             {program(t, open("above", 0o777), "a/b/server", 0o755), []launch.Rule{launch.Writable}},
		"above a writable one, sticky":     {program(t, open("tmp", 0o777|os.ModeSticky), "a/server", 0o755), nil},
		"a link out of a writable one":     {link(filepath.Join(dir, "bin/server"), "open/to-server"), []launch.Rule{launch.Writable}},
		"a link in a writable one, midway": {link(link(filepath.Join(dir, "bin/server"), "open/midway"), "to-midway"), []launch.Rule{launch.Writable}},
		"a directory's link, midway":       {filepath.Join(link(link(filepath.Join(dir, "bin"), "open/bins"), "to-bins"), "server"), []launch.Rule{launch.Writable}},
		"up from where a link leads":       {link("to-bins-too/../bin/server", "up"), nil},
		"its owner's rights":               {program(t, dir, "bin/suid", 0o755|os.ModeSetuid), []launch.Rule{launch.Rights}},
		"its group's rights":               {program(t, dir, "bin/sgid", 0o755|os.ModeSetgid), []launch.Rule{launch.Rights}},
		"everything that could be amiss":   {program(t, dir, "bin/all", 0o777|os.ModeSetuid), []launch.Rule{launch.Rights, launch.Writable}},
		"a file that its group may write":  {program(t, dir, "bin/group", 0o775), nil},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := launch.File(tc.path, tc.path)
			if err != nil || !slices.Equal(rules(all), tc.want) {
				t.Errorf("breaks %q, %v; want %q", rules(all), err, tc.want)
			}
		})
	}
	if _, err := launch.File("gone", filepath.Join(dir, "gone")); err == nil {
		t.Error("a file that is not there was judged")
	}
	if all, err := launch.File("busybox", shell); err != nil || all != nil {
		t.Errorf("a shell that is called one breaks %v, %v", all, err)
	}
}
