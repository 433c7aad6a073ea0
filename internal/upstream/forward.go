package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"doorward/internal/gate"
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
	key, err := p.calls.enter(ex, underway{cancel: cancel})
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
	if err := s.admits(ex); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	k := &calling{ex: ex, emit: emit, cancel: cancel, timeout: s.set.Timeout, until: began.Add(s.set.Timeout), end: began.Add(s.set.Timeout + maxAsking)}
	k.late = time.AfterFunc(s.set.Timeout, func() { cancel(&lateError{s.set.Timeout, time.Duration(k.queued.Load())}) })
	defer k.late.Stop()
	if who := ex.Principal; who != nil {
		p.cfg.Ceiling.Begin(&k.held, who.Realm, who.Tenant, who.Subject)
	}
	defer k.held.Leave()
	if err := p.nested(k); err != nil {
		return err
	}
	key, err := p.calls.enter(ex, underway{cancel, k})
	if err != nil {
		return err
	}
	defer p.left(key, k)
	if done, err := s.recall(ctx, k); done {
		if cause := context.Cause(ctx); err != nil && ex.Cached != "" && cause != nil {
			return cause // its client left, or does not read the answer
		}
		return s.classify(ctx, "waiting for an answer", err)
	}
	defer k.leave(p.answers, fateUnknown)
	if err := s.admit(ctx, ex); err != nil {
		return err
	}
	if err := p.confirm(ctx, k); err != nil {
		return s.classify(ctx, "asking the caller", err)
	}
	return s.carryOut(ctx, k)
}

// left takes a call out of those under way. From then on no question is taken to be of it, and in none that was
// is a call nested any more; without a session a question outlives its call.
func (p *Pool) left(key callKey, k *calling) {
	p.calls.leave(key)
	if s := k.ex.Call.Session; s != nil {
		p.nestings.forget(ownerOfSession(s), &k.origin)
	}
}

// carryOut makes the call, and once more where it may.
func (s *server) carryOut(ctx context.Context, k *calling) error {
	s.retries.call()
	err := s.relay(ctx, k)
	if (errors.Is(err, errFlipped) || errors.Is(err, errGone) && again(k.ex) && (!k.taken() || reads(k.ex))) && context.Cause(ctx) == nil { //nolint:contextcheck // the same context
		err = s.relayAgain(ctx, k, err)
	}
	if err != nil {
		err = s.repeat(ctx, k, err)
	}
	if cause := context.Cause(ctx); err != nil && k.done && cause != nil { // its client left, or does not read the answer
		return cause
	}
	err = s.classify(ctx, "calling", s.quiet(k.ex, err))
	s.called(k, err)
	return s.outcome(ctx, k, err)
}

// again tells whether a call that met an upstream's forgotten session may be
// made once more: it changes nothing (protocol.md §1.5). A tool says so itself,
// in the definition that a person approved.
func again(ex *gate.Exchange) bool {
	it := ex.Target.Item
	_, resumed := ex.Call.Message.Field("requestState")
	switch {
	case resumed:
		return false
	case ex.Call.Route.Task: // saying it twice says no more
		return true
	case ex.Call.Route.Item != gate.Tool:
		return ex.Call.Route.Mirror != "" || ex.Call.Route.NameAt == "ref"
	case it == nil:
		return false
	}
	hints, _ := memberOf(it.Raw, "annotations")
	readOnly, _ := memberOf(hints, "readOnlyHint")
	return string(readOnly) == "true"
}

