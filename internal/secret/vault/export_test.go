package vault

import (
	"context"
	"net"
	"net/http"
)

// Through makes a client's requests go to rt instead of the network.
func (c *Client) Through(rt http.RoundTripper) { c.http.Transport = rt }

// Dial opens a connection as a client's requests do.
func (c *Client) Dial(ctx context.Context, address string) (net.Conn, error) {
	return c.http.Transport.(*http.Transport).DialContext(ctx, "tcp", address)
}
