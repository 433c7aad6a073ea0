package audit

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// datasync makes the file's content and size durable, without its times. Of a file that
// is closed it says os.ErrClosed, as os.File.Sync does: that is all that Control itself
// fails for, and with an error of package os's own.
func datasync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sync error
	err = conn.Control(func(fd uintptr) {
		for {
			sync = syscall.Fdatasync(int(fd))
			if !errors.Is(sync, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("%w: %w", os.ErrClosed, err)
	}
	return sync
}
