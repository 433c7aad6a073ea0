//go:build unix

package login_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/login"
)

// What others could have read or written is not used.
func TestCacheMustBePrivate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, p *person)
		want  string
	}{
		"a file for the group":       {func(t *testing.T, p *person) { chmod(t, p.file(), 0o640) }, "mode 0640"},
		"a file for everybody":       {func(t *testing.T, p *person) { chmod(t, p.file(), 0o604) }, "mode 0604"},
		"a directory for others":     {func(t *testing.T, p *person) { chmod(t, p.dir, 0o755) }, "chmod 700"},
		"a directory that is a link": {func(t *testing.T, p *person) { move(t, p.dir, p.dir+"-x"); link(t, p.dir+"-x", p.dir) }, "is no directory"},
		"a directory as a file":      {func(t *testing.T, p *person) { name := p.file(); remove(t, name); mkdir(t, name) }, "is no regular file"},
		"a link":                     {func(t *testing.T, p *person) { name := p.file(); move(t, name, p.dir+"-x"); link(t, p.dir+"-x", name) }, "too many levels"},
		"a pipe":                     {func(t *testing.T, p *person) { name := p.file(); remove(t, name); mkfifo(t, name) }, "is no regular file"},
		"garbage":                    {func(t *testing.T, p *person) { write(t, p.file(), "{}x") }, "is no login that this program wrote"},
		"unknown members":            {func(t *testing.T, p *person) { write(t, p.file(), strings.Replace(p.kept(), "{", `{"evil":1,`, 1)) }, "is no login that this program wrote"},
		"another version": {func(t *testing.T, p *person) {
			write(t, p.file(), strings.Replace(p.kept(), `"version": 1`, `"version": 2`, 1))
		}, "has version 2"},
		"no reach": {func(t *testing.T, p *person) {
			write(t, p.file(), strings.Replace(p.kept(), `"reach": 3`, `"reach": 0`, 1))
		}, "lacks something"},
		"a login in another's file": {func(t *testing.T, p *person) {
			move(t, p.file(), filepath.Join(p.dir, strings.Repeat("0", 64)+".json"))
		}, "is not the login that its name says"},
		"another issuer": {func(t *testing.T, p *person) {
			write(t, p.file(), strings.Replace(p.kept(), `"issuer": "http`, `"issuer": "https`, 1))
		}, "is not the login that its name says"},
		"a large file": {func(t *testing.T, p *person) { write(t, p.file(), p.kept()+strings.Repeat(" ", 512<<10)) }, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, g, p, tok := known(t, func(a *authority) { a.lifetime = 0 })
			tc.spoil(t, p)
			access, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) || access != "" {
				t.Errorf("%q, error %v, want %q", access, err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), tok.Access) {
				t.Errorf("the error quotes the token: %v", err)
			}
		})
	}
}

// A lock that is a link would make a file elsewhere.
func TestLockIsNoLink(t *testing.T) {
	t.Parallel()
	_, g, p, _ := known(t, nil)
	target := filepath.Join(t.TempDir(), "elsewhere")
	lock := strings.TrimSuffix(p.file(), ".json") + ".lock"
	remove(t, lock)
	link(t, target, lock)
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(t.Context()); err == nil || !strings.Contains(err.Error(), "locking the login") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
}

// A wait for somebody else's lock ends with its context.
func TestWaitForALockEnds(t *testing.T) {
	t.Parallel()
	_, g, p, _ := known(t, nil)
	f, err := os.OpenFile(strings.TrimSuffix(p.file(), ".json")+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, stop := newStop(t)
	stop(errors.New("enough"))
	if _, _, err := p.source(login.Request{URL: g.url}, login.NoFlow).Token(ctx); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("error %v", err)
	}
}

// No file is readable by others for a moment, whatever the umask.
func TestFilesAreMadePrivate(t *testing.T) {
	_, _, p, _ := known(t, nil)
	all, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
	if len(all) != 2 {
		t.Errorf("%d files, want the login and its lock", len(all))
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) { t.Helper(); must(t, os.Chmod(path, mode)) }
func remove(t *testing.T, path string)                  { t.Helper(); must(t, os.Remove(path)) }
func mkdir(t *testing.T, path string)                   { t.Helper(); must(t, os.Mkdir(path, 0o700)) }

func mkfifo(t *testing.T, path string)   { t.Helper(); must(t, syscall.Mkfifo(path, 0o600)) }
func move(t *testing.T, from, to string) { t.Helper(); must(t, os.Rename(from, to)) }
func link(t *testing.T, to, at string)   { t.Helper(); must(t, os.Symlink(to, at)) }

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
