package app

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// beingWritten tells whether somebody has a file open to write: the kernel gives no read
// lease on one then (fcntl(2), F_SETLEASE). It gives leases to the file's owner alone, and not on every file
// system; where it gives none for such a reason, the file is taken for finished.
func beingWritten(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // whoever reads it says what is wrong
	}
	defer f.Close() // and with it the lease
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	_ = conn.Control(func(fd uintptr) {
		_, err = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
	})
	return errors.Is(err, unix.EAGAIN)
}
