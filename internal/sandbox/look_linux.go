package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Look is a file as it is now.
func Look(path string) (File, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return File{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	return File{Path: path, Device: st.Dev, Inode: st.Ino, Size: st.Size, Changed: st.Ctim.Nano()}, nil
}