func (s *server) relay(ctx context.Context, k *calling) (err error) {
	if err := s.place(ctx, k); err != nil {
		return err
	}
	defer func() {
		if answer(err) || wayFailed(err) { // a failure says nothing of how long calls take, but that they do not hang
			s.queue.Ended()
		}
		k.free()
	}()
	if !s.pool.serves(k.ex.Principal, s.set.Name) { // it was taken from its tenant while this waited
		return errReplaced
	}
	state, err := s.pool.openState(k.ex) // uses a ticket up, so nothing may come between
	if err != nil {
		return err
	}
	if state.parked != nil {
		return state.parked.resume(ctx, k)
	}
	if err := s.admit(ctx, k.ex); err != nil { // again: the breaker may have opened while this waited
		return err
	}
	c, cn, err := s.open(ctx, k.ex, s.set.PerCall)
	if err != nil {
		return err
	}
	if c.alone() {
		k.alone = c
	}
	defer c.end()
	defer func() { err = c.orEnded(err) }()
	if c.key.era != gate.Stateless { // whose answers do not say how long they hold
		k.leave(s.pool.answers, fateNotKept)
	}
	if err := s.approved(cn); err != nil {
		return err
	}
	if err := c.still(ctx, cn, k.ex.Target.Item); err != nil {
		return err
	}
	if err := c.forTasks(cn, k.ex); err != nil {
		return err
	}
	if c.key.era == k.ex.Call.Era {
		if err := c.watched.note(k.ex); err != nil {
			return err
		}
		c.tellLevel(ctx, cn)
		k.carry(c, c.outgoing(k.ex, cn, state))
		k.o.held = &k.held
		return c.call(ctx, cn, k)
	}
	if c.key.era == gate.Stateful {
		return c.park(ctx, cn, k)
	}
	if !c.alone() {
		s.pool.follow(k.ex, s, c)
	}
	return c.rounds(ctx, cn, k)
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

// answer takes a client's response to the upstream that asked.
func (p *Pool) answer(ctx context.Context, ex *gate.Exchange, _ gate.Emit) error {
	m := ex.Call.Message
	var k *ask
	if ex.Call.Session != nil {
		if k = p.asks.find(ex.Call.Session.ID, string(m.Bytes(m.ID))); k != nil && k.channel != nil {
			if err := k.channel.srv.brought(ex); err != nil {
				return err // and the question still waits
			}
		}
		if k != nil {
			k = p.asks.answer(ex.Call.Session.ID, string(m.Bytes(m.ID)))
		}
	}
	if k == nil {
		return &gate.Error{Code: gate.CodeAnswer, Op: "answering", Public: "no request is waiting for this answer"}
	}
	if k.call != nil {
		k.call.answered()
	}
	if k.reply != nil {
		k.reply <- m // has room for the one answer that an ask has
		return nil
	}
	s := k.channel.srv
	return s.classify(ctx, "answering", s.quiet(ex, k.conn.link.reply(ctx, p.cfg.Propagation.without(k.answerTo(m)), s.ownKey(ex))))
}

// cancel ends the call that the client names.
func (p *Pool) cancel(_ context.Context, ex *gate.Exchange, _ gate.Emit) error {
	if !p.calls.cancel(ex) {
		p.log.Info("a client cancelled a call that is not under way here: it is over, or another replica's, which is not told", "exchange", ex.ID)
	}
	return nil
}

// unsolicited passes on what an upstream sent outside any call: to the session
// that the channel belongs to, and to who listens. On a shared channel everybody
// may know that a list changed, and nobody anything else.
func (c *channel) unsolicited(cn *conn, m *gate.Message) {
	c.heed(m)
	c.lapse.told(m.Method)
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	if m.Kind == gate.Request {
		if m.Method != methodPing && c.srv.spoil(c) {
			return
		}
		if k := c.asking.Load(); k != nil {
			k.question(ctx, m)
			return
		}
		shown, err := c.passAsk(ctx, cn, nil, m)
		if err != nil {
			c.srv.log.Debug("declining an upstream's request", "upstream", c.srv.set.Name, "error", err)
		}
		if m = shown; m == nil {
			return
		}
	} else if m = c.aboutTasks(m); m == nil {
		return
	}
	switch {
	case m.Method == methodCancelled:
	case c.alone() && listChanged(m.Method): // lists are read from another process
	case c.session != nil && c.watched.has(m):
		c.srv.pool.tell(c.session, c.srv.set.Name, m)
	case c.shared() && listChanged(m.Method):
		m = bare(m)
		c.hearers.put(m)
		for _, session := range c.listeners() {
			c.srv.pool.tell(session, c.srv.set.Name, m)
		}
	case !c.shared() && c.hearers.put(m):
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
