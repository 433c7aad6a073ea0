//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"doorward/internal/load"
)

// A pipe where a file is named is refused, and not waited for.
func TestNamedFilesAreNoPipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = os.WriteFile(path, nil, 0o600) }) // lets whoever waits for it go on
	defer late.Stop()
	for name, read := range map[string]func() error{
		"questions of docs eval": func() error { _, err := readQuestions(path); return err },
		"load --ca": func() error {
			f := loadFlags{ca: path, eras: "both"}
			return f.complete(&load.Options{})
		},
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
