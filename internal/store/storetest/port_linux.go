package storetest

import (
	"syscall"
	"testing"
)

// FreePort is a port of loopback that nothing listens on. Until the test ends the system gives
// it to nobody who asks for any port, so that whoever is to listen there finds it free, also
// after an interval: it is bound by a socket that does not listen, beside which one may that
// names the port and has SO_REUSEADDR, as servers have (socket(7)).
func FreePort(tb testing.TB) int {
	tb.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		tb.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		tb.Fatal(err)
	}
	return at.(*syscall.SockaddrInet4).Port //nolint:forcetypeassert // of an IPv4 socket
}
