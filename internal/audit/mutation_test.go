package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/audit"
)

// split is the lines of a log, by segment.
type split [][][]byte

func (l split) clone() split {
	out := make(split, len(l))
	for i, segment := range l {
		for _, line := range segment {
			out[i] = append(out[i], bytes.Clone(line))
		}
	}
	return out
}

// any is a line at random, from the first on or from the second of its segment on.
func (l split) any(rnd *rand.Rand, from int) (segment, line int) {
	segment = rnd.IntN(len(l))
	return segment, from + rnd.IntN(len(l[segment])-from)
}

// apart is the number of the first record in which two logs differ.
func apart(a, b split) uint64 {
	all, others := slices.Concat(a...), slices.Concat(b...)
	n := 0
	for n < len(all) && n < len(others) && bytes.Equal(all[n], others[n]) {
		n++
	}
	return uint64(n) + 1
}

// mutation is one change of a log.
type mutation struct {
	name   string
	forged bool // nothing within the directory shows it
	change func(rnd *rand.Rand, l split)
}

func mutations() []mutation {
	return []mutation{
		{"flip a bit", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k][i][rnd.IntN(len(l[k][i]))] ^= byte(1 << rnd.IntN(8))
		}},
		{"edit a text", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k][i] = redated(l[k][i])
		}},
		{"delete", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k] = slices.Delete(l[k], i, i+1)
		}},
		{"duplicate", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k] = slices.Insert(l[k], i, bytes.Clone(l[k][i]))
		}},
		{"insert, chained", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 1)
			l[k] = slices.Insert(l[k], i, redated(rechain(l[k][i-1], l[k][i])))
		}},
		{"swap", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 1)
			l[k][i-1], l[k][i] = l[k][i], l[k][i-1]
		}},
		{"swap segments", false, func(rnd *rand.Rand, l split) {
			i, j := rnd.IntN(len(l)), rnd.IntN(len(l)-1)
			if j >= i {
				j++
			}
			l[i], l[j] = l[j], l[i]
		}},
		{"renumber", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k][i] = bytes.Replace(l[k][i], []byte(`"seq":`), []byte(`"seq":1`), 1)
		}},
		{"cut lines", false, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k] = l[k][:i]
		}},
		{"cut bytes", false, func(rnd *rand.Rand, l split) {
			k, _ := l.any(rnd, 0)
			last := &l[k][len(l[k])-1]
			*last = (*last)[:rnd.IntN(len(*last))]
		}},
		{"forge the hashes onward", true, func(rnd *rand.Rand, l split) {
			k, i := l.any(rnd, 0)
			l[k][i] = redated(l[k][i])
			before := l[k][i]
			for ; k < len(l); k, i = k+1, -1 {
				for j := i + 1; j < len(l[k]); j++ {
					l[k][j] = rechain(before, l[k][j])
					before = l[k][j]
				}
			}
		}},
		{"roll back", true, func(rnd *rand.Rand, l split) {
			last := len(l) - 1
			l[last] = l[last][:1+rnd.IntN(len(l[last])-1)]
		}},
	}
}

// redated is a line with another time, which is as good as any.
func redated(line []byte) []byte {
	return bytes.Replace(line, []byte(`"time":"2`), []byte(`"time":"3`), 1)
}

// Every single mutation of a closed log is found, and what is said names the first
// record that is not as it was. What is written anew up to the end is found against a
// checkpoint from elsewhere alone, and named by the tree beside the log. There are
// CRASH_MUTATIONS of them, which `make crash` sets, or 180.
func TestDUR13_DUR14_DUR15_EveryMutationIsFound(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 8 << 10
	fillLog(t, cfg, 40)
	names, original := segmentsOf(t, cfg.Dir)
	beside := filepath.Join(cfg.Dir, "checkpoint")
	saved, err := audit.ReadCheckpoint(beside)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(beside)
	if err != nil {
		t.Fatal(err)
	}
	whole := make(split, len(original))
	for k := range original {
		all := bytes.SplitAfter(original[k], []byte("\n"))
		whole[k] = all[:len(all)-1]
	}
	each := wanted(t, "CRASH_MUTATIONS", 180) / len(mutations())
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, m := range mutations() {
		t.Run(m.name, func(t *testing.T) {
			opt := audit.Options{}
			if m.forged {
				opt.Checkpoints = []audit.Checkpoint{saved}
				if err := os.Remove(beside); err != nil {
					t.Fatal(err)
				}
			}
			for range each {
				changed := whole.clone()
				m.change(rnd, changed)
				put(t, names, changed)
				rep, err := audit.Verify(t.Context(), cfg.Dir, opt)
				fault, ok := errors.AsType[*audit.Fault](err)
				if !ok || rep.Fault != fault {
					t.Fatalf("not found: %v", err)
				}
				if bad := apart(whole, changed); !named(fault, bad) {
					t.Fatalf("record %d is the first that is not as it was; it says: %v", bad, fault)
				}
			}
			put(t, names, whole)
			write(t, beside, text)
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

// named tells whether a fault names a record: as the one at hand, or beside the next: as
// the one that it does not follow, or whose number it has, too.
func named(f *audit.Fault, seq uint64) bool {
	return f.Seq == seq || f.Seq == seq+1 &&
		(strings.Contains(f.What, fmt.Sprintf("record %d ", seq)) || strings.HasSuffix(f.What, fmt.Sprintf("number %d", seq)))
}

// put writes the segments that differ from what is there.
func put(t *testing.T, names []string, l split) {
	t.Helper()
	for k := range names {
		now, err := os.ReadFile(names[k])
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Join(l[k], nil); !bytes.Equal(now, want) {
			write(t, names[k], want)
		}
	}
}

// wanted is a number that the environment may raise.
func wanted(t *testing.T, name string, unless int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return unless
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s = %q", name, text)
	}
	return n
}

// Where the tree beside a forged log does not tell, for it is not there, or was built anew
// over what was forged, a checkpoint says up to which record the past was rewritten.
func TestAForgedLogWithoutItsTree(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 20)
	names, original := segmentsOf(t, cfg.Dir)
	saved, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.SplitAfter(original[0], []byte("\n"))
	whole := split{all[:len(all)-1]}
	for _, m := range mutations() {
		if m.name == "forge the hashes onward" {
			m.change(rand.New(rand.NewPCG(3, 4)), whole)
		}
	}
	put(t, names, whole)
	tree, beside := filepath.Join(cfg.Dir, "tree"), filepath.Join(cfg.Dir, "checkpoint")
	hashes, err := os.ReadFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(beside), os.Remove(tree)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, accepting(cfg)).Close(); err != nil { // builds the tree anew
		t.Fatal(err)
	}
	if err := os.Remove(beside); err != nil {
		t.Fatal(err)
	}
	forged, err := os.ReadFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"none": nil, "cut": hashes[:len(hashes)/2], "built anew": forged} {
		write(t, tree, content)
		_, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{saved}})
		fault, ok := errors.AsType[*audit.Fault](err)
		if !ok || fault.Seq != saved.Size || strings.Contains(fault.What, "tree") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
