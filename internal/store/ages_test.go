package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/store"
)

func TestAges(t *testing.T) {
	dir := t.TempDir()
	key := bytes.Repeat([]byte{7}, 32)
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	var never time.Time
	for _, step := range []struct {
		what, name, value  string
		changed, now, want time.Time
	}{
		{"a variable is as old as it was seen", "token", "one", never, day(2), day(2)},
		{"and stays so", "token", "one", never, day(9), day(2)},
		{"another value is new", "token", "two", never, day(10), day(10)},
		{"a file is as old as its change", "file", "one", day(1), day(2), day(1)},
		{"a touched file is as old as its value", "file", "one", day(5), day(6), day(1)},
		{"a file that was older all along", "restored", "one", day(3), day(4), day(3)},
		{"and is seen to be", "restored", "one", day(2), day(5), day(2)},
		{"a changed file is as old as its change", "file", "two", day(7), day(8), day(7)},
		{"a file of tomorrow is of today", "tomorrow", "one", day(20), day(8), day(8)},
		{"one value under two names is two secrets", "other", "two", never, day(12), day(12)},
	} {
		a, err := store.OpenAges(dir, key, true) // as a restart does
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Since(step.name, step.value, step.changed, step.now); err != nil || !got.Equal(step.want) {
			t.Errorf("%s: %v, %v; want %v", step.what, got, err, step.want)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "ages.json"))
	if err != nil || strings.Contains(string(content), "two") {
		t.Errorf("%s, %v", content, err)
	}
	a, err := store.OpenAges(dir, key, true)
	if err != nil {
		t.Fatal(err)
	}
	// What was told is known after a restart, and of the value that it was told of alone.
	if err := errors.Join(a.Tell("file", day(9)), a.Tell("unknown", day(9))); err != nil {
		t.Fatal(err)
	}
	if a, err = store.OpenAges(dir, key, true); err != nil || !a.Told("file").Equal(day(9)) || !a.Told("unknown").IsZero() {
		t.Errorf("told at %v, %v", a.Told("file"), err)
	}
	if _, err := a.Since("file", "two", day(7), day(10)); err != nil || a.Told("file").IsZero() {
		t.Errorf("it is not known to be told any more, %v", err)
	}
	if _, err := a.Since("file", "three", day(10), day(10)); err != nil || !a.Told("file").IsZero() {
		t.Errorf("another value was told of at %v, %v", a.Told("file"), err)
	}
	if err := a.Forget(map[string]bool{"file": true}); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Since("token", "two", never, day(15)); err != nil || !got.Equal(day(15)) {
		t.Errorf("a secret that was gone is as old as %v, %v", got, err)
	}
}

// What cannot be read or written is no age.
func TestAgesThatCannotBeKept(t *testing.T) {
	for name, content := range map[string]string{"no JSON": "{", "another version": `{"version":2}`, "nothing": "null"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ages.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenAges(dir, nil, true); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	dir := filepath.Join(t.TempDir(), "gone")
	a, err := store.OpenAges(dir, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := a.Since("token", "one", time.Time{}, time.Now()); err == nil {
		t.Errorf("an age of %v is kept nowhere", at)
	}
	beside, err := store.OpenAges(dir, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beside.Since("token", "one", time.Time{}, time.Now()); err != nil {
		t.Errorf("a process beside the gateway: %v", err)
	}
}
