package admin

import (
	"context"
	"errors"
	"net"
	"os"
)

func listenUnix(dataDir string) (net.Listener, error) {
	path, done, err := shortPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer done()
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
	path, done, err := shortPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}
