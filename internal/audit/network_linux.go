package audit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// synchronous is ST_SYNCHRONOUS of statfs(2): the file system is mounted with sync.
const synchronous = 0x10

// keeps is an error where a directory is on a network file system that is not mounted with sync: what
// fsync promises there is its server's, which may lose what it said that it has (async of exports(5)).
func keeps(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("finding out its file system: %w", err)
	}
	if name := lazy(uint32(s.Type), int64(s.Flags)); name != "" { //nolint:gosec,unconvert // 32 bits are all there is; the types are others on other machines
		return fmt.Errorf("it is on %s, which may lose what it said that it has: use a local disk, or mount and export it with sync", name)
	}
	return nil
}

// lazy names the network file system of that type, with these flags of its mount; empty for one that is
// mounted with sync, and for any other.
func lazy(kind uint32, flags int64) string {
	if flags&synchronous != 0 {
		return ""
	}
	switch kind {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	}
	return ""
}
