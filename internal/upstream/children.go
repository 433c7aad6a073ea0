package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorward/internal/gate"
)

// Bounds of child processes: without one for each principal, a client that
// begins sessions and leaves them would hold all of an upstream's.
const (
	maxChildren    = 512 // of one upstream
	maxOwnChildren = 32  // of one principal at one upstream
	childIdle      = 10 * time.Minute
)

var (
	errChildren    = fmt.Errorf("%w: %d children run", errBusy, maxChildren)
	errOwnChildren = fmt.Errorf("%w: %d children of the principal run", errBusy, maxOwnChildren)
)

// children counts the live processes of an upstream, from before the start to
// after the end of each.
type children struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by principal; what is shared is nobody's
}

func (k *children) take(principal string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case principal != "" && k.of[principal] >= maxOwnChildren:
		return errOwnChildren
	case k.all >= maxChildren:
		return errChildren
	}
	k.all++
	if principal != "" {
		if k.of == nil {
			k.of = map[string]int{}
		}
		k.of[principal]++
	}
	return nil
}

// below tells whether a principal and the upstream have fewer than that.
func (k *children) below(principal string, own, all int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[principal] < own && k.all < all
}

func (k *children) leave(principal string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all--
	if n := k.of[principal]; n > 1 {
		k.of[principal] = n - 1
	} else {
		delete(k.of, principal)
	}
}

func (k *children) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all
}

// takeChild takes a place for a process of the principal's. Where the principal
// has too many, the process of its longest idle channel ends first; that
// channel starts it again when it is next used.
func (s *server) takeChild(ctx context.Context, principal string) error {
	for {
		err := s.children.take(principal)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errOwnChildren):
			return s.fault(gate.CodeUpstreamBusy, "starting the command", err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if !s.retireOne(principal) {
			return &gate.Error{
				Code: gate.CodeUpstreamBusy, Op: "starting upstream " + s.set.Name, Err: err,
				Public: fmt.Sprintf("upstream %s already runs %d processes for you and all of them are busy; try again when a call has ended, or use fewer sessions", s.set.Name, maxOwnChildren),
			}
		}
	}
}

// retireOne ends the process of the principal's channel that has been idle
// longest, and waits for its end. It reports false when none is idle.
func (s *server) retireOne(principal string) bool {
	tried := map[*channel]bool{}
	for {
		c := s.longestIdle(principal, tried)
		if c == nil {
			return false
		}
		tried[c] = true
		if cn := c.detach(); cn != nil {
			s.log.Info("idle upstream process makes room for another of its principal", "upstream", s.set.Name)
			cn.link.close()
			<-cn.over
			return true
		}
	}
}

func (s *server) longestIdle(principal string, but map[*channel]bool) (idle *channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if c.principal() != principal || but[c] || c.busy.Load() > 0 || c.conn.Load() == nil {
			continue
		}
		if idle == nil || c.used.Load() < idle.used.Load() {
			idle = c
		}
	}
	return idle
}

// principal is the key of whose the channel is, empty for a shared one.
func (c *channel) principal() string {
	if c.session != nil {
		return c.session.Owner
	}
	return c.key.owner.key
}

// detach takes an idle channel's conn from it, nil when a call is under way. A
// call counts itself in busy before it looks for the conn, so either it is
// seen here, or it finds none and waits in open for mu.
func (c *channel) detach() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	cn := c.conn.Swap(nil)
	if cn != nil && c.busy.Load() > 0 {
		c.conn.Store(cn)
		return nil
	}
	return cn
}
