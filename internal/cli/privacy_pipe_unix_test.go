//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/cli"
)

// A pipe in the place of an export, or of a file of one, is refused and not waited for.
func TestAnExportIsNoPipe(t *testing.T) {
	dir := t.TempDir()
	whole, within := filepath.Join(dir, "export.zip"), filepath.Join(dir, "export")
	if err := os.Mkdir(within, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{whole, filepath.Join(within, "manifest.json")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int{whole: 1, within: 3} {
		var out, said bytes.Buffer
		code := cli.Run(t.Context(), cli.Process{
			Args: []string{"privacy", "check", path}, Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" },
		})
		if code != want || !strings.Contains(said.String(), "is no regular file") {
			t.Errorf("%s: exit %d, want %d: %s", path, code, want, said.String())
		}
	}
}
