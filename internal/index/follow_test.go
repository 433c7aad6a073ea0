package index_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/audit"
	"doorward/internal/index"
)

// What was pruned leaves the index, and the answers are right before the Follower has
// seen that, and after.
func TestPrunedRecordsLeaveTheIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		x := newFixture(t, false)
		x.fill(t, r, 80)
		time.Sleep(48 * time.Hour)
		x.fill(t, r, 80)
		x.once(t)
		old := x.records(t)
		gone := audit.Query{Exchange: old[slices.IndexFunc(old, func(r audit.Record) bool { return r.Exchange != "" })].Exchange}
		if n, err := index.Candidates(t.Context(), x.dir, gone); err != nil || n == 0 {
			t.Fatalf("before: %d candidates, %v", n, err)
		}
		keep := map[audit.Class]time.Duration{}
		for _, class := range audit.Classes() {
			keep[class] = 24 * time.Hour
		}
		if done, err := x.log.Prune(t.Context(), audit.Retention{Keep: keep}); err != nil || len(done) == 0 {
			t.Fatalf("pruned %v, %v", done, err)
		}
		for range 2 {
			for range 6 {
				x.same(t, query(r, x.ring, old))
			}
			if n := x.same(t, gone); n != 0 {
				t.Errorf("%d records that were pruned are found", n)
			}
			x.once(t)
		}
		if n, err := index.Candidates(t.Context(), x.dir, gone); err != nil || n != 0 {
			t.Errorf("after: %d candidates, %v", n, err)
		}
		if wal, err := os.Stat(index.Path(x.dir) + "-wal"); err == nil && wal.Size() > 0 {
			t.Errorf("%d bytes of pages from before are left", wal.Size())
		}
		x.out.Reset()
		for range 6 {
			x.same(t, query(r, x.ring, old))
		}
		if x.out.Len() > 0 {
			t.Errorf("it warned: %s", &x.out)
		}
	})
}

// A Follower makes an index anew when asked, of all that is there, and one that is
// no index, of another log or of another format. It says so, and no search fails.
func TestFollowerThrowsAway(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string) error{
		"as asked": func(*testing.T, string) error { return nil },
		"garbage": func(_ *testing.T, path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte("no"), 9999), 0o600)
		},
		"empty": func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"of another log": func(t *testing.T, path string) error {
			other := newFixture(t, true)
			other.fill(t, rand.New(rand.NewPCG(1, 1)), 40)
			other.once(t)
			return os.Rename(index.Path(other.dir), path)
		},
		"a link": func(t *testing.T, path string) error {
			return os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(9, 9))
				x := newFixture(t, false)
				x.fill(t, r, 60)
				if err := spoil(t, index.Path(x.dir)); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					x.same(t, query(r, x.ring, x.records(t)))
				}
				if _, err := x.log.Checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); x.f.Run(ctx) }()
				through, err := x.f.Rebuild(t.Context())
				if size := x.log.Stats().Size; err != nil || through != size {
					t.Errorf("through %d of %d, %v", through, size, err)
				}
				time.Sleep(time.Minute)
				s, err := index.Inspect(t.Context(), x.dir)
				if err != nil || s.State != "usable" || s.Through != through || s.Records != through {
					t.Errorf("%+v, %v", s, err)
				}
				if info, err := os.Lstat(s.Path); err != nil || info.Mode() != 0o600 {
					t.Errorf("mode %v, %v", info.Mode(), err)
				}
				x.same(t, query(r, x.ring, x.records(t)))
				cancel()
				<-ended
				if _, err := x.f.Rebuild(t.Context()); !errors.Is(err, context.Canceled) {
					t.Errorf("of one that has ended: %v", err)
				}
			})
		})
	}
}

