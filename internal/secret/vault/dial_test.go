package vault_test

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"doorward/internal/loopback"
	"doorward/internal/secret/vault"
)

// In the clear a token goes to this machine alone, by its addresses of loopback, whatever the
// name localhost leads to; by https it goes where the address says.
func TestClearTextStaysHere(t *testing.T) {
	t.Parallel()
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = here.Close() }()
	elsewhere := other(t)
	for _, tc := range []struct {
		url, to string
		want    error
	}{
		{"http://localhost", here.Addr().String(), nil},
		{"http://localhost", elsewhere, loopback.ErrElsewhere},
		{"https://localhost", elsewhere, nil},
	} {
		c, err := vault.New(vault.Config{Address: tc.url, Lease: time.Minute, Log: slog.New(slog.DiscardHandler), Token: func() (string, error) { return "t", nil }})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := c.Dial(t.Context(), tc.to)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s led to %s: %v", tc.url, tc.to, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// other is where something listens on this machine, at an address that is not loopback.
func other(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		of, ok := a.(*net.IPNet)
		if !ok || of.IP.IsLoopback() || of.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(of.IP.String(), "0"))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String()
	}
	t.Skip("this machine has no address but loopback")
	return ""
}
