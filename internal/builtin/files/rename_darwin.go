package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// rename moves a name of one directory to one of another that must be free.
func rename(from *os.File, name string, to *os.File, other string) error {
	err := unix.RenameatxNp(int(from.Fd()), name, int(to.Fd()), other, unix.RENAME_EXCL)
	if unable(err) {
		return renamePlainly(from, name, to, other)
	}
	return err
}
