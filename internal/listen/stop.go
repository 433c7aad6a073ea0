package listen

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// recorded bounds how long Shutdown waits for calls that it has cut off to write their
// outcome: the audit log closes after it.
const recorded = 5 * time.Second

// Announce says that the server will stop: /readyz says so from now on, and every answer
// closes its connection, so that balancers stop choosing this gateway and keep no
// connection to it. Requests are served as before, until Shutdown. Its caller waits
// between the two for as long as those in front need to notice (listen.stop.notice).
func (s *Server) Announce() { s.announced.Store(true) }

// leaving tells whether the server stops or will.
func (s *Server) leaving() bool {
	if s.announced.Load() {
		return true
	}
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// Quiesce lets no connection begin any more, and returns when those that had begun are
// accepted, in a second at most: Shutdown, which comes next, would reset them. It waits
// for as long as a handshake takes, so that it is for a gateway that others follow.
func (s *Server) Quiesce() {
	s.servers.mu.Lock()
	listeners := s.servers.listeners
	s.servers.mu.Unlock()
	var all sync.WaitGroup
	for _, l := range listeners {
		all.Go(func() { quiesce(l) })
	}
	all.Wait()
}

// Shutdown stops accepting, ends the GET streams and subscriptions, lets calls in flight end until
// ctx does (those of a legacy SSE stream or a WebSocket for at most Limits.Drain, before the
// connection ends) and then cuts them off, waits until those are recorded, and ends every session.
// It returns when nothing of the server runs any more; the error says that calls were cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closed.Do(func() {
		s.connections.stop()
		close(s.closing)
	})
	s.endless.stop()
	s.servers.mu.Lock()
	list := s.servers.list
	s.servers.mu.Unlock()
	var cut error
	for _, hs := range list {
		if err := hs.Shutdown(ctx); err != nil {
			switch n := s.calls.Load(); {
			case n > 0:
				cut = fmt.Errorf("stopping: %d calls were cut off: %w", n, err)
			case ctx.Err() == nil:
				cut = fmt.Errorf("stopping: %w", err)
			}
			cut = errors.Join(cut, hs.Close())
		}
	}
	// A WebSocket is no connection of net/http's any more.
	if !s.connections.wait(ctx) && cut == nil {
		cut = fmt.Errorf("stopping: connections were cut off: %w", ctx.Err())
	}
	if cut != nil {
		cut = errors.Join(cut, s.settle())
	}
	s.closeAll()
	s.sessions.halt()
	return cut
}

// settle waits for calls whose connections were closed to come to their end.
func (s *Server) settle() error {
	const look = 10 * time.Millisecond
	again := time.NewTicker(look)
	defer again.Stop()
	limit := time.NewTimer(recorded)
	defer limit.Stop()
	for s.calls.Load() > 0 {
		select {
		case <-again.C:
		case <-limit.C:
			return fmt.Errorf("stopping: %d calls did not end within %v of being cut off", s.calls.Load(), recorded)
		}
	}
	return nil
}
