package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

var bothTaints = []string{"private", "untrusted"}

func TestMemoryTaints(t *testing.T) {
	storetest.TestTaints(t, storetest.TaintKind{
		Run: synctest.Test,
		New: func(t *testing.T) storetest.TaintState {
			m, err := store.NewMemoryTaints()
			if err != nil {
				t.Fatal(err)
			}
			return storetest.TaintState{Open: func() storetest.Taints { return m }}
		},
	})
}

func fileTaints(tb testing.TB, dir string) *store.Taints {
	tb.Helper()
	m, err := store.OpenFileTaints(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestFileTaints(t *testing.T) {
	storetest.TestTaints(t, storetest.TaintKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.TaintState {
			dir := t.TempDir()
			return storetest.TaintState{Open: func() storetest.Taints { return fileTaints(t, dir) }}
		},
	})
}

func redisTaints(tb testing.TB, s *storetest.Server) *store.Taints {
	tb.Helper()
	m, err := store.OpenRedisTaints(tb.Context(), openRedis(tb, s.URL()), [32]byte([]byte("an example of a key, of 32 bytes")))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestRedisTaints(t *testing.T) {
	storetest.TestTaints(t, storetest.TaintKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.TaintState {
			s := storetest.Redis(t)
			return storetest.TaintState{Open: func() storetest.Taints { return redisTaints(t, s) }}
		},
	})
}

func tainted(label string) []gate.Taint {
	now := time.Now()
	return []gate.Taint{{Label: label, Upstream: "files", Name: "read_secret", Exchange: "x", At: now, Until: now.Add(time.Hour)}}
}

func add(tb testing.TB, m *store.Taints, conversation string) {
	tb.Helper()
	if err := m.Add(tb.Context(), conversation, tainted("private")); err != nil {
		tb.Fatal(err)
	}
}

// Whatever is done to the file, nobody becomes clean by it: it is an error.
func TestFileTaintsAreSealed(t *testing.T) {
	for name, spoil := range map[string]func(path string, content []byte) error{
		"removed":     func(path string, _ []byte) error { return os.Remove(path) },
		"empty":       func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"cut":         func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) },
		"open to all": func(path string, _ []byte) error { return os.Chmod(path, 0o644) },
		"another version": func(path string, b []byte) error {
			return os.WriteFile(path, bytes.Replace(b, []byte(`"version": 1`), []byte(`"version": 9`), 1), 0o600)
		},
		"a longer life": func(path string, b []byte) error {
			return os.WriteFile(path, bytes.Replace(b, []byte(`"until": 1`), []byte(`"until": 2`), 1), 0o600)
		},
		"another seal": func(path string, b []byte) error {
			at := bytes.Index(b, []byte(`"sealed": "`)) + len(`"sealed": "`) + 30
			b[at] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := fileTaints(t, dir)
			add(t, m, "alice")
			path := filepath.Join(dir, "taints.json")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"alice", "private", "read_secret"} {
				if bytes.Contains(content, []byte(secret)) {
					t.Errorf("the file tells %q", secret)
				}
			}
			if err := spoil(path, content); err != nil {
				t.Fatal(err)
			}
			if got, _, err := m.Look(t.Context(), "alice", bothTaints); err == nil {
				t.Errorf("looked: %+v", got)
			}
		})
	}
}

