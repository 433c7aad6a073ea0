package audit

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keeps is an error where a log's directory is on a network file system (DUR-42). There fsync asks the
// server, which may say that it has what it would lose: as one that exports with async does (exports(5)).
// No client can find that out, and how it has mounted the file system says nothing of it.
func keeps(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("finding out its file system: %w", err)
	}
	if name := networked(uint32(s.Type)); name != "" { //nolint:gosec // 32 bits are all there is; the types are others on other machines
		return fmt.Errorf("it is on %s, whose server may lose what it said that it has: put data_dir on a local disk, or mount one at this directory", name)
	}
	return nil
}

// networked names the network file system of that type; empty for any other.
func networked(kind uint32) string {
	switch kind {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	}
	return ""
}
