package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/config"
)

// A copy of the log is not written over what Doorward keeps, by whatever name.
func TestACopyIsNotInDataDir(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(filepath.Join(data, "audit"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(data, "keys.json"), filepath.Join(data, "audit", "x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"copy.jsonl": true, "data.jsonl": true, "data/../copy": true, "..data/copy": true,
		"data/keys.json": false, "data/audit/audit-00000001.jsonl": false, "data/new": false, "data": false, "link/new": false, "link/audit/new": false, "./else/../data/x": false,
	} {
		file := filepath.Join(dir, "doorward.yaml")
		if err := os.WriteFile(file, []byte("version: 1\ndata_dir: data\naudit: {sinks: [{kind: file, path: "+path+"}]}\nupstreams: {}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "is in data_dir") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
