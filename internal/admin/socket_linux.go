package admin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A socket's path is at most 107 bytes (unix(7), sun_path), and a data
// directory's may be longer: the short name goes through an open directory.
func shortPath(dataDir string) (string, func(), error) {
	path := filepath.Join(dataDir, SocketName)
	const sunPath = 107
	if len(path) <= sunPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), SocketName), func() { _ = dir.Close() }, nil
}

// peerUID asks the kernel (SO_PEERCRED) whose process is at the other end.
func peerUID(c net.Conn) (int, error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return -1, errors.New("not a unix socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return -1, err
	}
	uid := -1
	var inner error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			inner = err
			return
		}
		uid = int(cred.Uid)
	})
	return uid, errors.Join(err, inner)
}
