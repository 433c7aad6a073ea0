package vault_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"doorward/internal/loopback"
	"doorward/internal/secret/vault"
)

// In the clear a token goes to this machine alone, by its addresses of loopback, whatever the
// name localhost leads to; by https it goes where the address says.
func TestClearTextStaysHere(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		scheme, to string
		want       error
	}{
		{"http", "127.0.0.1:8200", nil},
		{"http", "[::1]:8200", nil},
		{"http", "192.0.2.1:8200", loopback.ErrElsewhere},
		{"https", "192.0.2.1:8200", nil},
	} {
		dial := vault.Guarded(tc.scheme, func(context.Context, string, string) (net.Conn, error) { return led{to: tc.to}, nil })
		if _, err := dial(t.Context(), "tcp", "localhost:8200"); !errors.Is(err, tc.want) {
			t.Errorf("%s led to %s: %v", tc.scheme, tc.to, err)
		}
	}
}

// led is a connection that leads to an address.
type led struct {
	net.Conn
	to string
}

func (c led) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.to)
	return a
}
func (led) Close() error { return nil }
