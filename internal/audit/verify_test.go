package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
)

func TestASavedCheckpointFindsARewrittenLog(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	if err := call(t.Context(), l, "a"); err != nil {
		t.Fatal(err)
	}
	saved, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(call(t.Context(), l, "b"), l.Close()); err != nil {
		t.Fatal(err)
	}
	rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{saved}})
	if err != nil || rep.Proven != rep.Records {
		t.Fatalf("untouched: %+v, %v", rep, err)
	}
	other := config(t.TempDir())
	fillLog(t, other, 5)
	if _, err := audit.Verify(t.Context(), other.Dir, audit.Options{Checkpoints: []audit.Checkpoint{saved}}); err == nil {
		t.Error("another log passed for the one with the checkpoint")
	}
	err = errors.Join(os.Remove(filepath.Join(cfg.Dir, "checkpoint")), cutLines(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), 4))
	if err != nil {
		t.Fatal(err)
	}
	rep, err = audit.Verify(t.Context(), cfg.Dir, audit.Options{})
	if err != nil || rep.Proven != 0 {
		t.Errorf("without any checkpoint: proven %d of %d, %v", rep.Proven, rep.Records, err)
	}
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{saved}}); err == nil {
		t.Error("a cut tail passed against a saved checkpoint")
	}
}

func TestCheckpointText(t *testing.T) {
	cfg := config(t.TempDir())
	c, err := open(t, cfg).Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := audit.ParseCheckpoint(c.Text())
	if err != nil || got != c {
		t.Errorf("got %+v, %v; want %+v", got, err, c)
	}
	body, _, _ := strings.Cut(c.Text(), "\n\n")
	for i := range len(c.Text()) {
		if i == len(body)+1 {
			continue // a checkpoint without its signature is one, too
		}
		if _, err := audit.ParseCheckpoint(c.Text()[:i]); err == nil {
			t.Errorf("accepted the first %d bytes", i)
		}
	}
}

func TestNoLogIsAFault(t *testing.T) {
	if _, err := audit.Verify(t.Context(), t.TempDir(), audit.Options{}); err == nil {
		t.Error("an empty directory passed for a log")
	}
}

func TestUnansweredIntentsAreCounted(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	for i := range 30 {
		if err := l.Intent(t.Context(), exchange(fmt.Sprintf("x%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Outcome(t.Context(), exchange("x0"), done()); err != nil {
		t.Fatal(err)
	}
	rep := verify(t, cfg.Dir)
	if rep.Unanswered != 29 || len(rep.Examples) != 20 || rep.Examples[0] != "x1" {
		t.Errorf("unanswered %d, examples %v", rep.Unanswered, rep.Examples)
	}
}

func segmentsOf(t *testing.T, dir string) (names []string, content [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segments: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, text)
	}
	return names, content
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rechain gives line the prev that follows from before.
func rechain(before, line []byte) []byte {
	sum := sha256.Sum256(bytes.TrimSuffix(before, []byte("\n")))
	line = bytes.Clone(line)
	at := bytes.Index(line, []byte(`"prev":"`)) + len(`"prev":"`)
	hex.Encode(line[at:], sum[:])
	return line
}
