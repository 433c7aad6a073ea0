package audit

import (
	"errors"
	"os"
	"syscall"
)

// datasync makes the file's content and size durable, without its times.
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
	return errors.Join(err, sync)
}
