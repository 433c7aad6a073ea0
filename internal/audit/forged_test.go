package audit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

const firstSegment = "audit-00000001.jsonl"

// prunedLog is a log of which lists and sign-ins were pruned.
func prunedLog(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		writeDays(t, smallSegments(dir), 4)
		time.Sleep(60 * day)
		prune(t, smallSegments(dir), shortKeep())
	})
	return dir
}

// faulty says that the log in a directory has a fault, and which.
func faulty(t *testing.T, dir, what string) {
	t.Helper()
	var fault *audit.Fault
	_, err := audit.Verify(t.Context(), dir, audit.Options{})
	if !errors.As(err, &fault) || !strings.Contains(fault.What, what) {
		t.Errorf("Verify gives %v, want a fault with %q", err, what)
	}
}

// Any byte of a pruned log that is changed is found.
func TestMutationsOfAPrunedLogAreFound(t *testing.T) {
	dir := smallSegments(prunedLog(t)).Dir
	path := filepath.Join(dir, firstSegment)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		text := append([]byte(nil), whole...)
		at := r.IntN(len(text))
		text[at] ^= 1 << r.IntN(7)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Verify(t.Context(), dir, audit.Options{}); err == nil {
			t.Errorf("byte %d was changed to %q, and nobody noticed", at, text[at])
		}
	}
}

// edited writes the first segment of a pruned log anew.
func edited(t *testing.T, dir string, edit func(lines []string) []string) {
	t.Helper()
	path := filepath.Join(dir, firstSegment)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := edit(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// DUR-44: what stands for records that no record says were pruned is found.
func TestForgedRangesAreFound(t *testing.T) {
	whole := prunedLog(t)
	for _, tc := range []struct {
		name, fault string
		edit        func(lines []string) []string
	}{
		{"a range is gone", "the record says it is number", func(l []string) []string {
			at := find(l, `{"pruned":`)
			return append(l[:at:at], l[at+1:]...)
		}},
		{"a record is in no range", "no record under a checkpoint says", func(l []string) []string {
			at := find(l, `"kind":"intent"`)
			l[at], _ = audit.Unchecked(seqOf(l[at]), l[at])
			return l
		}},
		{"a record is in the range of others", "are not those that were pruned", func(l []string) []string {
			at, pruned := find(l, `"kind":"intent"`), l[find(l, `{"pruned":`)]
			alone, _ := audit.Unchecked(seqOf(l[at]), l[at])
			l[at] = pruned[:strings.Index(pruned, `","first"`)] + alone[strings.Index(alone, `","first"`):]
			return l
		}},
		{"a range in the place of a start", "a segment begins with a start record", func(l []string) []string {
			l[0], _ = audit.Unchecked(1, l[0])
			return l
		}},
		{"a range twice", "the pruned records begin with", func(l []string) []string {
			at := find(l, `{"pruned":`)
			return append(l[:at+1:at+1], l[at:]...)
		}},
		{"a range of nothing", "not in canonical form", func(l []string) []string {
			at := find(l, `{"pruned":`)
			l[at] = l[at][:strings.Index(l[at], `"hashes":"`)] + `"hashes":""}}`
			return l
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			dir = smallSegments(dir).Dir
			edited(t, dir, tc.edit)
			faulty(t, dir, tc.fault)
		})
	}
}

func find(lines []string, part string) int {
	for i, line := range lines {
		if strings.Contains(line, part) {
			return i
		}
	}
	return -1
}

func seqOf(line string) uint64 {
	r, err := audit.ParseRecord([]byte(line))
	if err != nil {
		panic(err)
	}
	return r.Seq
}

// A record that says that younger ones were pruned is found by its own words, by what
// stayed before them, and when no checkpoint covers it.
func TestForgedWarrantsAreFound(t *testing.T) {
	for _, tc := range []struct {
		name, fault string
		age, keep   time.Duration // that the record gives the pruned one, and its class
		close       bool
	}{
		{"younger than its class", "which were to be kept for", 0, 400 * day, true},
		{"older than one before it", "one before them is of", 401 * day, 400 * day, true},
		{"under no checkpoint", "no record under a checkpoint says", 0, time.Nanosecond, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := smallSegments(t.TempDir())
				writeDays(t, cfg, 2)
				text, err := os.ReadFile(filepath.Join(cfg.Dir, firstSegment))
				if err != nil {
					t.Fatal(err)
				}
				line := strings.Split(string(text), "\n")
				at := find(line, `"kind":"intent"`)
				r, err := audit.ParseRecord([]byte(line[at]))
				if err != nil {
					t.Fatal(err)
				}
				gap, by := audit.Unchecked(r.Seq, line[at])
				newest := r.Time
				if tc.age > 0 {
					newest = time.Now().Add(-tc.age)
				}
				l := open(t, cfg)
				err = l.Event(t.Context(), gate.Event{Kind: "audit.pruned", Actor: "doorward", Status: "ok", Detail: fmt.Sprintf(
					"segment 1, records %d to %d: 1 pruned, sha256 %x; calls 1 up to %s after %s",
					r.Seq, r.Seq, by, newest.UTC().Format(time.RFC3339Nano), tc.keep)})
				if err != nil {
					t.Fatal(err)
				}
				if tc.close && l.Close() != nil {
					t.Fatal("it does not close")
				}
				edited(t, cfg.Dir, func(l []string) []string {
					l[at] = gap
					return l
				})
				faulty(t, cfg.Dir, tc.fault)
			})
		})
	}
}
