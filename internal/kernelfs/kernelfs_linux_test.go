package kernelfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/kernelfs"
)

func TestHas(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/proc/self/environ": true, "/proc": true, "/sys": true, mine: false, filepath.Dir(mine): false, "/etc/passwd": false} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := kernelfs.Has(f); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if !kernelfs.Has(f) {
			t.Errorf("%s, closed: it was told what it is", path)
		}
	}
}
