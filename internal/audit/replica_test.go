package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// Each replica has a chain of its own. When one loses its disk and goes on with an older
// copy, the others verify, and a file with the checkpoints of all says of that one exactly
// which records are gone.
func TestDUR11_OneReplicaLosesItsDisk(t *testing.T) {
	var all []audit.Checkpoint
	var cfgs []audit.Config
	old := filepath.Join(t.TempDir(), "copy")
	for n := range 3 {
		cfg := config(t.TempDir())
		fillLog(t, cfg, 10)
		if n == 1 {
			if err := os.CopyFS(old, os.DirFS(cfg.Dir)); err != nil {
				t.Fatal(err)
			}
		}
		fillLog(t, cfg, 5+n)
		c, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		all, cfgs = append(all, c), append(cfgs, cfg)
	}
	if err := errors.Join(os.RemoveAll(cfgs[1].Dir), os.CopyFS(cfgs[1].Dir, os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	for n, cfg := range cfgs {
		rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: all})
		if n != 1 {
			if err != nil || rep.Elsewhere != rep.Records || rep.Others != 2 {
				t.Errorf("replica %d: %+v, %v", n, rep, err)
			}
			continue
		}
		fault, ok := errors.AsType[*audit.Fault](err)
		const kept = 1 + 2*10
		if want := fmt.Sprintf("a checkpoint has %d records, the log has %d", all[1].Size, kept); !ok || fault.Seq != kept+1 || !strings.Contains(fault.What, want) {
			t.Errorf("the one that lost its disk: %v, want record %d and %q", err, kept+1, want)
		}
	}
}

// A verifier follows no link out of the log that it was given, and opens nothing but files.
func TestDUR20_VerifyStaysInside(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		},
		"a directory":           func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a compressed link":     func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path+".gz")) },
		"a link for the others": func(path string) error { return os.Symlink("/etc/passwd", filepath.Dir(path)+"/audit-00000002.jsonl") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			fillLog(t, cfg, 3)
			if err := make(filepath.Join(cfg.Dir, "audit-00000001.jsonl")); err != nil {
				t.Fatal(err)
			}
			if rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{}); err == nil || strings.Contains(err.Error(), "root:") {
				t.Errorf("%+v, %v", rep, err)
			}
		})
	}
}

// FuzzDUR20Verify: whatever a segment holds, verifying it ends without a panic, and what
// is not a log as it was written is not said to be one.
func FuzzDUR20Verify(f *testing.F) {
	f.Add([]byte(`{"event":"process","format":9,"kind":"start","origin":"x","prev":"00","seq":1}` + "\n"))
	f.Add([]byte(`{"pruned":{"by":"00","first":1,"hashes":"AAAA"}}` + "\n"))
	f.Add([]byte("\x00\n{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "audit-00000001.jsonl"), content)
		rep, err := audit.Verify(t.Context(), dir, audit.Options{})
		if err == nil && (rep.Records == 0 || rep.Bytes != int64(len(content))) {
			t.Errorf("a log of %d bytes verifies: %+v", len(content), rep)
		}
	})
}
