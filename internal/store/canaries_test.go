package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/store"
)

func canaries(t *testing.T, dir string) *store.Canaries {
	t.Helper()
	c, err := store.OpenCanaries(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCanariesArePlantedAndForgotten(t *testing.T) {
	dir := t.TempDir()
	c := canaries(t, dir)
	made, err := c.Plant("vault", "")
	if err != nil || len(made.Value) != len("tok_")+32 {
		t.Fatalf("planted %+v, %v", made, err)
	}
	if _, err := c.Plant("own", "a value of one's own"); err != nil {
		t.Fatal(err)
	}
	all, err := canaries(t, dir).List()
	if err != nil || len(all) != 2 || all[0] != made || all[1].Value != "a value of one's own" {
		t.Errorf("listed %+v, %v", all, err)
	}
	if err := c.Remove("vault"); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove("vault"); err == nil {
		t.Error("what is not there was removed")
	}
	if all, _ := c.List(); len(all) != 1 || all[0].Name != "own" {
		t.Errorf("listed %+v", all)
	}
	if info, err := os.Stat(filepath.Join(dir, "canaries.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
}

func TestCanariesThatCannotBe(t *testing.T) {
	c := canaries(t, t.TempDir())
	if _, err := c.Plant("there", "a long enough value"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"there": "another long value", "short": "elevenchars", "long": strings.Repeat("x", 513),
		"": "a long enough value", "space": " a long enough value", "line\n": "a long enough value",
	} {
		if made, err := c.Plant(name, value); err == nil {
			t.Errorf("planted %+v", made)
		}
	}
}

func TestCanariesThatCannotBeRead(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON":         `{`,
		"unknown member":  `{"version":1,"canaries":[],"x":1}`,
		"another version": `{"version":2,"canaries":[]}`,
		"a short value":   `{"version":1,"canaries":[{"name":"a","value":"b","created":"2026-01-01T00:00:00Z"}]}`,
		"one name twice":  `{"version":1,"canaries":[{"name":"a","value":"0123456789ab","created":"2026-01-01T00:00:00Z"},{"name":"a","value":"0123456789ac","created":"2026-01-01T00:00:00Z"}]}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "canaries.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenCanaries(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