// A record of one conversation is not that of another (POL-54).
func TestFileTaintsAreNotSwapped(t *testing.T) {
	dir := t.TempDir()
	m := fileTaints(t, dir)
	add(t, m, "alice")
	first, err := os.ReadFile(filepath.Join(dir, "taints.json"))
	if err != nil {
		t.Fatal(err)
	}
	id := func(b []byte) []byte {
		_, rest, _ := bytes.Cut(b, []byte(`"id": "`))
		return rest[:64]
	}
	other := t.TempDir()
	for _, name := range []string{"keys.pepper"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := fileTaints(t, other)
	add(t, n, "bob")
	second, err := os.ReadFile(filepath.Join(other, "taints.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "taints.json"), bytes.Replace(second, id(second), id(first), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _, err := n.Look(t.Context(), "alice", bothTaints); err == nil {
		t.Errorf("bob's record is alice's: %+v", got)
	}
}

// A server that has forgotten, or may have, says since when it knows (POL-54).
func TestRedisTaintsAreLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(s *storetest.Server){
		"flushed":             func(s *storetest.Server) { s.Do("FLUSHALL") },
		"an older snapshot":   func(s *storetest.Server) { s.Stop(); s.Start() },
		"a run that is wrong": func(s *storetest.Server) { s.Do("HSET", "doorward:{taints}:run", "run", "another") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Redis(t)
			m := redisTaints(t, s)
			s.Do("SAVE")
			add(t, m, "alice")
			began := time.Now().Truncate(time.Second)
			lose(s)
			storetest.Eventually(t, 10*time.Second, "the server answers", func() bool { return m.Healthy(t.Context()) == nil })
			if _, since, err := m.Look(t.Context(), "alice", bothTaints); err != nil || since.Before(began) {
				t.Errorf("it has forgotten nothing since %v, %v", since, err)
			}
		})
	}
}

func TestRedisTaintsAreSealed(t *testing.T) {
	t.Parallel()
	s := storetest.Redis(t)
	m := redisTaints(t, s)
	add(t, m, "alice")
	var name string
	for _, key := range s.Do("KEYS", "doorward:{taints}:*").([]any) { //nolint:forcetypeassert // of KEYS
		if k := key.(string); k != "doorward:{taints}:run" { //nolint:forcetypeassert // of KEYS
			name = k
		}
	}
	whole, ok := s.Do("GET", name).(string)
	if !ok || bytes.Contains([]byte(whole), []byte("read_secret")) {
		t.Fatalf("%q holds %q", name, whole)
	}
	for what, text := range map[string]string{
		"short": "1", "no end": "x" + whole[1:], "another end": "2" + whole[1:], "cut": whole[:len(whole)-1],
		"another seal": whole[:40] + string(whole[40]^1) + whole[41:], "large": whole + string(make([]byte, 8<<10)),
	} {
		s.Do("SET", name, text)
		if got, _, err := m.Look(t.Context(), "alice", bothTaints); err == nil {
			t.Errorf("%s: looked: %+v", what, got)
		}
	}
	s.Stop()
	if _, _, err := m.Look(t.Context(), "alice", bothTaints); err == nil {
		t.Error("looked at a server that has ended")
	}
	if err := m.Add(t.Context(), "alice", tainted("private")); err == nil {
		t.Error("added to a server that has ended")
	}
}

// A full memory refuses, and forgets nothing that lives.
func TestTaintsAreBounded(t *testing.T) {
	m, err := store.NewMemoryTaints()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var list []gate.Taint
	for i := range 20_000 {
		list = append(list, gate.Taint{Label: "l" + time.Duration(i).String(), At: now, Until: now.Add(time.Hour)})
	}
	if err := m.Add(t.Context(), "alice", list); err != nil {
		t.Fatal(err)
	}
	if err := m.Add(t.Context(), "bob", tainted("private")); err == nil {
		t.Error("there was room for one more")
	}
	if got, _, err := m.Look(t.Context(), "alice", []string{list[0].Label}); err != nil || len(got) != 1 {
		t.Errorf("the first was forgotten: %v, %v", got, err)
	}
}

func BenchmarkFileTaints(b *testing.B) {
	m := fileTaints(b, b.TempDir())
	if err := m.Add(b.Context(), "alice", append(tainted("private"), tainted("untrusted")...)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := m.Look(b.Context(), "alice", bothTaints); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzTaintsFile: whatever the file says, it says nothing of a conversation that this
// gateway has not written of.
func FuzzTaintsFile(f *testing.F) {
	dir := f.TempDir()
	add(f, fileTaints(f, dir), "alice")
	path := filepath.Join(dir, "taints.json")
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"version":1,"taints":[]}`))
	f.Add([]byte(`{"version":1,"taints":[{"id":"x","until":9e99,"sealed":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := store.OpenFileTaints(dir)
		if err != nil {
			return
		}
		got, _, err := m.Look(t.Context(), "mallory", bothTaints)
		if err == nil && len(got) > 0 {
			t.Errorf("somebody else's file makes mallory %+v", got)
		}
	})
}
