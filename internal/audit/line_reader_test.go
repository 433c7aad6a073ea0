package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// smallLog is a log in segments of a few records.
func smallLog(t *testing.T) (*audit.Log, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := audit.Open(audit.Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key"), SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, filepath.Join(dir, "audit")
}

func writeEvents(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Event(context.Background(), gate.Event{Kind: "test", Actor: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// rest reads what there is, and holds every line to the chain.
func rest(t *testing.T, lines *audit.Lines, prev string) (n int, head string) {
	t.Helper()
	for {
		seq := lines.Seq()
		line, ok, err := lines.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return n, prev
		}
		if prev != "" && !contains(line, `"prev":"`+prev+`"`) || !contains(line, fmt.Sprintf(`"seq":%d,`, seq)) {
			t.Fatalf("record %d is %s", seq, line)
		}
		prev = fmt.Sprintf("%x", sha256.Sum256(line))
		n++
	}
}

func contains(line []byte, part string) bool {
	for i := 0; i+len(part) <= len(line); i++ {
		if string(line[i:i+len(part)]) == part {
			return true
		}
	}
	return false
}

func TestLinesFollowTheLog(t *testing.T) {
	l, dir := smallLog(t)
	lines, err := audit.OpenLines(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lines.Close() }()
	total, head := 0, ""
	for range 5 {
		writeEvents(t, l, 40)
		var n int
		n, head = rest(t, lines, head)
		total += n
	}
	if size := l.Stats().Size; uint64(total) != size || lines.Seq() != size+1 {
		t.Errorf("%d lines of %d, the next is %d", total, size, lines.Seq())
	}
	if l.Stats().Segment < 3 {
		t.Errorf("only %d segments", l.Stats().Segment)
	}
}

func TestLinesBeginAnywhere(t *testing.T) {
	l, dir := smallLog(t)
	writeEvents(t, l, 200)
	size := l.Stats().Size
	for seq := range size + 1 {
		lines, err := audit.OpenLines(dir, seq)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := rest(t, lines, ""); uint64(n) != size-max(seq, 1)+1 {
			t.Errorf("from %d there are %d", seq, n)
		}
		_ = lines.Close()
	}
}

func TestLinesThatAreNotThere(t *testing.T) {
	l, dir := smallLog(t)
	writeEvents(t, l, 200)
	size := l.Stats().Size
	lines, err := audit.OpenLines(dir, size+100)
	if err != nil || lines.Seq() != size+1 {
		t.Fatalf("beyond the end: %v", err)
	}
	_ = lines.Close()
	if err := os.Remove(filepath.Join(dir, "audit-00000001.jsonl")); err != nil {
		t.Fatal(err)
	}
	if lines, err = audit.OpenLines(dir, 2); err != nil || lines.Seq() <= 2 {
		t.Fatalf("what was before: %v", err)
	}
	if n, _ := rest(t, lines, ""); n == 0 {
		t.Error("nothing is left")
	}
	_ = lines.Close()
	if _, err := audit.OpenLines(t.TempDir(), 1); err == nil {
		t.Error("an empty directory is a log")
	}
}

// A line that is being written is not read before it is whole, and one that stays
// incomplete although the log went on is a fault.
func TestLinesWaitForAWholeLine(t *testing.T) {
	l, dir := smallLog(t)
	writeEvents(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(dir, "audit-00000001.jsonl")
	whole, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	half := len(whole) - 20
	if err := os.WriteFile(first, whole[:half], 0o600); err != nil {
		t.Fatal(err)
	}
	lines, err := audit.OpenLines(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lines.Close() }()
	if n, _ := rest(t, lines, ""); n != 3 {
		t.Errorf("%d lines before the half one", n)
	}
	f, err := os.OpenFile(first, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(whole[half:]); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n, _ := rest(t, lines, ""); n != 1 {
		t.Errorf("%d lines when it is whole", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit-00000002.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, _ := rest(t, lines, ""); n != 0 {
		t.Errorf("%d lines in an empty segment", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit-00000002.jsonl"), []byte(`{"half`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit-00000003.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lines.Next(); err == nil {
		t.Error("half a line within the log is read over")
	}
}
