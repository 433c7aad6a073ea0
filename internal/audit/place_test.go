package audit_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"doorward/internal/audit"
)

// placed is a log of several segments, and where each record stands.
func placed(t *testing.T) (dir string, all []audit.Place) {
	t.Helper()
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 8 << 10
	fillLog(t, cfg, 30)
	lines, err := audit.OpenLines(cfg.Dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lines.Close() }() // it was read only
	for {
		_, ok, err := lines.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return cfg.Dir, all
		}
		all = append(all, lines.Place())
	}
}

// Numbers from and to are those that Read yields, in both orders, whatever is said to be
// known: a place where another record stands, or none, costs nothing but time.
func TestReadBetweenNumbers(t *testing.T) {
	dir, all := placed(t)
	last := uint64(len(all))
	if all[last-1].Segment < 3 || all[4].Seq != 5 {
		t.Fatalf("the log is %+v", all)
	}
	for _, tc := range []struct{ from, to uint64 }{{0, 0}, {1, 0}, {5, 9}, {last, 0}, {last + 1, 0}, {1, 2}, {7, 7}, {3, last + 9}, {last / 2, last/2 + 20}} {
		var want []uint64
		for seq := max(tc.from, 1); seq <= last && (tc.to == 0 || seq < tc.to); seq++ {
			want = append(want, seq)
		}
		known := []audit.Place{{}}
		for _, p := range all {
			if p.Seq <= tc.from && p.Seq+9 > tc.from {
				known = append(known, p, audit.Place{Seq: p.Seq, Segment: p.Segment, Off: p.Off + 1}, audit.Place{Seq: p.Seq, Segment: p.Segment, Off: 1 << 40})
			}
		}
		for _, k := range known {
			q := audit.Query{From: tc.from, To: tc.to, Known: k}
			if got := seqs(t, dir, q); !slices.Equal(got, want) {
				t.Fatalf("from %d to %d, known %+v: %v", tc.from, tc.to, k, got)
			}
			q.Newest = true
			got := seqs(t, dir, q)
			if slices.Reverse(got); !slices.Equal(got, want) {
				t.Fatalf("from %d to %d, newest first, known %+v: %v", tc.from, tc.to, k, got)
			}
		}
	}
}

// A run is read while every byte of its records is as it was, and not otherwise.
func TestRuns(t *testing.T) {
	dir, all := placed(t)
	path := filepath.Join(dir, "audit-00000002.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	run := audit.Run{Segment: 2, Off: 0, Len: int64(len(text))}
	run.Sum = sha256.Sum256(text)
	runs := audit.Runs{Dir: dir}
	t.Cleanup(func() { _ = runs.Close() })
	var got []uint64
	err = runs.Read(&run, func(n int) bool { return n%2 == 1 }, func(r *audit.Record) error {
		got = append(got, r.Seq)
		return nil
	})
	var want []uint64
	first := slices.IndexFunc(all, func(p audit.Place) bool { return p.Segment == 2 })
	for i := first + 1; i < len(all) && all[i].Segment == 2; i += 2 {
		want = append(want, all[i].Seq)
	}
	if err != nil || !slices.Equal(got, want) || len(want) < 2 {
		t.Errorf("%v, want %v, %v", got, want, err)
	}
	for name, other := range map[string]audit.Run{
		"another segment": {Segment: 3, Len: run.Len, Sum: run.Sum},
		"none":            {Segment: 99, Len: run.Len, Sum: run.Sum},
		"behind the end":  {Segment: 2, Off: 1 << 40, Len: run.Len, Sum: run.Sum},
		"not whole":       {Segment: 2, Len: run.Len - 1, Sum: run.Sum},
		"too long":        {Segment: 2, Len: audit.MaxRun + 1, Sum: run.Sum},
		"nothing":         {Segment: 2, Sum: sha256.Sum256(nil)},
		"before it":       {Segment: 2, Off: -1, Len: run.Len, Sum: run.Sum},
	} {
		if err := runs.Check(&other); !errors.Is(err, audit.ErrMoved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := 0; i < len(text); i += 97 {
		text[i] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := runs.Check(&run); !errors.Is(err, audit.ErrMoved) {
			t.Fatalf("byte %d is another: %v", i, err)
		}
		text[i] ^= 1
	}
}

// Characters that words take for the same have one fold, and no others.
func TestFold(t *testing.T) {
	for _, same := range []string{"aA", "kK\u212a", "sS\u017f", "\u00df\u1e9e", "\u03c3\u03c2\u03a3", "\u01c4\u01c5\u01c6"} {
		folds := map[rune]bool{}
		for _, c := range same {
			folds[audit.Fold(c)] = true
		}
		if len(folds) != 1 {
			t.Errorf("%q: folds %v", same, fmt.Sprint(folds))
		}
	}
	if audit.Fold('i') == audit.Fold('\u0131') || audit.Fold('a') == audit.Fold('b') {
		t.Error("different characters have one fold")
	}
}
