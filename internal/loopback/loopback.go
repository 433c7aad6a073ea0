// Package loopback tells whether a host is this machine, where requests may go in the clear.
package loopback

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Host tells whether a host is this machine by what it is called: the name localhost, in small
// letters, or an address of loopback without brackets. Nothing is looked up.
func Host(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// ErrElsewhere is that of a connection that Only has refused.
var ErrElsewhere = errors.New("the URL is http, and leads to another machine")

// Only refuses connections that lead to another machine than this one: the name localhost
// may.
func Only(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if to, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err != nil || !to.Addr().IsLoopback() {
			conn.Close()
			return nil, ErrElsewhere
		}
		return conn, nil
	}
}
