package webhook

import "net/http"

// Through makes a target's requests go to rt instead of the network.
func (t *Target) Through(rt http.RoundTripper) *Target {
	t.client.Transport = rt
	return t
}

// Dials judges an address as a target does before it connects.
func Dials(inTheClear bool, address string) error {
	return allowed(inTheClear)(nil, "tcp", address, nil)
}

// MaxQueue is how many notices may wait.
const MaxQueue = maxQueue
