//go:build unix

package login

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// noFollow refuses to open a link, dontWait does not wait for a pipe's writer.
const (
	noFollow = syscall.O_NOFOLLOW
	dontWait = syscall.O_NONBLOCK
)

// ownersAlone refuses what others may read or change, and what belongs to
// somebody else than this user or root.
func ownersAlone(info fs.FileInfo) error {
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return fmt.Errorf("can be read or changed by others (mode %04o)", info.Mode().Perm())
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 && int64(st.Uid) != int64(os.Geteuid()) {
		return errors.New("belongs to another user")
	}
	return nil
}

// tryLock takes the lock if nobody has it.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