// A log that was put back from an older backup, and went on, is found whole although the
// index knows a future that is none any more.
func TestALogThatWasPutBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	x := newFixture(t, true)
	x.fill(t, r, 60)
	if err := x.log.Close(); err != nil {
		t.Fatal(err)
	}
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(filepath.Dir(x.dir))); err != nil {
		t.Fatal(err)
	}
	x.reopen(t)
	x.fill(t, r, 60)
	x.once(t)
	if err := errors.Join(x.log.Close(), os.RemoveAll(x.dir), os.CopyFS(x.dir, os.DirFS(filepath.Join(backup, "audit")))); err != nil {
		t.Fatal(err)
	}
	x.reopen(t)
	x.fill(t, r, 70)
	all := x.records(t)
	for range 2 {
		for range 6 {
			x.same(t, query(r, x.ring, all))
		}
		x.once(t)
	}
}

// A log that was put back from a backup of before records were pruned has them, and they
// are found although the index has seen them go.
func TestPrunedRecordsThatWerePutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		x := newFixture(t, true)
		x.fill(t, r, 200)
		time.Sleep(48 * time.Hour)
		x.fill(t, r, 80)
		all := x.records(t)
		backup := t.TempDir()
		if err := errors.Join(x.log.Close(), os.CopyFS(backup, os.DirFS(x.dir))); err != nil {
			t.Fatal(err)
		}
		x.reopen(t)
		x.fill(t, r, 80)
		keep := map[audit.Class]time.Duration{audit.Calls: 24 * time.Hour, audit.Events: 24 * time.Hour}
		if done, err := x.log.Prune(t.Context(), audit.Retention{Keep: keep}); err != nil || len(done) < 2 {
			t.Fatalf("pruned %v, %v", done, err)
		}
		x.once(t)
		if err := errors.Join(x.log.Close(), os.RemoveAll(x.dir), os.CopyFS(x.dir, os.DirFS(backup))); err != nil {
			t.Fatal(err)
		}
		old := audit.Query{Exchange: all[slices.IndexFunc(all, func(r audit.Record) bool { return r.Exchange != "" })].Exchange}
		if x.same(t, old) == 0 {
			t.Error("nothing was put back")
		}
		x.reopen(t)
		for range 2 {
			x.same(t, old)
			for range 6 {
				x.same(t, query(r, x.ring, all))
			}
			x.once(t)
		}
	})
}

func (x *fixture) reopen(t *testing.T) {
	t.Helper()
	cfg := config(filepath.Dir(x.dir))
	cfg.PlainIdentity = true
	cfg.Accept = &audit.Acceptance{What: audit.Losses(), Reason: "a backup was put back"}
	l, err := audit.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	x.log = l
}

// The file of an index has no text of the log in it, not even of names in clear.
func TestTheFileHoldsHashesAlone(t *testing.T) {
	t.Parallel()
	x := newFixture(t, true)
	x.fill(t, rand.New(rand.NewPCG(13, 14)), 90)
	x.once(t)
	content, err := os.ReadFile(index.Path(x.dir))
	if err != nil || len(content) < 10_000 {
		t.Fatalf("%d bytes, %v", len(content), err)
	}
	for _, text := range []string{"alice", "ci-runner", "delete_everything", "SELECT", "roles."} {
		if bytes.Contains(bytes.ToLower(content), []byte(strings.ToLower(text))) {
			t.Errorf("the file has %q", text)
		}
	}
	if n, err := index.Candidates(t.Context(), x.dir, audit.Query{Principal: "alice"}); err != nil || n == 0 {
		t.Errorf("%d candidates, %v", n, err)
	}
}

// Where there is no index, or none is asked, the log is read.
func TestWithoutAnIndex(t *testing.T) {
	t.Parallel()
	x := newFixture(t, true)
	x.fill(t, rand.New(rand.NewPCG(15, 16)), 30)
	if n := x.same(t, audit.Query{Principal: "alice"}); n == 0 || x.out.Len() > 0 {
		t.Errorf("%d records, %s", n, &x.out)
	}
	if s, err := index.Inspect(t.Context(), x.dir); err != nil || s.State != "none" || s.Log == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	nowhere := filepath.Join(t.TempDir(), "audit")
	err := index.Read(t.Context(), nowhere, audit.Query{Principal: "alice"}, slog.New(slog.DiscardHandler), func(*audit.Record) error { return nil })
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no log: %v", err)
	}
}
