package upstream

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Bounds of parked calls. A client may leave and never come back; a person who
// fills in a form has parkWait for it.
const (
	maxParked    = 1_000
	maxOwnParked = 32 // of one principal, under way or parked
	maxLanes     = maxOwnParked
	parkWait     = 10 * time.Minute
	parkQueue    = 64                    // messages of a call that nobody attends
	gatherWait   = 40 * time.Millisecond // without another question, after which those that came together are asked
)

// parked is a call of a stateless client at a stateful upstream. The upstream
// asks during the call; the client is answered with input_required and comes
// back with another request. Meanwhile the call waits here (protocol.md §1.5).
type parked struct {
	id      string
	owner   string // Principal.Key
	digest  gate.Digest
	mark    [sha256.Size]byte // of the keys that the process was started with; see keyMark
	channel *channel
	conn    *conn
	o       *outgoing
	box     chan *gate.Message
	over    chan struct{} // closed when the upstream's side has ended
	err     error         // why; read after over
	cancel  context.CancelCauseFunc

	mu        sync.Mutex
	ticket    string // of the one retry that may come; empty while the call is attended
	expiry    *time.Timer
	waiting   []question
	attending int // who reads box, or is about to
}

// question is an upstream's request that waits for the client's next try.
type question struct {
	id      []byte // the upstream's own token
	request mcp.InputRequest
}

// parkedCalls are the calls that wait for their clients, or may come to.
type parkedCalls struct {
	mu   sync.Mutex
	open map[string]*parked
	each map[string]int // by owner
}

// add takes a call in; false when there is no room.
func (t *parkedCalls) add(k *parked) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.open[k.id]; there {
		return true
	}
	if len(t.open) >= maxParked || t.each[k.owner] >= maxOwnParked {
		return false
	}
	if t.open == nil {
		t.open, t.each = map[string]*parked{}, map[string]int{}
	}
	t.open[k.id] = k
	t.each[k.owner]++
	return true
}

func (t *parkedCalls) drop(k *parked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[k.id] != k {
		return
	}
	delete(t.open, k.id)
	if t.each[k.owner]--; t.each[k.owner] <= 0 {
		delete(t.each, k.owner)
	}
}

// claim finds the call that a ticket is for, once. Who has it attends it from then on, until left.
func (t *parkedCalls) claim(id, ticket string) *parked {
	t.mu.Lock()
	k := t.open[id]
	t.mu.Unlock()
	if k == nil || ticket == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ticket != ticket {
		return nil
	}
	k.ticket = ""
	k.expiry.Stop()
	k.attending++
	return k
}

// endAsking ends the call that has the channel, and tells the upstream.
func (c *channel) endAsking(cause error) {
	if k := c.asking.Load(); k != nil {
		k.end(cause)
	}
}

// park carries a stateless client's call to a stateful upstream. Where the client
// can be asked nothing the call is made as any other; else it is made by a
// goroutine of its own, which outlives the exchange while it is parked.
func (c *channel) park(ctx context.Context, cn *conn, k *calling) error {
	if c.key.declared == "" || c.key.declared == "{}" {
		k.carry(c, c.toStateful(k.ex))
		k.o.held = &k.held
		c.wantLogs(ctx, cn, k.ex)
		var odd *gate.Message
		err := cn.link.exchange(ctx, k.o, func(m *gate.Message) error {
			k.heard = k.heard || !m.Final()
			switch {
			case m.Kind == gate.Request:
				return c.decline(ctx, cn.link, m)
			case eraSign(m) && !k.heard:
				odd = m
				return nil
			}
			c.heed(m)
			return c.translate(ctx, cn, k, m)
		})
		return c.settled(ctx, cn, odd, err, func(m *gate.Message) error { return c.translate(ctx, cn, k, m) })
	}
	call := &parked{
		id: randomName(), owner: k.ex.Principal.Key(), mark: c.srv.keyMark(k.ex),
		box: make(chan *gate.Message, parkQueue), over: make(chan struct{}),
	}
	if it := k.ex.Target.Item; it != nil {
		call.digest = it.Digest
	}
	// Before the upstream hears of the call: one that cannot be parked when it asks
	// would have to be cancelled half done.
	if !c.srv.pool.parked.add(call) {
		return fmt.Errorf("%w: %d calls of the principal's that may be asked are under way", errBusy, maxOwnParked)
	}
	if err := call.claim(ctx, c, k); err != nil {
		c.srv.pool.parked.drop(call)
		return err
	}
	call.attending = 1
	defer call.left()
	call.begin()
	err := call.attend(ctx, k)
	if err == nil || k.heard {
		return err
	}
	return call.channel.settled(ctx, call.conn, nil, err, nil)
}

