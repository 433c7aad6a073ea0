//go:build linux || darwin

package files

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// unable tells whether an error is that of a file system that cannot do what it was asked
// for, and not of what it was asked about. Others say EINVAL for what they do not know.
func unable(err error) bool {
	for _, e := range []error{unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, unix.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errSwapped is that of a name that somebody gave to something else in between.
var errSwapped = errors.New("somebody changed the files meanwhile: nothing was removed, and both names may be there")

// renamePlainly moves a file to a name that must be free on a file system that has no such
// rename (NFS, NTFS by FUSE): it has two names for a moment, and for good where the machine
// stops in it, which loses nothing. Where the old name cannot be removed, the new one is.
func renamePlainly(from *os.File, name string, to *os.File, other string) error {
	err := unix.Linkat(int(from.Fd()), name, int(to.Fd()), other, 0)
	if unable(err) || errors.Is(err, unix.EPERM) { // no second names either: https://man7.org/linux/man-pages/man2/link.2.html
		return renameReserved(from, name, to, other)
	}
	if err != nil {
		return err
	}
	if same, err := sameFile(from, name, to, other); err != nil || !same {
		return errors.Join(err, errSwapped) // the old name is of something newer
	}
	err = unix.Unlinkat(int(from.Fd()), name, 0)
	if err == nil {
		return nil
	}
	if same, _ := sameFile(from, name, to, other); same {
		err = errors.Join(err, unix.Unlinkat(int(to.Fd()), other, 0))
	}
	return err
}

// renameReserved takes the name with an empty file that it then replaces. One that somebody
// put in the place of that is left alone, unless it came between the last look and the
// rename.
func renameReserved(from *os.File, name string, to *os.File, other string) error {
	fd, err := unix.Openat(int(to.Fd()), other, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	held := os.NewFile(uintptr(fd), other)
	defer held.Close()
	if err := stillEmpty(held, to, other); err != nil {
		return err
	}
	err = unix.Renameat(int(from.Fd()), name, int(to.Fd()), other)
	if err != nil && stillEmpty(held, to, other) == nil {
		_ = unix.Unlinkat(int(to.Fd()), other, 0)
	}
	return err
}

// stillEmpty tells whether a name is that of a file that was made, and nobody has written to it.
func stillEmpty(held, dir *os.File, name string) error {
	var made, is unix.Stat_t
	if err := errors.Join(unix.Fstat(int(held.Fd()), &made), unix.Fstatat(int(dir.Fd()), name, &is, unix.AT_SYMLINK_NOFOLLOW)); err != nil {
		return err
	}
	if made.Dev != is.Dev || made.Ino != is.Ino || is.Size != 0 {
		return fs.ErrExist
	}
	return nil
}

func sameFile(dir *os.File, name string, other *os.File, at string) (bool, error) {
	var one, two unix.Stat_t
	err := errors.Join(unix.Fstatat(int(dir.Fd()), name, &one, unix.AT_SYMLINK_NOFOLLOW), unix.Fstatat(int(other.Fd()), at, &two, unix.AT_SYMLINK_NOFOLLOW))
	return one.Dev == two.Dev && one.Ino == two.Ino, err
}
