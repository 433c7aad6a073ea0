//go:build !linux

package listen

import "net"

// quiesce is for Linux alone: elsewhere a listener that is closed resets what waits in
// its backlog.
func quiesce(net.Listener) {}
