//go:build !linux

package admin

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
)

func listenUnix(dataDir string) (net.Listener, error) {
	path := filepath.Join(dataDir, SocketName)
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

func dialUnix(ctx context.Context, dataDir string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", filepath.Join(dataDir, SocketName))
}

// peerUID is not known on this system, so every call on the socket is refused:
// the command line then works on the files, with the gateway stopped.
func peerUID(net.Conn) (int, error) {
	return -1, errors.New("the peer of a socket is not known on this system")
}
