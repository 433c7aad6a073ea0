package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// Every single mutation of a closed log is found (DUR-13, DUR-14, DUR-15).
func TestEveryMutationIsFound(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 8 << 10
	fillLog(t, cfg, 40)
	names, original := segmentsOf(t, cfg.Dir)
	verify(t, cfg.Dir)

	rnd := rand.New(rand.NewPCG(1, 2))
	mutations := map[string]func(lines [][]byte) [][]byte{
		"flip": func(lines [][]byte) [][]byte {
			line := lines[rnd.IntN(len(lines))]
			line[rnd.IntN(len(line))] ^= byte(1 << rnd.IntN(8))
			return lines
		},
		"delete": func(lines [][]byte) [][]byte {
			i := rnd.IntN(len(lines))
			return slices.Delete(lines, i, i+1)
		},
		"duplicate": func(lines [][]byte) [][]byte {
			i := rnd.IntN(len(lines))
			return slices.Insert(lines, i, bytes.Clone(lines[i]))
		},
		"swap": func(lines [][]byte) [][]byte {
			i := rnd.IntN(len(lines) - 1)
			lines[i], lines[i+1] = lines[i+1], lines[i]
			return lines
		},
		"cut tail": func(lines [][]byte) [][]byte { return lines[:rnd.IntN(len(lines))] },
		"cut bytes": func(lines [][]byte) [][]byte {
			last := lines[len(lines)-1]
			lines[len(lines)-1] = last[:rnd.IntN(len(last))]
			return lines
		},
		"insert rehashed": func(lines [][]byte) [][]byte {
			i := 1 + rnd.IntN(len(lines)-1)
			return slices.Insert(lines, i, follow(lines[i-1], lines[i]))
		},
		"edit and rehash to the end": func(lines [][]byte) [][]byte {
			i := 1 + rnd.IntN(len(lines)-1)
			lines[i] = bytes.Replace(lines[i], []byte("api_key"), []byte("api_kee"), 1)
			if bytes.Contains(lines[i], []byte(`"kind":"start"`)) {
				lines[i] = bytes.Replace(lines[i], []byte("doorward/"), []byte("doorword/"), 1)
			}
			for j := i + 1; j < len(lines); j++ {
				lines[j] = rechain(lines[j-1], lines[j])
			}
			return lines
		},
		"renumber": func(lines [][]byte) [][]byte {
			i := rnd.IntN(len(lines))
			lines[i] = bytes.Replace(lines[i], []byte(`"seq":`), []byte(`"seq":1`), 1)
			return lines
		},
	}
	for name, mutate := range mutations {
		t.Run(name, func(t *testing.T) {
			for range 60 {
				k := rnd.IntN(len(names))
				if name == "edit and rehash to the end" {
					k = len(names) - 1 // so that the chain is whole
				}
				lines := bytes.SplitAfter(bytes.Clone(original[k]), []byte("\n"))
				changed := bytes.Join(mutate(lines[:len(lines)-1]), nil)
				if bytes.Equal(changed, original[k]) {
					continue
				}
				write(t, names[k], changed)
				rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{})
				var fault *audit.Fault
				if !errors.As(err, &fault) || rep.Fault != fault {
					t.Fatalf("not found in %s: %v", names[k], err)
				}
				write(t, names[k], original[k])
			}
		})
	}
	for i, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{}); err == nil {
			t.Errorf("segment %d of %d removed: not found", i+1, len(names))
		}
		write(t, name, original[i])
	}
	verify(t, cfg.Dir)
}

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

// follow forges a record with the number of the one at its place and a right
// prev.
func follow(before, line []byte) []byte {
	return bytes.Replace(rechain(before, line), []byte("alice"), []byte("mallo"), 1)
}
