//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openTo are the permission bits that a private file must not have.
const openTo fs.FileMode = 0o077

// lockFile waits for the lock of those who write. The kernel drops it with the
// process.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
	}
}
