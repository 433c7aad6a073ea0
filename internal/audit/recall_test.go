package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// told puts events on record, each a kind, a status and a detail.
func told(t *testing.T, l *audit.Log, all ...[3]string) {
	t.Helper()
	for _, e := range all {
		if err := l.Event(t.Context(), gate.Event{Kind: e[0], Status: e[1], Detail: e[2], Actor: "uid:1"}); err != nil {
			t.Fatal(err)
		}
	}
}

func closed(t *testing.T, l *audit.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// stands is what the log of a configuration says after a restart.
func stands(t *testing.T, cfg audit.Config) (holds map[string]bool, owed audit.Owed) {
	t.Helper()
	l := open(t, cfg)
	holds, owed = l.Holds(), l.Owed()
	closed(t, l)
	return holds, owed
}

func subjectsOf(cfg audit.Config) string {
	return filepath.Join(filepath.Dir(cfg.Dir), "audit.subjects")
}

// What the log says of lists is counted: what was begun, without what failed, and
// nothing that came before somebody accepted the loss.
func TestWhatIsOwed(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	told(t, l, [3]string{"incident.open", "begun", "inc_1 high"}, [3]string{"incident.contain", "begun", "inc_1 tool x"},
		[3]string{"incident.contain", "failed", "inc_1 tool x"}, [3]string{"identity.revoke", "begun", "subject of x"},
		[3]string{"identity.revoke", "failed", "subject of x"}, [3]string{"incident.note", "begun", "inc_1"},
		[3]string{audit.EventWritten, "ok", "keys 3"}, [3]string{audit.EventWritten, "ok", "keys 12"}, [3]string{audit.EventWritten, "ok", "keys 7"},
		[3]string{audit.EventWritten, "ok", "incidents 1"}, [3]string{audit.EventWritten, "ok", "others 4"}, [3]string{audit.EventWritten, "ok", "revocations x"})
	closed(t, l)
	want := audit.Owed{Incidents: 1, Written: audit.Generations{Incidents: 1, Keys: 12}}
	for range 2 {
		if _, got := stands(t, cfg); got != want {
			t.Errorf("owed: %+v, want %+v", got, want)
		}
	}
	l = open(t, cfg)
	told(t, l, [3]string{audit.EventAccepted, "begun", audit.ListIncidents}, [3]string{"identity.revoke", "begun", "token"},
		[3]string{audit.EventAccepted, "begun", audit.ListKeys}, [3]string{audit.EventWritten, "ok", "keys 2"})
	closed(t, l)
	// What was accepted counts once the list is written that goes on: it is newer than any.
	if _, got := stands(t, cfg); got != (audit.Owed{Revocations: 1, Written: want.Written, Accepted: 2}) {
		t.Errorf("owed after the loss was accepted: %+v", got)
	}
	l = open(t, cfg)
	told(t, l, [3]string{audit.EventInForce, "ok", "2"}, [3]string{audit.EventAccepted, "begun", audit.ListKeys}, [3]string{audit.EventAccepted, "failed", audit.ListKeys})
	closed(t, l)
	if _, got := stands(t, cfg); got.Accepted != 0 {
		t.Errorf("accepted since that was said: %+v", got)
	}
}

// marked is a log of which a mark says that h_1 is held, with a record of that which
// somebody has changed since: who reads it all does not see the hold.
func marked(t *testing.T) audit.Config {
	t.Helper()
	cfg := config(t.TempDir())
	cfg.MarkEvery(1)
	l := open(t, cfg)
	told(t, l, [3]string{audit.EventHold, "begun", "h_1 why"}, [3]string{"incident.open", "begun", "inc_1 high"})
	for i := range 20 {
		if err := call(t.Context(), l, fmt.Sprintf("x%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, l)
	names, content := segmentsOf(t, cfg.Dir)
	write(t, names[0], bytes.Replace(content[0], []byte("privacy.hold"), []byte("privacy.hola"), 1))
	return cfg
}

// A start goes on from the mark in the file of keys, without the records before it. One
// that is torn or that the log does not confirm is no mark: the log is read whole.
func TestAMarkSparesReadingTheLog(t *testing.T) {
	held := map[string]bool{"h_1": true}
	t.Run("the log confirms it", func(t *testing.T) {
		cfg := marked(t)
		for range 2 {
			if got, owed := stands(t, cfg); !cmp.Equal(got, held) || owed.Incidents != 1 {
				t.Errorf("%v is held, owed: %+v", got, owed)
			}
		}
	})
	t.Run("it is torn", func(t *testing.T) {
		cfg := marked(t)
		whole := contentOf(t, subjectsOf(cfg))
		entries, torn := len(whole)/128, 0
		for n := range entries {
			changed := bytes.Clone(whole)
			changed[n*128+48+20] ^= 1 // in what is sealed
			write(t, subjectsOf(cfg), changed)
			got, owed := stands(t, cfg)
			if owed.Incidents != 1 {
				t.Errorf("entry %d of %d: owed: %+v", n, entries, owed)
			}
			if len(got) == 0 {
				torn++
			}
		}
		if keys := 1; torn != entries-keys {
			t.Errorf("of %d entries, each torn once, %d are of the mark", entries, torn)
		}
	})
	t.Run("it is of another log", func(t *testing.T) {
		cfg := marked(t)
		if err := os.Rename(cfg.Dir, cfg.Dir+".old"); err != nil {
			t.Fatal(err)
		}
		fillLog(t, cfg, 30)
		if got, owed := stands(t, cfg); len(got) > 0 || owed != (audit.Owed{}) {
			t.Errorf("%v is held, owed: %+v", got, owed)
		}
	})
	t.Run("its record was written anew", func(t *testing.T) {
		cfg := marked(t)
		names, content := segmentsOf(t, cfg.Dir)
		lines := bytes.SplitAfter(content[0], []byte("\n"))
		for i := 2; i < len(lines)-1; i++ {
			lines[i] = rechain(lines[i-1], lines[i])
		}
		write(t, names[0], bytes.Join(lines, nil))
		for _, name := range []string{"checkpoint", "tree"} {
			if err := os.Remove(filepath.Join(cfg.Dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if got, owed := stands(t, accepting(cfg)); len(got) > 0 || owed.Incidents != 1 {
			t.Errorf("%v is held, owed: %+v", got, owed)
		}
	})
}

// A file of keys from a backup has an earlier mark: what was said since is read, and
// whoever was erased since is erased again.
func TestAMarkFromABackup(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.MarkEvery(1)
	l := open(t, cfg)
	told(t, l, [3]string{audit.EventHold, "begun", "h_1 why"}, [3]string{audit.EventHold, "begun", "h_2 why"})
	if err := errors.Join(l.Intent(t.Context(), by("a", "alice")), l.Intent(t.Context(), by("b", "bob"))); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(filepath.Dir(cfg.Dir), "audit")
	keys, root := contentOf(t, base+".subjects"), contentOf(t, base+".root")
	told(t, l, [3]string{audit.EventRelease, "begun", "h_1 why"})
	if _, err := l.Erase(t.Context(), keyring(t, cfg.Dir).Of("alice"), "Art. 17(1)(b)", "uid:0"); err != nil {
		t.Fatal(err)
	}
	closed(t, l)
	for range 2 {
		if got, _ := stands(t, cfg); !cmp.Equal(got, map[string]bool{"h_2": true}) {
			t.Errorf("%v is held", got)
		}
	}
	write(t, base+".subjects", keys)
	write(t, base+".root", root)
	for range 2 {
		if got, _ := stands(t, cfg); !cmp.Equal(got, map[string]bool{"h_2": true}) {
			t.Errorf("with a backup %v is held", got)
		}
		if err := firstOf(t, cfg.Dir, "a"); !errors.Is(err, audit.ErrErased) {
			t.Errorf("with a backup alice is: %v", err)
		}
		if err := firstOf(t, cfg.Dir, "b"); err != nil {
			t.Errorf("with a backup bob is: %v", err)
		}
	}
}

// A tombstone whose key is still there, because the process died in between, is before no
// mark: the next start destroys the key, however many checkpoints came meanwhile.
func TestNoMarkIsBehindAKeyThatShouldBeGone(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.MarkEvery(1)
	l := open(t, cfg)
	if err := l.Intent(t.Context(), by("a", "alice")); err != nil {
		t.Fatal(err)
	}
	told(t, l, [3]string{"privacy.erase", "ok", keyring(t, cfg.Dir).Of("alice")[0].String() + " Art. 17(1)(b)"})
	for i := range 3 {
		if err := call(t.Context(), l, fmt.Sprintf("x%d", i)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, l)
	if err := firstOf(t, cfg.Dir, "a"); err != nil {
		t.Fatalf("the key is gone before the next start: %v", err)
	}
	closed(t, open(t, cfg))
	if err := firstOf(t, cfg.Dir, "a"); !errors.Is(err, audit.ErrErased) {
		t.Errorf("after the next start: %v", err)
	}
}
