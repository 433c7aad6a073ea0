package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// saved is the file of a configuration, as those who change it leave it.
type saved struct {
	t    *testing.T
	gw   *gatetest.GW
	path string
}

func (s *saved) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *saved) write(name, text string) {
	s.t.Helper()
	s.must(os.WriteFile(filepath.Join(s.gw.Dir, name), []byte(text), 0o600))
}

func (s *saved) rename(from, to string) {
	s.t.Helper()
	s.must(os.Rename(filepath.Join(s.gw.Dir, from), filepath.Join(s.gw.Dir, to)))
}

// inPieces writes the file where it stands, and between the pieces does what it is told.
func (s *saved) inPieces(text string, between func(), size int) {
	s.t.Helper()
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_TRUNC, 0)
	s.must(err)
	for chunk := range slices.Chunk([]byte(text), size) {
		_, err := f.Write(chunk)
		s.must(err)
		between()
	}
	s.must(f.Close())
}

// waits is how often the gateway has said that it waits for whoever writes.
func (s *saved) waits() int {
	return strings.Count(s.gw.Log(), "a changed file is read when nobody has it open to write")
}

// waited waits until the gateway has said so more often than before.
func (s *saved) waited(before int) {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		return // nobody can say who has a file open
	}
	eventually(s.t, "the gateway waits for the rest", func() bool { return s.waits() > before })
}

// mount makes a directory as Kubernetes mounts a ConfigMap, and lets ..data lead to it.
func (s *saved) mount(dir, text string) {
	s.t.Helper()
	s.must(os.Mkdir(filepath.Join(s.gw.Dir, dir), 0o700))
	s.write(filepath.Join(dir, "doorward.yaml"), text)
	s.must(os.Symlink(dir, filepath.Join(s.gw.Dir, "..data_tmp")))
	s.rename("..data_tmp", "..data")
}

// TestDUR33_Saves changes the configuration as editors, Kubernetes and people do. Each time
// the gateway reads it once, whole, and without being told.
func TestDUR33_Saves(t *testing.T) {
	t.Parallel()
	gw := gatetest.Gateway(t, "# 0\nversion: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\n", nil)
	s := &saved{t: t, gw: gw, path: filepath.Join(gw.Dir, "doorward.yaml")}
	first, err := os.ReadFile(s.path)
	s.must(err)
	var want []string
	for i, save := range []struct {
		who string
		how func(text string)
	}{
		{"nano: where it stands", func(text string) { s.write("doorward.yaml", text) }},
		{"sed: another in its place", func(text string) { s.write(".tmp", text); s.rename(".tmp", "doorward.yaml") }},
		{"vim: the old one aside", func(text string) {
			s.rename("doorward.yaml", "doorward.yaml~")
			s.write("doorward.yaml", text)
			s.must(os.Remove(filepath.Join(gw.Dir, "doorward.yaml~")))
		}},
		{"vim: a copy aside", func(text string) { s.write("doorward.yaml~", string(first)); s.write("doorward.yaml", text) }},
		{"gone, and there again", func(text string) { s.must(os.Remove(s.path)); s.write("doorward.yaml", text) }},
		{"many pieces", func(text string) { s.inPieces(text, func() {}, 7) }},
		{"half of it, and after a while the rest", func(text string) {
			before := s.waits()
			s.inPieces(text, sync.OnceFunc(func() { s.waited(before) }), len(text)/2+1)
		}},
		{"a link in its place", func(text string) {
			s.mount("..1", text)
			s.must(os.Symlink("..data/doorward.yaml", filepath.Join(gw.Dir, "link")))
			s.rename("link", "doorward.yaml")
		}},
		{"Kubernetes: ..data leads elsewhere", func(text string) { s.mount("..2", text); s.must(os.RemoveAll(filepath.Join(gw.Dir, "..1"))) }},
		{"Kubernetes again", func(text string) { s.mount("..3", text) }},
		{"where the link leads", func(text string) { s.write("..3/doorward.yaml", text) }},
	} {
		text := strings.Replace(string(first), "# 0", fmt.Sprint("# ", i+1), 1)
		sum := sha256.Sum256([]byte(text))
		want = append(want, hex.EncodeToString(sum[:8]))
		save.how(text)
		eventually(t, save.who+": it is read", func() bool { return len(gw.Records(audit.Query{Event: "config.reload"})) > i })
	}
	var got []string
	for _, r := range gw.Records(audit.Query{Event: "config.reload"}) {
		got = append(got, r.Detail[:16])
	}
	if !slices.Equal(got, want) {
		t.Errorf("read were %v, want %v", got, want)
	}
	if refused := gw.Records(audit.Query{Event: "config.refused"}); len(refused) > 0 {
		t.Errorf("something was read that nobody had finished: %s", refused[0].Detail)
	}
}

// TestDUR33_SavedWhileItStarts changes a file when the gateway has read it, and does not watch it
// yet: that it has changed is seen all the same.
func TestDUR33_SavedWhileItStarts(t *testing.T) {
	t.Parallel()
	before := gatetest.Gateway(t, "upstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})})
	before.Approve("")
	before.Stop()
	path, pins := filepath.Join(before.Dir, "doorward.yaml"), filepath.Join(before.Dir, "doorward.lock")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	approved, err := os.ReadFile(pins)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, file string
		is         []byte
		seen       func(*app.App) bool
	}{
		{"the configuration", path, append([]byte("# saved\n"), text...), func(*app.App) bool { return len(before.Records(audit.Query{Event: "config.reload"})) == 1 }},
		{"the lock", pins, approved, func(a *app.App) bool {
			all, err := a.Entries(t.Context(), admin.Review{Upstream: "up"})
			return err == nil && len(all) > 0 && !slices.ContainsFunc(all, func(e admin.Entry) bool { return e.State != "approved" })
		}},
	} {
		if c.file == pins {
			if err := os.Remove(pins); err != nil {
				t.Fatal(err)
			}
		}
		a := openedAt(t, path)
		put(t, c.file, c.is)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Serve(ctx, nil) }()
		eventually(t, c.what+" is read again", func() bool { return c.seen(a) })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
