package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// grown is a log with a signed checkpoint after every other of its calls.
func grown(t *testing.T, dir string, n int) (audit.Config, []audit.Checkpoint) {
	t.Helper()
	cfg := config(dir)
	l := open(t, cfg)
	var all []audit.Checkpoint
	for i := range n {
		if err := call(t.Context(), l, fmt.Sprintf("x%d", i)); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			continue
		}
		c, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg, all
}

// DUR-15: a log whose tail was cut, checkpoint and all, is whole by itself, and verify
// says that its end is unproven. Against the checkpoints of an anchor it is found.
func TestACutTailIsFoundFromElsewhere(t *testing.T) {
	cfg, all := grown(t, t.TempDir(), 10)
	var file []byte
	for _, c := range all {
		file = c.AppendText(file)
	}
	_, foreign := grown(t, t.TempDir(), 4)
	path := filepath.Join(t.TempDir(), "checkpoints")
	write(t, path, append(foreign[0].AppendText(nil), file...))
	kept, err := audit.ReadCheckpoints(path)
	if err != nil || len(kept) != len(all)+1 {
		t.Fatalf("read %d: %v", len(kept), err)
	}
	rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: kept})
	if err != nil || rep.Elsewhere != all[len(all)-1].Size || rep.Others != 1 {
		t.Fatalf("proven elsewhere %d, others %d: %v", rep.Elsewhere, rep.Others, err)
	}
	segment := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
	if err := errors.Join(cutLines(segment, 2), os.Remove(filepath.Join(cfg.Dir, "checkpoint")), os.Remove(filepath.Join(cfg.Dir, "tree"))); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{}); err != nil || rep.Elsewhere != 0 || rep.Proven != 0 {
		t.Errorf("by itself it is %+v, %v", rep, err)
	}
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: kept}); err == nil || !strings.Contains(err.Error(), "the tail was cut") {
		t.Errorf("against the anchor: %v", err)
	}
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: foreign}); err == nil || !strings.Contains(err.Error(), "none of the checkpoints is of this log") {
		t.Errorf("against another's: %v", err)
	}
}

// What a witness is shown holds, whatever it has seen before, and nothing is shown of a
// log that is another.
func TestALogIsShownToBeConsistent(t *testing.T) {
	cfg, all := grown(t, t.TempDir(), 10)
	_, foreign := grown(t, t.TempDir(), 30)
	last := all[len(all)-1]
	for from := range last.Size + 1 {
		for _, to := range all {
			proof, err := audit.Consistency(t.Context(), cfg.Dir, from, to)
			switch {
			case from > to.Size && !errors.Is(err, audit.ErrShorter), from <= to.Size && err != nil:
				t.Errorf("from %d to %d: %v", from, to.Size, err)
			case (from == 0 || from == to.Size) && len(proof) > 0, len(proof) > 63:
				t.Errorf("from %d to %d: %d hashes", from, to.Size, len(proof))
			}
		}
	}
	if _, err := audit.Consistency(t.Context(), cfg.Dir, 2, foreign[1]); !errors.Is(err, audit.ErrUnproven) {
		t.Errorf("to another's: %v", err)
	}
	if _, err := audit.Consistency(t.Context(), cfg.Dir, 2, foreign[14]); !errors.Is(err, audit.ErrShorter) {
		t.Errorf("beyond the end: %v", err)
	}
	for c, want := range map[audit.Checkpoint]error{all[0]: nil, last: nil, foreign[0]: audit.ErrUnproven, foreign[14]: audit.ErrShorter} {
		if err := audit.Holds(t.Context(), cfg.Dir, c); !errors.Is(err, want) {
			t.Errorf("holds that of %d records: %v", c.Size, err)
		}
	}
}

// A log that gets another name goes on, and checkpoints of both names are its own.
func TestALogWithTwoNames(t *testing.T) {
	cfg, all := grown(t, t.TempDir(), 4)
	cfg.Origin = "audit.example.com/gateway"
	l := open(t, cfg)
	if err := call(t.Context(), l, "y"); err != nil {
		t.Fatal(err)
	}
	c, err := l.Checkpoint(t.Context())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if c.Origin != cfg.Origin {
		t.Errorf("its name is %s", c.Origin)
	}
	rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: append(all, c)})
	if err != nil || rep.Others != 0 || rep.Elsewhere != c.Size {
		t.Errorf("proven elsewhere %d, others %d: %v", rep.Elsewhere, rep.Others, err)
	}
}

// What Open and the log itself put on record, others are told of.
func TestTheLogTellsWhatItWrites(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 2)
	if err := appendTo(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), `{"actor":"d`); err != nil {
		t.Fatal(err)
	}
	var told []string
	cfg.Written = func(ev gate.Event) { told = append(told, ev.Kind) }
	l := open(t, cfg)
	if _, err := l.ReplaceKey(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, " "); got != "audit.repaired audit.key" {
		t.Errorf("told %q", got)
	}
}

func FuzzCheckpoints(f *testing.F) {
	root := strings.Repeat("A", 43) + "="
	one := "doorward/1\n12\n" + root + "\n\n\u2014 doorward/1 aiM5MNu4wcMmtis3\n"
	f.Add(one)
	f.Add(one + "\n" + one + "\n")
	f.Add(one + "\n" + one[:40])
	f.Add("doorward/1\n12\n" + root + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := audit.ParseCheckpoints(text)
		if err != nil || len(all) == 1 && all[0].Text() == text {
			return
		}
		var again []byte
		for _, c := range all {
			again = c.AppendText(again)
		}
		if rest, ok := strings.CutPrefix(text, string(again)); !ok || strings.Count(rest, "\n\n") > 1 {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}
