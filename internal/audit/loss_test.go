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

// lostOf has a log refused because something is lost, and changes nothing by that.
func lostOf(t *testing.T, cfg audit.Config, what audit.Lost) {
	t.Helper()
	for range 2 {
		l, err := audit.Open(cfg)
		if err == nil {
			t.Fatal(errors.Join(errors.New("it opens without its "+string(what)), l.Close()))
		}
		lost, ok := errors.AsType[*audit.LostError](err)
		if !ok || lost.What != what || !strings.Contains(err.Error(), "doorward audit accept-loss "+string(what)) {
			t.Fatalf("lost is not the %s: %v", what, err)
		}
	}
}

// forge changes a record, and all the hashes after it.
func forge(t *testing.T, cfg audit.Config) {
	t.Helper()
	names, content := segmentsOf(t, cfg.Dir)
	lines := bytes.SplitAfter(content[0], []byte("\n"))
	lines[2] = bytes.Replace(lines[2], []byte("files"), []byte("filez"), 1)
	for i := 3; i < len(lines)-1; i++ {
		lines[i] = rechain(lines[i-1], lines[i])
	}
	write(t, names[0], bytes.Join(lines, nil))
}

func remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// A log is not signed on nobody's word: one whose checkpoint is gone, is another's, or is
// an earlier one, is refused until an operator has accepted that, which is on record.
func TestALogIsNotSignedWithoutItsCheckpoint(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, cfg audit.Config, old []byte){
		"forged, and the checkpoint is gone with the tree": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			forge(t, cfg)
			remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(cfg.Dir, "tree"))
		},
		"cut, and the checkpoint is gone": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			if err := cutLines(filepath.Join(cfg.Dir, "audit-00000001.jsonl"), 4); err != nil {
				t.Fatal(err)
			}
			remove(t, filepath.Join(cfg.Dir, "checkpoint"))
		},
		"cut to what a first start writes, and the checkpoint is gone": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			path := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
			write(t, path, bytes.SplitAfter(contentOf(t, path), []byte("\n"))[0])
			remove(t, filepath.Join(cfg.Dir, "checkpoint"))
		},
		"all records and the checkpoint are gone": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(cfg.Dir, "audit-00000001.jsonl"))
		},
		"forged, under a checkpoint that nobody signed": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			forge(t, cfg)
			rep, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{})
			if err == nil {
				t.Fatal("what was forged verifies")
			}
			remove(t, filepath.Join(cfg.Dir, "tree"))
			c := audit.Checkpoint{Origin: rep.Origin, Size: rep.Records, Root: rep.Root}
			if err := audit.WriteCheckpoint(filepath.Join(cfg.Dir, "checkpoint"), c); err != nil {
				t.Fatal(err)
			}
		},
		"forged, under a checkpoint of another key": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			c, err := audit.ReadCheckpoint(filepath.Join(cfg.Dir, "checkpoint"))
			if err != nil {
				t.Fatal(err)
			}
			private, _, err := note.GenerateKey(rand.Reader, c.Origin)
			if err != nil {
				t.Fatal(err)
			}
			s, err := note.NewSigner(private)
			if err != nil {
				t.Fatal(err)
			}
			text, err := note.Sign(&note.Note{Text: c.Origin + "\n1\n" + c.Root + "\n"}, s)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(cfg.Dir, "checkpoint"), text)
		},
		"forged, under an earlier checkpoint": func(t *testing.T, cfg audit.Config, old []byte) {
			t.Helper()
			forge(t, cfg)
			remove(t, filepath.Join(cfg.Dir, "tree"))
			write(t, filepath.Join(cfg.Dir, "checkpoint"), old)
		},
		"what is no checkpoint": func(t *testing.T, cfg audit.Config, _ []byte) {
			t.Helper()
			write(t, filepath.Join(cfg.Dir, "checkpoint"), []byte("x"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t.TempDir())
			l := open(t, cfg)
			old := contentOf(t, filepath.Join(cfg.Dir, "checkpoint"))
			closed(t, l)
			fillLog(t, cfg, 5)
			attack(t, cfg, old)
			segment := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
			before, _ := os.ReadFile(segment) // it may be gone
			lostOf(t, cfg, audit.LostCheckpoint)
			if got, _ := os.ReadFile(segment); !bytes.Equal(got, before) {
				t.Error("what was refused was changed")
			}
		})
	}
}

// What an operator has accepted is on record before anything is signed, and the log goes
// on; with nothing lost nothing is accepted.
func TestALossIsAcceptedOnRecord(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 5)
	remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(filepath.Dir(cfg.Dir), "audit.signer"))
	other := cfg
	other.Accept = &audit.Acceptance{What: []audit.Lost{audit.LostCheckpoint}}
	lostOf(t, other, audit.LostSigner)
	l := open(t, accepting(cfg))
	if got, want := l.Accepted(), []audit.Lost{audit.LostSigner, audit.LostCheckpoint}; !slices.Equal(got, want) {
		t.Errorf("accepted: %q", got)
	}
	closed(t, l)
	var said []string
	for _, r := range read(t, cfg.Dir, audit.Query{Event: audit.EventLoss}) {
		said = append(said, r.Actor+" "+r.Detail)
	}
	if want := []string{"uid:1 signer a test", "uid:1 checkpoint a test"}; !slices.Equal(said, want) {
		t.Errorf("on record: %q", said)
	}
	l = open(t, accepting(cfg))
	if got := l.Accepted(); got != nil {
		t.Errorf("accepted with nothing lost: %q", got)
	}
	closed(t, l)
	fillLog(t, cfg, 1)
	remove(t, cfg.KeyFile)
	lostOf(t, cfg, audit.LostArguments)
	fillLog(t, accepting(cfg), 1)
}

