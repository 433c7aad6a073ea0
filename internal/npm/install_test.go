package npm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/npm"
)

// whole is an integrity; it is that of nothing here.
var whole = "sha512-" + strings.Repeat("A", 86) + "=="

// laid is a package as npm lays it down.
type laid struct {
	version, bin, list, script string
}

func (l laid) put(t *testing.T, dir string) {
	t.Helper()
	list := `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/server": {"version": "` + l.version + `", "integrity": "` + whole + `"}` + l.list + `}}`
	for name, text := range map[string]string{
		"package-lock.json":                list,
		"node_modules/.package-lock.json":  list,
		"node_modules/server/package.json": `{"name": "server", "version": "` + l.version + `", "bin": ` + l.bin + `}`,
		"node_modules/server/main.js":      l.script,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func good() laid {
	return laid{version: "1.2.3", bin: `"main.js"`, script: "#!/usr/bin/env node\n"}
}

// installs installs server@1.2.3 by something that lays a package down in place of npm.
func installs(t *testing.T, dir string, run func(dir, verb string) error) (npm.Installed, error) {
	t.Helper()
	return npm.Install(t.Context(), npm.Order{
		Package: npm.Package{Name: "server", Version: "1.2.3"}, Dir: dir, Registry: "https://registry.example.com/",
		Run: func(_ context.Context, at string, args []string) error {
			if !slices.Contains(args, "--ignore-scripts") || !slices.Contains(args, "--registry=https://registry.example.com/") {
				t.Errorf("npm is run with %q", args)
			}
			return run(at, args[0])
		},
	})
}

// room is a directory for packages, without links.
func room(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "packages", "files")
}

func TestSUP09_WhatIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*laid)
		want   string
	}{
		"another version":          {func(l *laid) { l.version = "1.2.4" }, "another version"},
		"a link":                   {func(l *laid) { l.list = `, "node_modules/x": {"link": true, "integrity": "` + whole + `"}` }, "is a link"},
		"no integrity":             {func(l *laid) { l.list = `, "node_modules/x": {"version": "1.0.0"}` }, "no sha512 integrity"},
		"in a bundle":              {func(l *laid) { l.list = `, "node_modules/server/node_modules/x": {"inBundle": true}` }, "no sha512 integrity"},
		"SHA-1":                    {func(l *laid) { l.list = `, "node_modules/x": {"integrity": "sha1-KqO4xqGGmMnsgcdv4Un/7SqbM70="}` }, "no sha512 integrity"},
		"a digest that is cut":     {func(l *laid) { l.list = `, "node_modules/x": {"integrity": "sha512-AAAA"}` }, "no sha512 integrity"},
		"a place elsewhere":        {func(l *laid) { l.list = `, "node_modules/../../x": {"integrity": "` + whole + `"}` }, "no place of a package"},
		"a workspace":              {func(l *laid) { l.list = `, "packages/x": {"integrity": "` + whole + `"}` }, "no place of a package"},
		"two programs":             {func(l *laid) { l.bin = `{"a": "main.js", "b": "other.js"}` }, "which one program"},
		"no program":               {func(l *laid) { l.bin = `null` }, "which one program"},
		"a program elsewhere":      {func(l *laid) { l.bin = `"../../../x.js"` }, "which one program"},
		"a program that is not in": {func(l *laid) { l.bin = `"gone.js"` }, "not in it"},
		"a script of a shell":      {func(l *laid) { l.script = "#!/bin/sh\n" }, "not for node alone"},
		"options of node":          {func(l *laid) { l.script = "#!/usr/bin/env -S node --require x\n" }, "not for node alone"},
		"a program of the machine": {func(l *laid) { l.script = "\x7fELF\x02\x00" }, "not for node alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, l := room(t), good()
			tc.change(&l)
			_, err := installs(t, dir, func(at, _ string) error { l.put(t, at); return nil })
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

// A new package takes the place of the old one whole, and nothing takes it where that fails.
func TestSUP09_WhatIsReplaced(t *testing.T) {
	t.Parallel()
	dir, verbs, l := room(t), []string{}, good()
	lay := func(at, verb string) error {
		verbs = append(verbs, verb)
		l.put(t, at)
		return nil
	}
	is, err := installs(t, dir, lay)
	if err != nil || is.Packages != 1 || is.Integrity != whole || is.Script != filepath.Join(dir, "node_modules", "server", "main.js") {
		t.Fatalf("%+v, %v", is, err)
	}
	failure := errors.New("no way out")
	if _, err := installs(t, dir, func(string, string) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("a failure of npm is %v", err)
	}
	l.script, l.bin = "module.exports = 1\n", `{"server": "./main.js", "also": "other.js"}`
	if _, err := installs(t, dir, lay); err != nil {
		t.Errorf("installing it again: %v", err)
	}
	if text, err := os.ReadFile(is.Script); err != nil || string(text) != l.script {
		t.Errorf("there is %q, %v", text, err)
	}
	if !slices.Equal(verbs, []string{"install", "ci"}) {
		t.Errorf("npm was told %q", verbs)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("it left %v, %v", left, err)
	}
	if _, err := npm.At(dir, npm.Package{Name: "server", Version: "1.2.4"}); !errors.Is(err, npm.ErrOther) {
		t.Errorf("another version: %v", err)
	}
	if _, err := npm.At(dir+"-none", npm.Package{Name: "server", Version: "1.2.3"}); !errors.Is(err, npm.ErrNone) {
		t.Errorf("nothing: %v", err)
	}
}

// What a killed installation left goes with the next one, and what it was replacing is back.
func TestSUP09_WhatIsLeft(t *testing.T) {
	t.Parallel()
	dir, old := room(t), time.Now().Add(-2*time.Hour)
	parent := filepath.Dir(dir)
	good().put(t, filepath.Join(parent, ".files-2.old"))
	stays := []string{".files-3", ".files-x-4", "files-5", ".files-6.older"} // the first may be under way
	for _, name := range append([]string{".files-1", ".files-2"}, stays...) {
		if err := os.MkdirAll(filepath.Join(parent, name, "node_modules"), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == ".files-3" {
			continue
		}
		if err := os.Chtimes(filepath.Join(parent, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	verbs := []string{}
	if _, err := installs(t, dir, func(at, verb string) error {
		verbs = append(verbs, verb)
		good().put(t, at)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(verbs, []string{"ci"}) {
		t.Errorf("npm was told %q, as if nothing had been there", verbs)
	}
	left, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if want := slices.Sorted(slices.Values(append(stays, "files"))); !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
}

// FuzzAt holds that no list and no package.json makes a command run what is not in its package.
func FuzzAt(f *testing.F) {
	f.Add(`{"lockfileVersion": 3, "packages": {"node_modules/server": {"version": "1.2.3", "integrity": "`+whole+`"}}}`, `{"name": "server", "version": "1.2.3", "bin": "main.js"}`)
	f.Add(`{"lockfileVersion": 3, "packages": {"node_modules/server": {"version": "1.2.3", "integrity": "`+whole+`"}}}`, `{"name": "server", "version": "1.2.3", "bin": {"x": "../../../main.js"}}`)
	f.Fuzz(func(t *testing.T, list, manifest string) {
		dir := room(t)
		good().put(t, dir)
		for name, text := range map[string]string{"node_modules/.package-lock.json": list, "node_modules/server/package.json": manifest} {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		is, err := npm.At(dir, npm.Package{Name: "server", Version: "1.2.3"})
		if err == nil && !strings.HasPrefix(is.Script, filepath.Join(dir, "node_modules", "server")+string(filepath.Separator)) {
			t.Errorf("it runs %s", is.Script)
		}
	})
}
