package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"doorward/internal/builtin/files"
)

// A move out of a directory that may not be written leaves no second name behind.
func TestRenameOutOfWhatMayNotBeWritten(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	if err := errors.Join(os.WriteFile(filepath.Join(dirs[0], "f"), []byte("stays"), 0o600), os.Chmod(filepath.Join(dirs[0], "f"), 0o666), os.Chmod(dirs[0], 0o555), os.Chmod(dirs[1], 0o777)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dirs[0], 0o700) })
	var open [2]*os.File
	for i, dir := range dirs {
		var err error
		if open[i], err = os.Open(dir); err != nil {
			t.Fatal(err)
		}
		defer open[i].Close()
	}
	moved := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this, and its user with it
		if os.Geteuid() == 0 {
			if err := unix.Setfsuid(65534); err != nil { // or root may write it
				moved <- err
				return
			}
		}
		moved <- files.RenamePlainly(open[0], "f", open[1], "g")
	}()
	if err := <-moved; !errors.Is(err, unix.EACCES) {
		t.Errorf("the move: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(dirs[0], "f")); string(got) != "stays" {
		t.Errorf("the file: %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(dirs[1], "g")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the new name: %v", err)
	}
}