// A file of keys that was removed, emptied, cut or taken from another log is noticed, for
// records name keys that it does not have; what erased people had is not among them.
func TestLostKeysOfPeopleAreNoticed(t *testing.T) {
	other := config(t.TempDir())
	fillLog(t, other, 1)
	for name, change := range map[string]func(whole []byte) []byte{
		"emptied":          func([]byte) []byte { return nil },
		"cut to one entry": func(whole []byte) []byte { return whole[:128] },
		"another's":        func([]byte) []byte { return contentOf(t, subjectsOf(other)) },
		"removed":          nil,
	} {
		for _, every := range []uint64{0, 1} { // whether alice is behind a mark, or before it
			t.Run(name, func(t *testing.T) {
				cfg := config(t.TempDir())
				cfg.MarkEvery(every)
				l := open(t, cfg)
				if every > 0 {
					if _, err := l.Checkpoint(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := errors.Join(l.Intent(t.Context(), by("a", "alice")), l.Intent(t.Context(), by("b", "bob")), l.Intent(t.Context(), by("c", "carol"))); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Erase(t.Context(), keyring(t, cfg.Dir).Of("bob"), "Art. 17(1)(b)", "uid:0"); err != nil {
					t.Fatal(err)
				}
				closed(t, l)
				for range 2 {
					closed(t, open(t, cfg))
				}
				whole := contentOf(t, subjectsOf(cfg))
				remove(t, subjectsOf(cfg))
				if change != nil {
					write(t, subjectsOf(cfg), change(whole))
				}
				lostOf(t, cfg, audit.LostPersons)
				write(t, subjectsOf(cfg), whole)
				closed(t, open(t, cfg))
				remove(t, subjectsOf(cfg))
				closed(t, open(t, accepting(cfg)))
				for range 2 {
					closed(t, open(t, cfg))
				}
			})
		}
	}
}

// Whichever key is taken out, it is missed; of the mark, nothing is lost but time.
func TestOneLostKeyIsNoticed(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	people := []string{"alice", "bob", "carol"}
	for _, who := range people {
		if err := l.Intent(t.Context(), by(who, who)); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, l)
	whole := contentOf(t, subjectsOf(cfg))
	missed := 0
	for at := 0; at < len(whole); at += 128 {
		write(t, subjectsOf(cfg), append(bytes.Clone(whole[:at]), whole[at+128:]...))
		l, err := audit.Open(cfg)
		if err == nil {
			closed(t, l)
			continue
		}
		lostOf(t, cfg, audit.LostPersons)
		missed++
	}
	if missed != len(people) {
		t.Errorf("%d keys are missed, of %d", missed, len(people))
	}
}

// The installation's key is known again.
func TestAnotherKeyOfTheInstallationIsNoticed(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	write(t, cfg.KeyFile, bytes.Repeat([]byte{7}, 32))
	lostOf(t, cfg, audit.LostArguments)
}

// A start that dies before the first checkpoint has not lost one.
func TestAFirstStartMayDie(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	first := bytes.SplitAfter(contentOf(t, filepath.Join(cfg.Dir, "audit-00000001.jsonl")), []byte("\n"))[0]
	closed(t, l)
	for range 3 {
		write(t, filepath.Join(cfg.Dir, "audit-00000001.jsonl"), first)
		remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(cfg.Dir, "tree"), subjectsOf(cfg))
		closed(t, open(t, cfg))
	}
}

// A log of a format that had no signer, and its checkpoint that nobody signed, are not
// signed in the place of a log that has been marked.
func TestALogOfAnEarlierFormatIsNoWayAround(t *testing.T) {
	cfg := config(t.TempDir())
	closed(t, open(t, cfg))
	remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(cfg.Dir, "tree"), filepath.Join(filepath.Dir(cfg.Dir), "audit.signer"))
	write(t, filepath.Join(cfg.Dir, "audit-00000001.jsonl"), contentOf(t, filepath.Join("testdata", "format3", "audit-00000001.jsonl")))
	rep := verify(t, cfg.Dir)
	if err := audit.WriteCheckpoint(filepath.Join(cfg.Dir, "checkpoint"), audit.Checkpoint{Origin: rep.Origin, Size: rep.Records, Root: rep.Root}); err != nil {
		t.Fatal(err)
	}
	lostOf(t, cfg, audit.LostSigner)
}

// A key that is made anew because its loss was accepted does not stay where the log is
// refused for something else: its loss would never be on record.
func TestALossThatIsNotOnRecordIsNotAccepted(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 5)
	remove(t, filepath.Join(cfg.Dir, "checkpoint"), filepath.Join(filepath.Dir(cfg.Dir), "audit.signer"), cfg.KeyFile)
	for _, one := range []struct{ accepted, lost audit.Lost }{{audit.LostArguments, audit.LostSigner}, {audit.LostSigner, audit.LostArguments}} {
		other := cfg
		other.Accept = &audit.Acceptance{What: []audit.Lost{one.accepted}}
		lostOf(t, other, one.lost)
	}
	other := cfg
	other.Accept = &audit.Acceptance{What: []audit.Lost{audit.LostArguments, audit.LostSigner}}
	lostOf(t, other, audit.LostCheckpoint)
	closed(t, open(t, accepting(cfg)))
	if got := len(read(t, cfg.Dir, audit.Query{Event: audit.EventLoss})); got != 3 {
		t.Errorf("%d losses are on record", got)
	}
}

// What was accepted is on record for as long as the log.
func TestALossStaysOnRecord(t *testing.T) {
	for _, kind := range []string{audit.EventLoss, audit.EventAccepted} {
		if got := audit.ClassOf(&audit.Record{Kind: audit.KindEvent, Event: kind}); got != audit.Lasting {
			t.Errorf("%s is one of %s", kind, got)
		}
	}
}
