package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/durable"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "key"), filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, path); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "", "second"} {
		if err := durable.Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, stat := os.Lstat(path)
		if err != nil || stat != nil || string(got) != content || info.Mode() != 0o600 {
			t.Errorf("got %q, %v, %v; want %q", got, info, err, content)
		}
	}
	if got, err := os.ReadFile(other); err != nil || string(got) != "kept" {
		t.Errorf("what the link led to: %q, %v", got, err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("the directory has %v, %v", all, err)
	}
}

// What cannot be replaced is as it was, and nothing is left beside it.
func TestReplaceThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("the directory has %v, %v", all, err)
	}
	if err := durable.Replace(filepath.Join(dir, "no", "file"), nil); err == nil {
		t.Error("a file was written where there is no directory")
	}
}

func TestDrop(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".a.json-123", ".b.json-9", ".a.text-1", "a.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	durable.Drop(dir, "*.json")
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 || left[0].Name() != ".a.text-1" || left[1].Name() != "a.json" {
		t.Errorf("left: %v, %v", left, err)
	}
}
