package app_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// walk has each file below a gateway's directory, sockets apart. The gateway may run: what
// is gone when it is to be read (a journal, a file that is renamed once it is whole) is
// passed over.
func walk(t testing.TB, dir string, each func(path string) error) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
			err = each(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files below %s: %v", files, dir, err)
	}
}

// copyFiles copies the files of a directory, for their owner alone.
func copyFiles(t testing.TB, from, to string) {
	t.Helper()
	walk(t, from, func(path string) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(to, strings.TrimPrefix(path, from))
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o600))
	})
}
