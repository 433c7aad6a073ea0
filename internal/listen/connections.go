package listen

import (
	"context"
	"sync"
	"time"

	"doorward/internal/gate"
)

// connections are the open legacy SSE streams and WebSockets, bounded like
// sessions: in all and per principal. The zero value is ready.
type connections struct {
	mu    sync.Mutex
	over  bool
	open  map[string]*pipe // by id
	owned map[string]int   // by owner
	none  chan struct{}    // closed when over and none is left; nil before
}

// join adds a connection. The error is a *gate.Error.
func (c *connections) join(p *pipe, limits *Limits) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	over := ""
	switch {
	case c.over:
		return &gate.Error{Code: gate.CodeShuttingDown, Op: "opening a connection"}
	case len(c.open) >= limits.Sessions:
		over = "too many connections are open: try again later"
	case c.owned[p.owner] >= limits.SessionsPerPrincipal:
		over = "you have too many open connections: close one, or try again later"
	}
	if over != "" {
		return &gate.Error{Code: gate.CodeSessionLimit, Public: over, Op: "opening a connection"}
	}
	if c.open == nil {
		c.open, c.owned = make(map[string]*pipe), make(map[string]int)
	}
	c.open[p.id] = p
	c.owned[p.owner]++
	return nil
}

func (c *connections) leave(p *pipe) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, p.id)
	if c.owned[p.owner]--; c.owned[p.owner] <= 0 {
		delete(c.owned, p.owner)
	}
	if c.none != nil && len(c.open) == 0 {
		close(c.none)
	}
}

// stream is the legacy SSE stream with that id; nil when there is none.
func (c *connections) stream(id string) *pipe {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.open[id]; p != nil && p.inbound.Transport == transportSSE {
		return p
	}
	return nil
}

// stop lets no more connections open. It is called once.
func (c *connections) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.none = true, make(chan struct{})
	if len(c.open) == 0 {
		close(c.none)
	}
}

// wait returns when every connection has ended. When ctx ends before, it cuts
// them off and returns false.
func (c *connections) wait(ctx context.Context) bool {
	select {
	case <-c.none:
		return true
	case <-ctx.Done():
	}
	c.mu.Lock()
	if len(c.open) == 0 { // both were so
		c.mu.Unlock()
		return true
	}
	for _, p := range c.open {
		p.cut(errStopped)
	}
	c.mu.Unlock()
	<-c.none
	return false
}

// connection begins the pipe of an exchange that opens a connection.
func (s *Server) connection(ex *gate.Exchange, v *visit, cut context.CancelCauseFunc) (*pipe, *outbox, error) {
	in := ex.Inbound
	in.Op = ""
	if in.Transport == transportSSE {
		in.Keys = nil // each POST brings its own
	}
	p := newPipe(s, in, cut)
	p.certified = v.certified
	p.id, p.owner = newToken(32), ex.Principal.Key()
	out := newOutbox(&s.cfg.Limits, &s.sessions.replay)
	p.write, p.push = out.put, out.push
	if err := s.connections.join(p, &s.cfg.Limits); err != nil {
		return nil, nil, err
	}
	s.cfg.Meter.Streams(+1)
	return p, out, nil
}

// disconnect ends what connection began.
func (s *Server) disconnect(p *pipe, out *outbox) {
	out.clear()
	s.connections.leave(p)
	s.cfg.Meter.Streams(-1)
}

// feed is how messages get to a connection's client. An error is that the
// client is gone.
type feed struct {
	out   *outbox
	write func([]byte) error
	beat  func() error         // shows that the connection is alive
	on    func(*Settings) bool // whether the transport is
}

// carry writes what is put into the outbox, until it is closed and empty or the
// connection ends; it cuts the connection when the client does not take what is
// written, the credential is not good any more, or the transport was turned off.
func (p *pipe) carry(ctx context.Context, who *gate.Principal, f feed) {
	defer f.out.clear()
	watch := p.server.vigil(who, p.certified)
	defer watch.stop()
	wait := p.server.cfg.Limits.KeepAlive
	quiet := time.NewTimer(wait)
	defer quiet.Stop()
	for {
		wrote, over, err := f.flush(ctx)
		if err != nil {
			p.cut(errUnread)
			return
		}
		if over {
			return
		}
		if wrote {
			quiet.Reset(wait)
		}
		select {
		case <-f.out.wake:
		case <-ctx.Done():
			return
		case <-watch.expires:
			p.cut(errRevoked)
		case <-watch.check.C:
			switch {
			case !watch.good():
				p.cut(errRevoked)
			case !f.on(p.server.cfg.Settings()):
				p.cut(errOff)
			}
		case <-quiet.C:
			if err := f.beat(); err != nil {
				p.cut(errUnread)
				return
			}
			quiet.Reset(wait)
		}
	}
}

// flush writes what is there.
func (f *feed) flush(ctx context.Context) (wrote, over bool, err error) {
	for ctx.Err() == nil {
		data, over := f.out.take()
		if data == nil {
			return wrote, over, nil
		}
		if err := f.write(data); err != nil {
			return wrote, false, err
		}
		wrote = true
	}
	return wrote, true, nil
}
