//go:build linux || darwin

package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// spaceOf is that of the file system of an open directory.
func spaceOf(dir *os.File) (s space, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return s, err
	}
	size := uint64(st.Bsize) //nolint:gosec,unconvert,nolintlint // its type is another on each system
	return space{bytes: st.Blocks * size, freeBytes: st.Bavail * size, files: st.Files, freeFiles: st.Ffree}, nil
}
