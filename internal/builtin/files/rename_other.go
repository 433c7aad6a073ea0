//go:build !linux && !darwin

package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// rename moves a name of one directory to one of another that must be free. Here it goes by
// their names, which nobody can give to others while they are open.
func rename(from *os.File, name string, to *os.File, other string) error {
	at := filepath.Join(to.Name(), other)
	if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
		return fs.ErrExist
	}
	return os.Rename(filepath.Join(from.Name(), name), at)
}
