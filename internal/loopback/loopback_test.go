package loopback_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"doorward/internal/loopback"
)

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "LOCALHOST": false, "localhost.": false, "localhost.example.com": false, "[::1]": false, "127.1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "127.0.0.1:80": false, "::ffff:10.0.0.1": false,
	} {
		if got := loopback.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// A connection is what it leads to, and not what its address was called.
func TestOnly(t *testing.T) {
	t.Parallel()
	dial := loopback.Only(func(_ context.Context, _, address string) (net.Conn, error) {
		if address == "" {
			return nil, net.ErrClosed
		}
		return led{to: address}, nil
	})
	for to, want := range map[string]error{"127.0.0.1:80": nil, "[::1]:80": nil, "[::ffff:127.0.0.1]:80": nil, "192.0.2.1:80": loopback.ErrElsewhere, "@": loopback.ErrElsewhere, "": net.ErrClosed} {
		if _, err := dial(t.Context(), "tcp", to); !errors.Is(err, want) {
			t.Errorf("to %q: %v", to, err)
		}
	}
}

// led is a connection that leads to an address.
type led struct {
	net.Conn
	to string
}

func (c led) RemoteAddr() net.Addr { return address(c.to) }
func (led) Close() error           { return nil }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
