package audit_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// chained is the checkpoint that a Doorward of format 5 left beside a log.
func chained(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "audit-00000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	head := sha256.Sum256([]byte(lines[len(lines)-1]))
	return fmt.Sprintf("doorward/x\n%d\n%s\n2026-11-20T12:00:00Z\n", len(lines), base64.StdEncoding.EncodeToString(head[:]))
}

// A log goes on when Doorward is replaced by a newer one, and its earlier
// checkpoints still find a cut tail and another past (DUR-18).
func TestCheckpointsOfEarlierFormatsAreRead(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 3)
	path := filepath.Join(cfg.Dir, "checkpoint")
	earlier := chained(t, cfg.Dir)
	if err := errors.Join(os.Remove(filepath.Join(cfg.Dir, "tree")), os.WriteFile(path, []byte(earlier), 0o600)); err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, cfg.Dir); rep.Proven != rep.Records {
		t.Errorf("proven %d of %d", rep.Proven, rep.Records)
	}
	fillLog(t, accepting(cfg), 1) // that it is not signed
	c, err := audit.ParseCheckpoint(earlier)
	if err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{c}}); err != nil || rep.Proven != rep.Records {
		t.Errorf("proven %d of %d: %v", rep.Proven, rep.Records, err)
	}
	now, err := audit.ReadCheckpoint(path)
	if err != nil || now.Root == "" || now.Note == "" {
		t.Errorf("the checkpoint is still of the earlier form: %+v, %v", now, err)
	}
	c.Head = base64.StdEncoding.EncodeToString(make([]byte, 32))
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{c}}); err == nil {
		t.Error("another past passed")
	}
}

// What was written is changed on disk before a checkpoint covers it: the log stops,
// and says so, and so does the next start.
func TestALogThatIsChangedOnDiskStops(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	if err := call(t.Context(), l, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), l, "b"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"exchange":"b"`, `"exchange":"c"`, 1)
	// In place: another file in its place is found otherwise.
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Checkpoint(t.Context()); err == nil {
		t.Fatal("a checkpoint covers what was changed")
	}
	if err := call(t.Context(), l, "d"); err == nil {
		t.Error("the log goes on")
	}
	if l.Healthy() == nil {
		t.Error("the log says that it is healthy")
	}
	_ = l.Close() // it cannot make its last checkpoint
	if again, err := audit.Open(cfg); err == nil {
		t.Error(errors.Join(errors.New("the log was opened again"), again.Close()))
	}
}

func FuzzCheckpointText(f *testing.F) {
	root := strings.Repeat("A", 43) + "="
	f.Add("doorward/1\n12\n" + root + "\n")
	f.Add("doorward/1\n12\n" + root + "\n\n\u2014 doorward/1 aiM5MNu4wcMmtis3\n")
	f.Add("doorward/1\n12\n" + root + "\n2026-11-20T12:00:00Z\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := audit.ParseCheckpoint(text)
		if err == nil && c.Text() != text {
			t.Errorf("accepted %q, which is written %q", text, c.Text())
		}
	})
}

func FuzzProofText(f *testing.F) {
	root := strings.Repeat("A", 43) + "="
	f.Add("c2sp.org/tlog-proof@v1\nextra e30=\nindex 1\n" + root + "\n\ndoorward/1\n12\n" + root + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := audit.ParseProof(text)
		if err != nil {
			return
		}
		if p.Text() != text {
			t.Errorf("accepted %q, which is written %q", text, p.Text())
		}
		_ = p.Check() // whatever it holds, it ends
	})
}
