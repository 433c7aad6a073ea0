//go:build unix

package sink

import (
	"errors"
	"os"
	"syscall"
)

// exclusive takes the file for this process alone; the kernel lets go of it with the
// process.
func exclusive(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.New("another process writes to it")
	}
	return nil
}
