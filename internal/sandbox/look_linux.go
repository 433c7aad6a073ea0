package sandbox

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Look is a file as it is now.
func Look(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return File{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	return looked(path, &st), nil
}

// LookAt is an open file as it is now, whatever its name leads to.
func LookAt(f *os.File) (File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return File{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return looked(f.Name(), &st), nil
}

func looked(path string, st *unix.Stat_t) File {
	return File{Path: path, Device: st.Dev, Inode: st.Ino, Size: st.Size, Changed: st.Ctim.Nano()}
}
