package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// action carries one kind of call out.
type action func(*Pool, context.Context, *gate.Exchange, gate.Emit) error

// actions is who carries what out. What is missing (Empty, Stream, Close) is
// done elsewhere and refused here.
//
//nolint:gochecknoglobals // a table; read-only
var actions = [...]action{
	gate.Relay:     (*Pool).relay,
	gate.Compose:   (*Pool).compose,
	gate.Handshake: (*Pool).handshake,
	gate.Discover:  (*Pool).discover,
	gate.Answer:    (*Pool).answer,
	gate.Listen:    (*Pool).listen,
	gate.Fan:       (*Pool).fan,
	gate.Notify:    (*Pool).notify,
	gate.Cancel:    (*Pool).cancel,
}

// Forward carries out a call that every stage has let pass; see gate.Forwarder.
func (p *Pool) Forward(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	a := ex.Call.Route.Action
	if int(a) >= len(actions) || actions[a] == nil {
		return fmt.Errorf("upstream: action %d is not one of an upstream", a)
	}
	if p.closed.Load() {
		return &gate.Error{Code: gate.CodeShuttingDown, Op: "forwarding", Err: errClosing, Public: "the gateway is stopping"}
	}
	if a == gate.Relay {
		return p.relay(ctx, ex, emit)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	key, err := p.calls.enter(ex, cancel)
	if err != nil {
		return err
	}
	defer p.calls.leave(key)
	return actions[a](p, ctx, ex, emit)
}

// relay passes a request to its one upstream, and what comes back to the client.
// The client's cancellation, the deadline and the end of the link all end one
// context: one for each would cost more than the rest of this.
func (p *Pool) relay(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	s, err := p.server(ex.Target.Upstream)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(s.set.Timeout, func() { cancel(errTimeout) })
	defer late.Stop()
	key, err := p.calls.enter(ex, cancel)
	if err != nil {
		return err
	}
	defer p.calls.leave(key)
	return s.classify(ctx, "calling", s.relay(ctx, cancel, ex, emit))
}

func (s *server) relay(ctx context.Context, cancel context.CancelCauseFunc, ex *gate.Exchange, emit gate.Emit) error {
	state, err := s.pool.openState(ex)
	if err != nil {
		return err
	}
	if err := s.place(ctx); err != nil {
		return err
	}
	defer s.leave()
	c, err := s.channelFor(ex)
	if err != nil {
		return err
	}
	c.begin()
	defer c.end()
	cn, err := c.use(ctx)
	if err != nil {
		return err
	}
	if err := s.approved(cn); err != nil {
		return err
	}
	if err := c.still(ctx, cn, ex.Target.Item); err != nil {
		return err
	}
	o := c.outgoing(ex, cn, state)
	o.cancel = cancel
	return c.call(ctx, cn, &calling{ex: ex, o: o, emit: emit})
}

// still tells that what the stages approved is what this very link offers: the
// process or session may be another one than they looked at.
func (c *channel) still(ctx context.Context, cn *conn, it *gate.Item) error {
	if it == nil {
		return nil
	}
	list, err := c.catalogue(ctx, cn, it.Kind)
	if err != nil {
		return err
	}
	if i, ok := list.byName[it.Name]; ok && list.items[i].Digest == it.Digest {
		return nil
	}
	code := gate.CodeChangedResource
	switch it.Kind {
	case gate.Tool:
		code = gate.CodeChangedTool
	case gate.Prompt:
		code = gate.CodeChangedPrompt
	default:
	}
	return &gate.Error{Code: code, Op: "calling", Err: errors.New("the upstream no longer offers what was approved")}
}

// calling is a call of a client's under way.
type calling struct {
	ex    *gate.Exchange
	o     *outgoing
	emit  gate.Emit
	asked bool
}

// call sends a request and passes on what belongs to it.
func (c *channel) call(ctx context.Context, cn *conn, k *calling) error {
	defer func() {
		if k.asked {
			c.srv.pool.asks.dropCall(c, k.o)
		}
	}()
	return cn.link.exchange(ctx, k.o, func(m *gate.Message) error {
		switch m.Kind {
		case gate.Request:
			shown, err := c.passAsk(ctx, cn, k.o, m)
			if shown == nil || err != nil {
				return err
			}
			k.asked = true
			if err := k.emit(ctx, shown); !errors.Is(err, gate.ErrDeclined) {
				return err
			}
			c.srv.pool.asks.dropCall(c, k.o)
			return c.decline(ctx, cn.link, m)
		case gate.Notification:
			c.heed(m)
			if m.Method == methodCancelled || m.Method == methodLog && !k.o.logs {
				return nil
			}
			return k.emit(ctx, m)
		default:
			m, err := c.srv.pool.sealState(k.ex, m)
			if err != nil {
				return err
			}
			return k.emit(ctx, m)
		}
	})
}

// passAsk makes a request of the upstream's one that the client can answer. It
// is answered at once, and nil returned, when the client cannot be asked.
func (c *channel) passAsk(ctx context.Context, cn *conn, o *outgoing, m *gate.Message) (*gate.Message, error) {
	if c.session == nil || m.Method == methodPing || !mcp.MayAsk(mcp.ForwardedCapabilities(c.session.Capabilities), m.Method, m.Bytes(m.Params)) {
		return nil, c.decline(ctx, cn.link, m)
	}
	shown, ok := c.srv.pool.asks.add(c.session.ID, &ask{channel: c, conn: cn, id: m.Bytes(m.ID), method: m.Method, call: o})
	if !ok {
		c.srv.pool.count(c.srv.set.Name, "dropped")
		return nil, c.decline(ctx, cn.link, m)
	}
	out := *m
	out.ShownID = shown
	return &out, nil
}

// answer takes a client's response to the upstream that asked.
func (p *Pool) answer(ctx context.Context, ex *gate.Exchange, _ gate.Emit) error {
	m := ex.Call.Message
	var k *ask
	if ex.Call.Session != nil {
		k = p.asks.take(ex.Call.Session.ID, string(m.Bytes(m.ID)))
	}
	if k == nil {
		return &gate.Error{Code: gate.CodeAnswer, Op: "answering", Public: "no request is waiting for this answer"}
	}
	raw := jsonrpc.Splice(m.Raw, jsonrpc.Edit{At: jsonrpc.Span(m.ID), New: k.id})
	return k.channel.srv.classify(ctx, "answering", k.conn.link.send(ctx, raw))
}

// cancel ends the call that the client names.
func (p *Pool) cancel(_ context.Context, ex *gate.Exchange, _ gate.Emit) error {
	p.calls.cancel(ex)
	return nil
}

// unsolicited passes on what an upstream sent outside any call: to the session
// that the channel belongs to. On a shared channel everybody may know that a
// list changed, and nobody anything else.
func (c *channel) unsolicited(cn *conn, m *gate.Message) {
	c.heed(m)
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	if m.Kind == gate.Request {
		shown, err := c.passAsk(ctx, cn, nil, m)
		if err != nil {
			c.srv.log.Debug("declining an upstream's request", "upstream", c.srv.set.Name, "error", err)
		}
		if m = shown; m == nil {
			return
		}
	}
	to := c.srv.pool.cfg.Unsolicited
	switch {
	case to == nil || m.Method == methodCancelled:
	case c.session != nil:
		to(c.session, c.srv.set.Name, m)
	case c.shared() && listChanged(m.Method):
		m = bare(m)
		for _, session := range c.listeners() {
			to(session, c.srv.set.Name, m)
		}
	default:
		c.srv.pool.count(c.srv.set.Name, "dropped")
	}
}

// bare is a list_changed as it may go to several principals: the upstream's own
// words may be about another of them.
func bare(m *gate.Message) *gate.Message { return mcp.NewNotification(m.Method, nil) }

func (c *channel) listeners() []*gate.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*gate.Session, 0, len(c.audience))
	for _, s := range c.audience {
		all = append(all, s)
	}
	return all
}

// compose answers a list with what the stages have left of it.
func (p *Pool) compose(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	rev, ok := mcp.RevisionOf(ex.Call.Version)
	if !ok {
		return errors.New("composing a list for an unknown revision")
	}
	m := ex.Call.Message
	list := mcp.List(ex.Call.Route.Item, ex.Target.Items, rev, mcp.Frame{TTL: shownTTL, ServerInfo: p.serverInfo(ex)})
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), list))
}
