package audit

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestDUR42_NetworkFileSystems tells those that may lose what they said that they have.
func TestDUR42_NetworkFileSystems(t *testing.T) {
	for name, tc := range map[string]struct {
		kind  uint32
		flags int64
		want  string
	}{
		"ext4":              {unix.EXT4_SUPER_MAGIC, 0, ""},
		"XFS":               {unix.XFS_SUPER_MAGIC, 0, ""},
		"btrfs":             {unix.BTRFS_SUPER_MAGIC, 0, ""},
		"overlayfs":         {unix.OVERLAYFS_SUPER_MAGIC, 0, ""},
		"NFS":               {unix.NFS_SUPER_MAGIC, unix.ST_NOSUID, "NFS"},
		"NFS with sync":     {unix.NFS_SUPER_MAGIC, unix.MS_SYNCHRONOUS | unix.ST_NOSUID, ""},
		"CIFS":              {unix.CIFS_SUPER_MAGIC, 0, "SMB"},
		"SMB 1":             {unix.SMB_SUPER_MAGIC, 0, "SMB"},
		"SMB 2":             {unix.SMB2_SUPER_MAGIC, 0, "SMB"},
		"SMB 2 with sync":   {unix.SMB2_SUPER_MAGIC, unix.MS_SYNCHRONOUS, ""},
		"memory":            {unix.TMPFS_MAGIC, 0, ""},
		"read-only overlay": {unix.OVERLAYFS_SUPER_MAGIC, unix.ST_RDONLY, ""},
	} {
		if got := lazy(tc.kind, tc.flags); got != tc.want {
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
