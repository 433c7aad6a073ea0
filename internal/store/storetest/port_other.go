//go:build !linux

package storetest

import (
	"net"
	"testing"
)

// FreePort is a port of loopback that nothing listens on.
func FreePort(tb testing.TB) int {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of a TCP listener
}