// claim opens the call a channel where no other call may be asked.
func (k *parked) claim(ctx context.Context, c *channel, of *calling) error {
	l, err := c.untaken(of)
	if err != nil {
		return err
	}
	k.channel = l
	if k.conn, err = l.use(ctx); err == nil {
		err = c.srv.approved(k.conn)
	}
	if err == nil {
		err = l.still(ctx, k.conn, of.ex.Target.Item)
	}
	if err != nil {
		k.leave()
		return err
	}
	of.carry(l, l.toStateful(of.ex))
	k.o = of.o
	l.wantLogs(ctx, k.conn, of.ex)
	return nil
}

// untaken takes a channel where no other call may be asked. Many servers
// ask on a stream that names no call (the TypeScript SDK 1 does, on its GET
// stream); with one call to a channel the question can only be that call's, and no
// client of the principal's gets what another's conversation is about. A channel
// that is one call's alone is that, and lasts as long as the call from here on.
func (c *channel) untaken(of *calling) (*channel, error) {
	if c.alone() {
		of.alone = nil
		c.begin()
		return c, nil
	}
	for lane := range maxLanes {
		key := c.key
		key.lane = lane
		l, err := c.srv.channel(key, nil)
		if err != nil {
			return nil, err
		}
		if l.taken.CompareAndSwap(false, true) {
			l.begin()
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: %d calls of the principal's that may be asked are under way", errBusy, maxLanes)
}

// leave gives the channel back.
func (k *parked) leave() {
	c := k.channel
	c.asking.Store(nil)
	c.taken.Store(false)
	c.end()
	if c.alone() {
		c.srv.discard(c, func() {})
	}
}

// begin makes the call.
func (k *parked) begin() {
	p := k.channel.srv.pool
	ctx, cancel := context.WithCancelCause(context.Background())
	k.cancel, k.o.cancel = cancel, cancel
	k.channel.asking.Store(k) // from here on others may find it
	p.wg.Go(func() {
		ctx, stop := untilStopping(ctx, p.stopping)
		defer stop()
		k.err = k.conn.link.exchange(ctx, k.o, func(m *gate.Message) error { return k.take(ctx, m) })
		if errors.Is(context.Cause(ctx), errGone) { // another's request ended the session, and who knows what became of this
			k.o.taken = true
		}
		p.parked.drop(k)
		cancel(nil)
		k.leave()
		close(k.over)
		k.rest()
	})
}

// take keeps a message for whoever attends the call. Without one, what tells of
// progress is dropped and what decides waits.
func (k *parked) take(ctx context.Context, m *gate.Message) error {
	c := k.channel
	switch {
	case m.Kind == gate.Request && (m.Method == methodPing || !mcp.MayAsk([]byte(c.key.declared), m.Method, m.Bytes(m.Params))):
		return c.decline(ctx, k.conn.link, m)
	case m.Kind == gate.Notification:
		c.heed(m)
		select {
		case k.box <- m:
		default:
			c.srv.pool.count(c.srv.set.Name, "dropped")
		}
		return nil
	}
	select {
	case k.box <- m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// question takes a request that came outside the call's own stream: on its channel
// there is no other call that it could belong to.
func (k *parked) question(ctx context.Context, m *gate.Message) {
	if err := k.take(ctx, m); err != nil {
		k.channel.srv.log.DebugContext(ctx, "an upstream's question has no call", "upstream", k.channel.srv.set.Name, "error", err)
	}
	k.rest() // the call may have ended as it came
}

// attend passes what comes of the call to the client, to its answer or to the
// next question. A client that leaves ends the call.
func (k *parked) attend(ctx context.Context, of *calling) error {
	for {
		m, err := k.next(ctx)
		if err != nil {
			return err
		}
		of.heard = of.heard || !m.Final()
		switch {
		case m.Kind == gate.Request && k.ended():
			k.keep([]*gate.Message{m})
		case m.Kind == gate.Request:
			return k.ask(ctx, of, m)
		case eraSign(m) && !of.heard && k.channel.flipped(ctx, k.conn):
			return errFlipped
		default:
			err := k.channel.translate(ctx, k.conn, of, m)
			if m.Final() || err != nil {
				if err != nil {
					k.end(err)
				}
				return err
			}
		}
	}
}

// next is the next message of the call.
func (k *parked) next(ctx context.Context) (*gate.Message, error) {
	select {
	case m := <-k.box:
		return m, nil
	default:
	}
	select {
	case m := <-k.box:
		return m, nil
	case <-k.over:
		select {
		case m := <-k.box: // arrived before the end
			return m, nil
		default:
		}
		if k.err == nil {
			return nil, fmt.Errorf("%w: the call ended without an answer", errProtocol)
		}
		return nil, k.err
	case <-ctx.Done():
		k.end(context.Cause(ctx))
		return nil, context.Cause(ctx)
	}
}

// end ends the call at the upstream, and waits for that.
func (k *parked) end(cause error) {
	k.cancel(cause)
	<-k.over
}

// ask parks the call: the client gets what the upstream asks, and the ticket to
// come back with.
func (k *parked) ask(ctx context.Context, of *calling, first *gate.Message) error {
	batch, answer := k.gather(ctx, first)
	k.keep(batch) // for rest, where the client is not asked
	switch {
	case ctx.Err() != nil:
		k.end(context.Cause(ctx))
		return context.Cause(ctx)
	case answer != nil: // which makes them moot
		return k.channel.translate(ctx, k.conn, of, answer)
	case k.ended(): // nobody would take what the client brings
		return k.attend(ctx, of)
	}
	return k.release(ctx, of)
}

// keep has questions wait for the client's next try, or for the end of the call.
func (k *parked) keep(batch []*gate.Message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range batch {
		key := fmt.Sprintf("ask-%d", len(k.waiting)+1)
		k.waiting = append(k.waiting, question{slices.Clone(m.Bytes(m.ID)), mcp.InputFor(key, m)})
	}
}

// wait has questions wait that did before.
func (k *parked) wait(list []question) {
	k.mu.Lock()
	k.waiting = list
	k.mu.Unlock()
}

// gather waits a moment for more questions. What is no question ends it, and is
// returned when it is the answer, which makes the questions moot.
func (k *parked) gather(ctx context.Context, first *gate.Message) (batch []*gate.Message, rest *gate.Message) {
	batch = []*gate.Message{first}
	t := time.NewTimer(gatherWait)
	defer t.Stop()
	for len(batch) < mcp.MaxInputRequests {
		select {
		case m := <-k.box:
			switch {
			case m.Kind == gate.Request:
				batch = append(batch, m)
				t.Reset(gatherWait)
			case m.Final():
				return batch, m
			}
		case <-t.C:
			return batch, nil
		case <-ctx.Done():
			return batch, nil
		}
	}
	return batch, nil
}

// release answers the client with what is asked and waits for it in the table.
func (k *parked) release(ctx context.Context, of *calling) error {
	p, ticket := k.channel.srv.pool, randomName()
	state, err := p.seal(of.ex, stateParked, []byte(k.id+ticket))
	if err != nil {
		k.end(err)
		return err
	}
	k.mu.Lock()
	k.ticket = ticket
	k.expiry = time.AfterFunc(parkWait, func() {
		if p.parked.claim(k.id, ticket) != nil {
			k.cancel(errTimeout)
			k.left()
		}
	})
	list := make([]mcp.InputRequest, len(k.waiting))
	for i, q := range k.waiting {
		list[i] = q.request
	}
	k.mu.Unlock()
	m := of.ex.Call.Message
	of.free()
	if err = p.sampling(of, list, stateName(state)); err == nil {
		err = p.unlessEmitted(of, of.emit(ctx, mcp.NewInputRequired(m.Bytes(m.ID), list, state, p.infoFor(of.ex, k.channel, k.conn))))
	}
	if err != nil && p.parked.claim(k.id, ticket) != nil {
		k.end(err)
		k.left()
	}
	return err
}

// resume goes on with a parked call: the client's answers go to the upstream,
// and what is still unanswered is asked again.
func (k *parked) resume(ctx context.Context, of *calling) error {
	defer k.left()
	of.o, of.heard = k.o, true
	if it := of.ex.Target.Item; it != nil && it.Digest != k.digest {
		err := &gate.Error{Code: gate.CodeChangedTool, Op: "resuming a call", Public: "the definition changed while the call waited; make the call again"}
		k.end(err)
		return err
	}
	s := k.channel.srv
	if err := s.approved(k.conn); err != nil {
		k.end(err)
		return err
	}
	if k.mark != s.keyMark(of.ex) {
		err := &gate.Error{Code: gate.CodeRequestKey, Op: "resuming a call", Public: "the call waits in a process that was started with another key: make the call again"}
		k.end(err)
		return err
	}
	k.mu.Lock()
	asked := k.waiting
	k.waiting = nil
	k.mu.Unlock()
	var left []question
	for i, q := range asked {
		result, ok := mcp.InputResponse(of.ex.Call.Message, q.request.Key)
		if !ok {
			left = append(left, q)
			continue
		}
		if err := k.conn.link.reply(ctx, mcp.NewResult(q.id, s.pool.cfg.Propagation.without(result)).Raw, s.ownKey(of.ex)); err != nil {
			k.wait(append(left, asked[i:]...)) // for rest
			k.end(err)
			return err
		}
	}
	if len(left) > 0 {
		k.wait(left)
		return k.release(ctx, of)
	}
	return k.attend(ctx, of)
}
