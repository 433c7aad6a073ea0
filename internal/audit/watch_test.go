package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/gate"
)

// A segment that is no longer where the log writes stops the log.
func TestDUR06_ATamperedSegmentStopsTheLog(t *testing.T) {
	for name, tamper := range map[string]func(path string) error{
		"removed": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 10) },
		// As logrotate does with copytruncate: the file stays, and is empty.
		"copied and emptied": func(path string) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".1", text, 0o600), os.Truncate(path, 0))
		},
		// Another file with the same content.
		"swapped": func(path string) error {
			text, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path))
		},
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
		"link": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := Open(Config{Dir: dir, KeyFile: filepath.Join(dir, "key")})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }() // says that the file is gone
			l.watch()
			if err := l.Healthy(); err != nil {
				t.Fatal(err)
			}
			if err := tamper(filepath.Join(dir, segmentName(1))); err != nil {
				t.Fatal(err)
			}
			l.watch()
			if l.Healthy() == nil {
				t.Error("still healthy")
			}
			if err := l.Event(context.Background(), gate.Event{Kind: "test"}); gate.CodeOf(err) != gate.CodeAudit {
				t.Errorf("Event = %v", err)
			}
		})
	}
}

// A directory that cannot be entered for a while stops the log as long as that lasts, and
// then it goes on; a segment that is another by then stops it for good.
func TestDUR06_AHiddenLogWaits(t *testing.T) {
	for name, swap := range map[string]bool{"it comes back": false, "another comes back": true} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "audit")
			l, err := Open(Config{Dir: dir, KeyFile: filepath.Join(top, "key")})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }() // says that the file is another
			event := func() error { return l.Event(t.Context(), gate.Event{Kind: "test"}) }
			// Not a directory: root would enter one that is closed to everybody.
			if err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				l.watch()
				if err := event(); gate.CodeOf(err) != gate.CodeAudit || l.Healthy() == nil {
					t.Errorf("hidden: %v, healthy: %v", err, l.Healthy())
				}
			}
			if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
				t.Fatal(err)
			}
			if path := filepath.Join(dir, segmentName(1)); swap {
				text, err := os.ReadFile(path)
				if err := errors.Join(err, os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
					t.Fatal(err)
				}
			}
			l.watch()
			if err := event(); (err != nil) != swap || (l.Healthy() != nil) != swap {
				t.Errorf("afterwards: %v, healthy: %v", err, l.Healthy())
			}
		})
	}
}

func TestHowFullTheDiskIs(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Config{Dir: dir, KeyFile: filepath.Join(dir, "key")})
	if err != nil {
		t.Fatal(err)
	}
	l.watch()
	if n := l.Stats().DiskUsed; n < 1 || n > 100 {
		t.Errorf("the disk is %d%% full, and has this log on it", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// A log that took no records for a while says so once it writes again, whoever's record was the
// first that it took.
func TestDUR04_TheLogSaysThatItWritesAgain(t *testing.T) {
	for name, busy := range map[string]bool{"nobody calls": false, "a call comes first": true} {
		t.Run(name, func(t *testing.T) {
			f := &faults{}
			cfg := faulty(t, f, Process)
			l, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			event := func() error { return l.Event(t.Context(), gate.Event{Kind: "test"}) }
			for range 2 {
				f.full.Store(true)
				if event() == nil {
					t.Error("a full disk takes a record")
				}
				l.watch()
				f.full.Store(false)
				if busy {
					if err := event(); err != nil {
						t.Error(err)
					}
				}
				l.watch()
				l.watch()
			}
			if err := errors.Join(l.Healthy(), l.Close()); err != nil {
				t.Error(err)
			}
			n := 0
			err = Read(t.Context(), cfg.Dir, Query{Event: "audit.resumed"}, func(*Record) error { n++; return nil })
			if err != nil || n != 2 {
				t.Errorf("it is said %d times of two, %v", n, err)
			}
		})
	}
}
