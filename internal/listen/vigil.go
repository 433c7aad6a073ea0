package listen

import (
	"context"
	"time"

	"doorward/internal/gate"
)

// recheck is how often an open connection's credential is looked at: a revoked
// one ends its connections well within the ten seconds of HTT-40.
const recheck = 3 * time.Second

// vigil says when to look at the credential that opened a connection.
type vigil struct {
	server    *Server
	principal *gate.Principal
	certified func() error // why the connection's certificate is not valid now
	check     *time.Ticker
	timer     *time.Timer      // nil for a credential that does not expire
	expires   <-chan time.Time // its channel
}

func (s *Server) vigil(p *gate.Principal, certified func() error) *vigil {
	v := &vigil{server: s, principal: p, certified: certified, check: time.NewTicker(recheck)}
	if p != nil && !p.Expires.IsZero() {
		v.timer = time.NewTimer(time.Until(p.Expires))
		v.expires = v.timer.C
	}
	return v
}

// good tells whether the credential still is, and the certificate that it came
// with.
func (v *vigil) good() bool { return v.certified() == nil && v.server.cfg.Live(v.principal) }

func (v *vigil) stop() {
	v.check.Stop()
	if v.timer != nil {
		v.timer.Stop()
	}
}

// guard cancels what has no end of its own when the certificate of its connection
// is not valid any more. stop ends the guard, and waits for it.
func (v *visit) guard(cancel context.CancelFunc) (stop func()) {
	if v.leaf == nil {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		check := time.NewTicker(recheck)
		defer check.Stop()
		for {
			select {
			case <-over:
				return
			case <-check.C:
				if v.certified() != nil {
					cancel()
					return
				}
			}
		}
	}()
	return func() { close(over); <-done }
}
