//go:build !linux

package admin

import (
	"errors"
	"net"
	"path/filepath"
)

func shortPath(dataDir string) (string, func(), error) {
	return filepath.Join(dataDir, SocketName), func() {}, nil
}

// peerUID is not known on this system, so every call on the socket is refused:
// the command line then works on the files, with the gateway stopped.
func peerUID(net.Conn) (int, error) {
	return -1, errors.New("the peer of a socket is not known on this system")
}
