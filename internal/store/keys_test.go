package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/store"
)

func open(tb testing.TB, dir string) *store.Keys {
	tb.Helper()
	k, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = k.Close() })
	return k
}

func closed(tb testing.TB, k *store.Keys) {
	tb.Helper()
	if err := k.Close(); err != nil {
		tb.Error(err)
	}
}

func create(tb testing.TB, k *store.Keys, name string) (string, store.Key) {
	tb.Helper()
	text, key, err := k.Create(store.CreateOptions{Name: name, Roles: []string{"b", "a", "b"}})
	if err != nil {
		tb.Fatal(err)
	}
	return text, key
}

func TestAKeyIsFoundByItsText(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	text, key := create(t, k, "alice")
	if !regexp.MustCompile(`^dw_[A-Za-z0-9_-]{43}$`).MatchString(text) {
		t.Errorf("text has the wrong form")
	}
	if !regexp.MustCompile(`^k_[0-9a-v]{10}$`).MatchString(key.ID) {
		t.Errorf("id = %q", key.ID)
	}
	got, err := k.Lookup(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(key, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got.Roles); diff != "" {
		t.Error(diff)
	}
	for _, file := range []string{"keys.json", "keys.pepper", "keys.lock"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", file, info.Mode().Perm())
		}
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text[3:]) {
			t.Errorf("%s holds the key", file)
		}
	}
}

// A key is judged by all of its text (AUT-30).
func TestAlmostAKeyIsUnknown(t *testing.T) {
	k := open(t, t.TempDir())
	text, _ := create(t, k, "alice")
	for _, wrong := range []string{
		"", "dw_", text[:45], text + "A", " " + text, text + "\n", strings.ToUpper(text), strings.ToLower(text),
		text[3:], "dw_" + strings.Repeat("A", 43), text[:20] + strings.Repeat("x", 26), strings.Replace(text, "dw_", "dx_", 1),
	} {
		if key, err := k.Lookup(wrong); !errors.Is(err, store.ErrUnknown) || key.ID != "" {
			t.Errorf("Lookup(%d bytes) = %+v, %v", len(wrong), key, err)
		}
	}
	if _, err := k.Lookup(text); err != nil {
		t.Error(err)
	}
}

func TestExpiredAndRevokedKeysAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, t.TempDir())
		defer closed(t, k)
		text, _, err := k.Create(store.CreateOptions{Name: "short", Expires: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Lookup(text); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // of the bubble's clock
		if _, err := k.Lookup(text); !errors.Is(err, store.ErrExpired) {
			t.Errorf("after its expiry: %v", err)
		}
		text, _ = create(t, k, "short") // the name is free again
		if err := k.Revoke("short"); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Lookup(text); !errors.Is(err, store.ErrRevoked) {
			t.Errorf("after its revocation: %v", err)
		}
		if err := k.Revoke("short"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("second Revoke: %v", err)
		}
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, t.TempDir())
		defer closed(t, k)
		first, key1 := create(t, k, "alice")
		second, key2, err := k.Rotate("alice", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if key2.Name != "alice" || key2.RotatedFrom != key1.ID || !cmp.Equal(key2.Roles, key1.Roles) {
			t.Errorf("rotated key = %+v", key2)
		}
		for _, text := range []string{first, second} {
			if _, err := k.Lookup(text); err != nil {
				t.Errorf("within the overlap: %v", err)
			}
		}
		if _, _, err := k.Rotate(key1.ID, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("rotating the old one again: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := k.Lookup(first); !errors.Is(err, store.ErrExpired) {
			t.Errorf("after the overlap: %v", err)
		}
		third, _, err := k.Rotate(key2.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Lookup(second); !errors.Is(err, store.ErrRevoked) {
			t.Errorf("without overlap: %v", err)
		}
		fourth, _, err := k.Rotate("alice", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Revoke("alice"); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{third, fourth} {
			if _, err := k.Lookup(text); !errors.Is(err, store.ErrRevoked) {
				t.Errorf("after Revoke by name: %v", err)
			}
		}
	})
}

func TestNamesAreChecked(t *testing.T) {
	k := open(t, t.TempDir())
	create(t, k, "alice")
	if _, _, err := k.Create(store.CreateOptions{Name: "alice"}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("taken name: %v", err)
	}
	for _, name := range []string{"", " a", "a ", "a\nb", "a\u202eb", "a\u200bb", "\xff", "k_0123456789", strings.Repeat("x", 65)} {
		if _, _, err := k.Create(store.CreateOptions{Name: name}); err == nil {
			t.Errorf("accepted the name %q", name)
		}
	}
	if _, _, err := k.Create(store.CreateOptions{Name: "b", Roles: []string{"a\x00"}}); err == nil {
		t.Error("accepted a role that is not printable")
	}
	if _, _, err := k.Create(store.CreateOptions{Name: "b", Expires: time.Now().Add(-time.Hour)}); err == nil {
		t.Error("made a key that has expired already")
	}
	if all, err := k.List(); err != nil || len(all) != 1 {
		t.Errorf("List = %v, %v", all, err)
	}
}

// What the command line does takes effect in a running gateway within a second,
// also for many callers at once after an idle hour.
func TestAnotherProcessTakesEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		gateway, cli := open(t, dir), open(t, dir)
		defer closed(t, gateway)
		defer closed(t, cli)
		text, _ := create(t, cli, "alice")
		time.Sleep(time.Second)
		if _, err := gateway.Lookup(text); err != nil {
			t.Errorf("a second after Create: %v", err)
		}
		if err := cli.Revoke("alice"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := gateway.Lookup(text); !errors.Is(err, store.ErrRevoked) {
					t.Errorf("after an idle hour: %v", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestACorruptFileRefusesEverything(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"garbage": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"version": func(path string) error { return os.WriteFile(path, []byte(`{"version":3,"keys":[]}`), 0o600) },
		"unknown": func(path string) error { return os.WriteFile(path, []byte(`{"version":1,"keys":[],"x":1}`), 0o600) },
		"bad key": func(path string) error {
			return os.WriteFile(path, []byte(`{"version":1,"keys":[{"id":"k_1"}]}`), 0o600)
		},
		"trailing":  func(path string) error { return os.WriteFile(path, []byte(`{"version":1,"keys":[]}{}`), 0o600) },
		"open mode": func(path string) error { return os.Chmod(path, 0o644) },
		"removed":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := open(t, dir)
			text, _ := create(t, k, "alice")
			path := filepath.Join(dir, "keys.json")
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			if err := k.Reload(); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Reload = %v", err)
			}
			for _, candidate := range []string{text, "", "dw_" + strings.Repeat("A", 43)} {
				if _, err := k.Lookup(candidate); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("Lookup = %v", err)
				}
			}
			if k.Healthy() == nil {
				t.Error("says it is healthy")
			}
			if _, _, err := k.Create(store.CreateOptions{Name: "bob"}); err == nil {
				t.Error("Create went over a file that it cannot read")
			}
			if err := errors.Join(os.WriteFile(path, good, 0o600), os.Chmod(path, 0o600), k.Reload()); err != nil {
				t.Fatal(err)
			}
			if _, err := k.Lookup(text); err != nil {
				t.Errorf("after repair: %v", err)
			}
		})
	}
}

func TestALostPepperIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	k := open(t, dir)
	create(t, k, "alice")
	path := filepath.Join(dir, "keys.pepper")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(store.Config{Dir: dir}); err == nil {
		t.Error("opened with a short pepper")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(store.Config{Dir: dir}); err == nil {
		t.Error("opened without the pepper")
	}
}

func TestWritersLoseNothing(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for c := range 8 {
		k := open(t, dir)
		wg.Go(func() {
			for i := range 10 {
				if _, _, err := k.Create(store.CreateOptions{Name: string(rune('a'+c)) + string(rune('a'+i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all, err := open(t, dir).List()
	if err != nil || len(all) != 80 {
		t.Errorf("%d keys, %v", len(all), err)
	}
}

func TestLastUseIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, t.TempDir())
		text, _ := create(t, k, "alice")
		time.Sleep(10 * time.Second)
		if _, err := k.Lookup(text); err != nil {
			t.Fatal(err)
		}
		at := time.Now().UTC().Truncate(time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		all, err := k.List()
		if err != nil || !all[0].LastUsed.Equal(at) {
			t.Errorf("last used %v, want %v (%v)", all[0].LastUsed, at, err)
		}
		if _, err := k.Lookup(text); err != nil {
			t.Fatal(err)
		}
		at = time.Now().UTC().Truncate(time.Second)
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		if all, err = k.List(); err != nil || !all[0].LastUsed.Equal(at) {
			t.Errorf("after Close last used %v, want %v (%v)", all[0].LastUsed, at, err)
		}
	})
}

func TestLookupDoesNotAllocate(t *testing.T) {
	k := open(t, t.TempDir())
	text, _ := create(t, k, "alice")
	n := testing.AllocsPerRun(1000, func() {
		if _, err := k.Lookup(text); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 1 && !raceEnabled {
		t.Errorf("%v allocations per lookup", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	k := open(b, b.TempDir())
	text, _ := create(b, k, "alice")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Lookup(text); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzKeysFile: whatever keys.json holds, opening the store never panics, and a
// file that was not written by it lets no key in.
func FuzzKeysFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[{"id":"k_0123456789","name":"a","roles":[],"hash":"` + strings.Repeat("ab", 32) + `","created":"2026-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":2,"keys":[{"id":"k_0123456789","name":"a","roles":[],"hash":"` + strings.Repeat("ab", 32) +
		`","created":"2026-01-01T00:00:00Z","signing":"` + strings.Repeat("A", 80) + `"}]}`))
	dir := f.TempDir()
	text, _ := create(f, open(f, dir), "alice")
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "keys.pepper"), make([]byte, 32), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "keys.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			return
		}
		defer closed(t, k)
		if _, err := k.Lookup(text); err == nil {
			t.Error("let a key in")
		}
	})
}

// TestNeverUsed: a key that nobody has used has no time of last use, after a
// restart either.
func TestNeverUsed(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		k, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if keys, _ := k.List(); len(keys) == 0 {
			if _, _, err := k.Create(store.CreateOptions{Name: "idle"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		keys, err := k.List()
		if err != nil || len(keys) != 1 || !keys[0].LastUsed.IsZero() {
			t.Fatalf("got %+v, %v", keys, err)
		}
	}
}

// A pepper that somebody has put zeros in protects nothing (AUT-47).
func TestAPepperThatIsNotRandom(t *testing.T) {
	for _, b := range []byte{0, 'a'} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "keys.pepper"), bytes.Repeat([]byte{b}, 32), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := store.Open(store.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is not random") {
			t.Errorf("%q: %v, %v", b, k, err)
		}
	}
}
