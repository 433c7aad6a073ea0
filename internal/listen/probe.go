package listen

import (
	"context"
	"net/http"
)

// The paths that kubelets and balancers ask (listen.health).
const (
	pathAlive = "/healthz" // whether the process answers
	pathReady = "/readyz"  // whether clients are served
)

// probe answers a question about the gateway's health, and tells whether the request
// was one. Kubelets and balancers know an address and no name, and stand on no list of
// clients, so neither the Host nor where they come from is looked at; in return the
// answer is one of three fixed words, and why a gateway is not ready stands on the
// admin listener alone. A question is no exchange and leaves no record.
func (v *visit) probe() bool {
	r := v.r
	if !v.settings.Health || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	switch r.URL.EscapedPath() {
	case pathAlive:
		v.out.word(http.StatusOK, "ok\n")
	case pathReady:
		if v.server.leaving() || !v.server.cfg.Ready(context.WithoutCancel(r.Context())) {
			v.out.word(http.StatusServiceUnavailable, "not ready\n")
			return true
		}
		v.out.word(http.StatusOK, "ready\n")
	default:
		return false
	}
	return true
}

// word writes a whole answer of a few fixed bytes.
func (c *wire) word(status int, text string) {
	c.started = true
	c.set("Content-Type", "text/plain; charset=utf-8")
	c.arm()
	c.w.WriteHeader(status)
	_, _ = c.w.Write([]byte(text)) // a prober that is gone has no use for the error
}
