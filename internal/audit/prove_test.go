package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"doorward/internal/audit"
)

// Every record has a proof, in whatever state the tree's file is, and a proof of
// anything else fails.
func TestEveryRecordIsProved(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 8 << 10
	fillLog(t, cfg, 40)
	rep := verify(t, cfg.Dir)
	tree := filepath.Join(cfg.Dir, "tree")
	whole, err := os.ReadFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"whole": whole, "cut": whole[:len(whole)/2], "empty": nil, "changed": append([]byte("x"), whole[1:]...),
		"longer": append(slices.Clone(whole), "more"...),
	} {
		t.Run(name, func(t *testing.T) {
			write(t, tree, content)
			for seq := uint64(1); seq <= rep.Records; seq++ {
				p, err := audit.Prove(t.Context(), cfg.Dir, seq)
				if err != nil {
					t.Fatal(err)
				}
				got, err := audit.ParseProof(p.Text())
				if err != nil || got.Check() != nil || got.Text() != p.Text() {
					t.Fatalf("proof of %d: %v, %v", seq, err, got.Check())
				}
			}
		})
	}
	if _, err := audit.Prove(t.Context(), cfg.Dir, rep.Records+1); err == nil {
		t.Error("there is a proof of a record that does not exist")
	}
	p, err := audit.Prove(t.Context(), cfg.Dir, 7)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(p *audit.Proof){
		"another record": func(p *audit.Proof) { p.Line = bytes.Replace(p.Line, []byte("files"), []byte("filez"), 1) },
		"another place":  func(p *audit.Proof) { p.Seq = 8 },
		"another root":   func(p *audit.Proof) { p.Checkpoint.Root = strings.Repeat("A", 43) + "=" },
		"a hash less":    func(p *audit.Proof) { p.Hashes = p.Hashes[1:] },
		"no checkpoint":  func(p *audit.Proof) { p.Checkpoint = audit.Checkpoint{} },
	} {
		q := p
		q.Hashes = slices.Clone(p.Hashes)
		change(&q)
		if err := q.Check(); !errors.Is(err, audit.ErrUnproven) {
			t.Errorf("%s: %v, want ErrUnproven", name, err)
		}
	}
}

// Two histories cannot both go on from one checkpoint (DUR-16).
func TestALogGoesOnFromAnEarlierCheckpoint(t *testing.T) {
	cfg := config(t.TempDir())
	var earlier []audit.Checkpoint
	for range 9 {
		fillLog(t, cfg, 3)
		c, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		earlier = append(earlier, c)
	}
	for _, c := range earlier {
		if _, now, err := audit.Extends(t.Context(), cfg.Dir, c); err != nil || now != earlier[8] {
			t.Errorf("from %d: %v", c.Size, err)
		}
	}
	other := config(t.TempDir())
	fillLog(t, other, 60)
	for _, c := range earlier {
		if _, _, err := audit.Extends(t.Context(), other.Dir, c); !errors.Is(err, audit.ErrUnproven) {
			t.Errorf("another log from %d: %v, want ErrUnproven", c.Size, err)
		}
	}
}

// Keys follow each other on record, and a verifier who knows the first one knows
// them all (DUR-17).
func TestDUR17_KeysFollowEachOther(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 3)
	first := verify(t, cfg.Dir).Keys[0]
	old, err := os.ReadFile(filepath.Join(filepath.Dir(cfg.Dir), "audit.signer"))
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, cfg)
	second, err := l.ReplaceKey(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	third, err := l.ReplaceKey(t.Context(), true)
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Keys: []string{first.Public}})
	if err != nil || len(rep.Keys) != 3 {
		t.Fatalf("keys %+v, %v", rep.Keys, err)
	}
	for i, want := range []string{first.Public, second, third} {
		if k := rep.Keys[i]; k.Public != want || !k.Trusted || (k.Compromised > 0) != (i == 1) {
			t.Errorf("key %d is %+v", i+1, k)
		}
	}
	c, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(third)
	if err != nil || len(c.SignedBy([]note.Verifier{v})) != 1 {
		t.Errorf("the checkpoint is not signed by the third key: %v", err)
	}
	if kept, err := os.ReadFile(filepath.Join(filepath.Dir(cfg.Dir), "audit.signer")); err != nil || bytes.Contains(kept, bytes.TrimSpace(old)) {
		t.Errorf("the old private key is still there: %v", err)
	}
	if err := os.Remove(filepath.Join(cfg.Dir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Keys: []string{first.Public}}); err == nil {
		t.Error("a log without a checkpoint passed for one that a key signed")
	}
	if err := audit.WriteCheckpoint(filepath.Join(cfg.Dir, "checkpoint"), c); err != nil {
		t.Fatal(err)
	}
	other := config(t.TempDir())
	fillLog(t, other, 1)
	stranger := verify(t, other.Dir).Keys[0].Public
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Keys: []string{stranger}}); err == nil {
		t.Error("a log passed for one that another key signs")
	}
}

// A crash between the record of a new key and its file: the next start goes on.
func TestAKeyThatWasBeingReplacedIsAdopted(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	first := verify(t, cfg.Dir).Keys[0].Public
	name, _, _ := strings.Cut(first, "+")
	next, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(cfg.Dir), "audit.signer")
	if err := appendTo(path, "audit.key.compromised "+next+"\n"); err != nil {
		t.Fatal(err)
	}
	fillLog(t, cfg, 1)
	rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Keys: []string{first}})
	if err != nil || len(rep.Keys) != 2 || rep.Keys[1].Public != public || rep.Keys[0].Compromised == 0 {
		t.Errorf("keys %+v, %v", rep.Keys, err)
	}
}

// A lost key is replaced when an operator says so, and whoever verifies is told that
// nothing certifies it.
func TestALostKeyIsSeen(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	first := verify(t, cfg.Dir).Keys[0].Public
	if err := os.Remove(filepath.Join(filepath.Dir(cfg.Dir), "audit.signer")); err != nil {
		t.Fatal(err)
	}
	lostOf(t, cfg, audit.LostSigner)
	fillLog(t, accepting(cfg), 1)
	if rep := verify(t, cfg.Dir); len(rep.Keys) != 2 || !rep.Keys[0].Trusted || rep.Keys[1].Trusted {
		t.Errorf("keys %+v", rep.Keys)
	}
	if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Keys: []string{first}}); err == nil {
		t.Error("a checkpoint of a key that nothing certifies passed")
	}
}
