//go:build linux || darwin

package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/builtin/files"
)

// Where the file system has no rename to a free name, a file is moved all the same, and
// nothing is replaced.
func TestRenameWhereNoneIs(t *testing.T) {
	for how, rename := range map[string]func(*os.File, string, *os.File, string) error{"by a second name": files.RenamePlainly, "by a reserved name": files.RenameReserved} {
		t.Run(how, func(t *testing.T) {
			dirs := [2]string{t.TempDir(), t.TempDir()}
			var open [2]*os.File
			for i, dir := range dirs {
				var err error
				if open[i], err = os.Open(dir); err != nil {
					t.Fatal(err)
				}
				defer open[i].Close()
			}
			write := func(at, text string) {
				if err := os.WriteFile(at, []byte(text), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			from, to := filepath.Join(dirs[0], "f"), filepath.Join(dirs[1], "g")
			reads := func(at, want string) {
				t.Helper()
				if got, err := os.ReadFile(at); want == "" && !errors.Is(err, fs.ErrNotExist) || want != "" && string(got) != want {
					t.Errorf("%s: %q, %v; not %q", filepath.Base(at), got, err, want)
				}
			}
			write(from, "moved")
			if err := rename(open[0], "f", open[1], "g"); err != nil {
				t.Fatal(err)
			}
			reads(from, "")
			reads(to, "moved")
			write(from, "second")
			if err := rename(open[0], "f", open[1], "g"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a file: %v", err)
			}
			reads(from, "second")
			reads(to, "moved")
			if err := errors.Join(os.Remove(to), os.Symlink(filepath.Join(dirs[1], "nowhere"), to)); err != nil {
				t.Fatal(err)
			}
			if err := rename(open[0], "f", open[1], "g"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a link: %v", err)
			}
			reads(from, "second")
			reads(filepath.Join(dirs[1], "nowhere"), "")
			if err := rename(open[0], "absent", open[1], "h"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of nothing: %v", err)
			}
			reads(filepath.Join(dirs[1], "h"), "")
		})
	}
}
