package audit

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestDUR42_NetworkFileSystems tells network file systems.
func TestDUR42_NetworkFileSystems(t *testing.T) {
	for name, tc := range map[string]struct {
		kind uint32
		want string
	}{
		"ext4":      {unix.EXT4_SUPER_MAGIC, ""},
		"XFS":       {unix.XFS_SUPER_MAGIC, ""},
		"btrfs":     {unix.BTRFS_SUPER_MAGIC, ""},
		"overlayfs": {unix.OVERLAYFS_SUPER_MAGIC, ""},
		"NFS":       {unix.NFS_SUPER_MAGIC, "NFS"},
		"CIFS":      {unix.CIFS_SUPER_MAGIC, "SMB"},
		"SMB 1":     {unix.SMB_SUPER_MAGIC, "SMB"},
		"SMB 2":     {unix.SMB2_SUPER_MAGIC, "SMB"},
		"memory":    {unix.TMPFS_MAGIC, ""},
	} {
		if got := networked(tc.kind); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	if err := keeps(t.TempDir()); err != nil {
		t.Errorf("where tests write: %v", err)
	}
	if keeps("/no/such/directory") == nil {
		t.Error("a directory whose file system is not known passes")
	}
}
