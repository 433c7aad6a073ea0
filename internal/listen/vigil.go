package listen

import (
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
	check     *time.Ticker
	timer     *time.Timer      // nil for a credential that does not expire
	expires   <-chan time.Time // its channel
}

func (s *Server) vigil(p *gate.Principal) *vigil {
	v := &vigil{server: s, principal: p, check: time.NewTicker(recheck)}
	if p != nil && !p.Expires.IsZero() {
		v.timer = time.NewTimer(time.Until(p.Expires))
		v.expires = v.timer.C
	}
	return v
}

// good tells whether the credential still is.
func (v *vigil) good() bool { return v.server.cfg.Live(v.principal) }

func (v *vigil) stop() {
	v.check.Stop()
	if v.timer != nil {
		v.timer.Stop()
	}
}
