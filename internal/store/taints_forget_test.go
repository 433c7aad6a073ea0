package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// taintHome is a kind of memory, and every byte of it that is at rest.
type taintHome struct {
	open func() *store.Taints
	rest func() []byte
}

func taintHomes() map[string]func(*testing.T) taintHome {
	return map[string]func(*testing.T) taintHome{
		"file": func(t *testing.T) taintHome {
			t.Helper()
			dir := t.TempDir()
			return taintHome{func() *store.Taints { return fileTaints(t, dir) }, func() []byte {
				content, err := os.ReadFile(filepath.Join(dir, "taints.json"))
				if err != nil {
					t.Fatal(err)
				}
				return content
			}}
		},
		"redis": func(t *testing.T) taintHome {
			t.Helper()
			s := storetest.Redis(t)
			return taintHome{func() *store.Taints { return redisTaints(t, s) }, func() []byte { return fmt.Append(nil, s.Do("KEYS", "*")) }}
		},
	}
}

// plainHash is the hash without a key by which earlier versions named a label.
func plainHash(conversation, label string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(conversation), conversation, label))
	return []byte(hex.EncodeToString(sum[:]))
}

// Whoever guesses a caller, and has no key, finds nothing of them (GDP-07). What an
// earlier version has kept is known until its end, and the later of two ends holds.
func TestTaintsAreNamedUnderAKey(t *testing.T) {
	t.Parallel()
	for name, begin := range taintHomes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := begin(t)
			m, now := home.open(), time.Now()
			add(t, m, "alice")
			if bytes.Contains(home.rest(), plainHash("alice", "private")) {
				t.Errorf("a hash without a key: %s", home.rest())
			}
			long, short := now.Add(3*time.Hour), now.Add(500*time.Millisecond)
			for _, one := range []struct {
				who  string
				what gate.Taint
			}{
				{"alice", gate.Taint{Label: "private", Name: "before", At: now, Until: long}},
				{"bob", gate.Taint{Label: "untrusted", Name: "before", At: now, Until: long}},
				{"carol", gate.Taint{Label: "untrusted", Name: "before", At: now, Until: short}},
			} {
				if err := store.AddPlainTaint(t.Context(), m, one.who, one.what); err != nil {
					t.Fatal(err)
				}
			}
			m = home.open()
			storetest.Until(short.Add(10 * time.Millisecond))
			for who, want := range map[string][]string{"alice": {"private"}, "bob": {"untrusted"}, "carol": nil, "dave": nil} {
				got, _, err := m.Look(t.Context(), who, bothTaints)
				var labels []string
				for _, one := range got {
					labels = append(labels, one.Label)
					if one.Name != "before" {
						t.Errorf("of %s: %+v", who, one)
					}
				}
				if err != nil || !slices.Equal(labels, want) {
					t.Errorf("%s has read %v, %v; want %v", who, labels, err, want)
				}
			}
		})
	}
}

// Of whoever is forgotten nobody knows what they have read, and they are not clean by
// it; nobody else is touched, and a new label is a new one (GDP-03, POL-54).
func TestForgottenInTaints(t *testing.T) {
	t.Parallel()
	for name, begin := range taintHomes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := begin(t)
			m, until := home.open(), time.Now().Add(2*time.Hour)
			add(t, m, "alice")
			add(t, m, "bob")
			if err := store.AddPlainTaint(t.Context(), m, "alice", gate.Taint{Label: "untrusted", Name: "before", Exchange: "x", Until: until}); err != nil {
				t.Fatal(err)
			}
			if n, err := m.Forget(t.Context(), "alice", bothTaints); n != 2 || err != nil {
				t.Fatalf("forgotten: %d, %v", n, err)
			}
			if n, err := m.Forget(t.Context(), "alice", bothTaints); n != 0 || err != nil {
				t.Errorf("again: %d, %v", n, err)
			}
			if n, err := m.Forget(t.Context(), "nobody", bothTaints); n != 0 || err != nil {
				t.Errorf("of nobody: %d, %v", n, err)
			}
			if bytes.Contains(home.rest(), plainHash("alice", "untrusted")) {
				t.Errorf("a hash without a key: %s", home.rest())
			}
			m = home.open()
			got, _, err := m.Look(t.Context(), "alice", bothTaints)
			if err != nil || len(got) != 2 {
				t.Fatalf("alice has read %+v, %v", got, err)
			}
			for _, one := range got {
				if one.Name+one.Upstream+one.Exchange != "" || one.Label == "untrusted" && one.Until.Before(until.Truncate(time.Millisecond)) {
					t.Errorf("%+v", one)
				}
			}
			if got, _, err := m.Look(t.Context(), "bob", bothTaints); err != nil || len(got) != 1 || got[0].Name != "read_secret" {
				t.Errorf("bob has read %+v, %v", got, err)
			}
		})
	}
}
