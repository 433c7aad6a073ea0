package vault

import "net/http"

// Guarded is guarded.
var Guarded = guarded

// Through makes a client's requests go to rt instead of the network.
func (c *Client) Through(rt http.RoundTripper) { c.http.Transport = rt }
