package doctor_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"

	"doorward/internal/doctor"
)

// TestUnreachable: an address that answers no attempt to connect, like one
// behind a firewall. Linux drops attempts while a listener's queue is full.
func TestUnreachable(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	fill(t, at)
	r := found(t, doctor.Options{URL: "http://gateway.test" + at[len("127.0.0.1"):] + "/mcp", Timeout: soon, Resolver: names{
		name: "gateway.test", is: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	}.resolver(t)}, "dns/unreachable")
	says(t, r, "dns", "gateway.test is 127.0.0.1", "firewalls")
}

// fill connects until the queue takes no more.
func fill(t *testing.T, at string) {
	t.Helper()
	for range 16 {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", at)
		cancel()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue does not fill")
}
