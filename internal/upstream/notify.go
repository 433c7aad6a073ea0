package upstream

import (
	"context"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// opened are the channels that the exchange's session has open, and nobody
// else's; those of its calls among them.
func (p *Pool) opened(ex *gate.Exchange) (all []greeted) {
	if ex.Call.Session == nil {
		return nil
	}
	for _, s := range p.list() {
		for _, c := range s.ownedBy(ex.Call.Session) {
			if cn := c.conn.Load(); cn != nil {
				all = append(all, greeted{s, c, cn, cn.hello.Load()})
			}
		}
	}
	return all
}

// ownedBy are the stateful channels that are the session's own.
func (s *server) ownedBy(session *gate.Session) (of []*channel) {
	key := channelKey{era: gate.Stateful, owner: ownerOfSession(session)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channels[key]; c != nil {
		of = append(of, c)
	}
	if !s.set.PerCall {
		return of
	}
	for _, c := range s.channels {
		if c.alone() && !c.spare.Load() && c.key.owner == key.owner && c.key.era == key.era {
			of = append(of, c)
		}
	}
	return of
}

// fan sends a request to every upstream of the session that has logging, and
// answers for all of them. One that refuses does not keep the others from it.
// Stateless upstreams are told with each request from now on.
func (p *Pool) fan(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	if at, ok := ex.Call.Message.Field("level"); ok && ex.Call.Session != nil {
		level, _ := text(ex.Call.Message.Bytes(at)) // decode has checked it
		p.levels.put(ex.Call.Session, level)
	}
	for _, g := range p.opened(ex) {
		if !g.hello.offers("logging") {
			continue
		}
		if err := g.tell(ctx, ex); err != nil {
			p.log.WarnContext(ctx, "upstream did not take a request to all", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", g.srv.set.Name, "error", err)
		}
	}
	m := ex.Call.Message
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), []byte("{}")))
}

// tell passes the client's request on and keeps the answer.
func (g *greeted) tell(ctx context.Context, ex *gate.Exchange) error {
	ctx, cancel := withLimit(ctx, min(g.srv.set.Timeout, listTimeout))
	defer cancel()
	g.channel.begin()
	defer g.channel.end()
	o := g.channel.outgoing(ex, g.conn, reopened{})
	return g.conn.link.exchange(ctx, o, func(m *gate.Message) error {
		if m.Kind == gate.Request {
			return g.channel.decline(ctx, g.conn.link, m)
		}
		g.channel.heed(m)
		return nil
	})
}

// notify passes a client's notification to the upstreams of its session:
// changed roots to all that were told of roots, progress to those that wait for
// the client.
func (p *Pool) notify(ctx context.Context, ex *gate.Exchange, _ gate.Emit) error {
	m := ex.Call.Message
	raw := p.cfg.Propagation.without(m.Raw)
	for _, g := range p.opened(ex) {
		if m.Method == methodProgress && !p.asks.waiting(g.channel) {
			continue
		}
		if err := g.conn.link.send(ctx, raw); err != nil {
			p.log.WarnContext(ctx, "upstream did not take a notification", "exchange", ex.ID, "trace_id", ex.Trace.TraceID(), "span_id", ex.Trace.SpanID(), "upstream", g.srv.set.Name, "error", err)
		}
	}
	return nil
}

// waiting tells whether the channel's upstream waits for its client.
func (a *asks) waiting(c *channel) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.open {
		if k.channel == c {
			return true
		}
	}
	return false
}
