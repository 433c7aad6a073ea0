package kernelfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Has tells whether an open file or directory is of such a file system; where that cannot be told, it is.
func Has(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return true
	}
	var is unix.Statfs_t
	err = unix.EINVAL
	if failed := raw.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &is) }); failed != nil || err != nil {
		return true
	}
	switch int64(is.Type) { //nolint:unconvert // it is narrower on some processors
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC,
		unix.SMACK_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.BPF_FS_MAGIC, unix.EFIVARFS_MAGIC, unix.NSFS_MAGIC,
		unix.DEVPTS_SUPER_MAGIC, unix.PSTOREFS_MAGIC, unix.BINFMTFS_MAGIC, configfs:
		return true
	}
	return false
}

// configfs is CONFIGFS_MAGIC of fs/configfs/mount.c, which no header exports.
const configfs = 0x62656570
