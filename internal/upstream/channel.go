package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// channelKey tells the channels of an upstream apart. owner is nobody for a
// shared one. What a client of the stateless era can do is fixed when its
// stateful upstream's session begins, so those are kept apart by what was
// declared, and by the credential that the client came with.
type channelKey struct {
	era        gate.Era
	owner      owner
	credential string // Principal.Credential
	declared   string // the capabilities of initialize, of at most a few forms
	lane       int    // of several for the same; see parked
	call       int64  // the number of the one call that it is for; 0 for a channel that lasts
}

// owner is whose something is: a session's, by its id, a principal's or a stdio
// client's, by the principal's key. The zero value is nobody.
type owner struct{ kind, key string }

// The kinds of owners.
const (
	ofSession   = "session"
	ofPrincipal = "principal"
	ofStdio     = "stdio"
)

func ownerOfSession(s *gate.Session) owner { return owner{ofSession, s.ID} }

// channel is one session or process towards one upstream. It outlives its
// link: a link that breaks is opened anew on the next use.
type channel struct {
	srv     *server
	key     channelKey
	session *gate.Session          // whose own it is; nil for a principal's or a shared one
	watched subscriptions          // of the session whose own it is
	taken   atomic.Bool            // one call that may be asked has the channel
	asking  atomic.Pointer[parked] // that call, once it is made
	lapse   lapse                  // of what a stateful upstream says outside any call
	hearers hearers                // who listens to what comes outside any call, beside the session
	says    atomic.Pointer[[]byte] // the capabilities in stateless requests of Doorward's own
	conn    atomic.Pointer[conn]
	used    atomic.Int64           // Unix nanoseconds
	busy    atomic.Int32           // calls under way
	spare   atomic.Bool            // a process that waits for its call
	next    atomic.Int64           // ids
	keys    map[string]gate.Secret // of the one call's client, until the process is started with them

	mu       sync.Mutex
	trunk    *trunk // the listen of all who share the link; nil while nobody listens
	opening  *opening
	last     *conn // the newest, open or not
	backoff  backoff
	closed   error                         // why, once closed
	audience map[string]*gate.Session      // sessions on a shared channel
	lapsed   [gate.Template + 1]*allowance // of each list's readings for listens that broke; nil: none so far
}

// conn is a channel's link from opening to breaking, and what was learned on it.
type conn struct {
	link    link
	hello   atomic.Pointer[hello]
	born    time.Time
	loose   chan *gate.Message
	views   [gate.Template + 1]view
	level   level         // of a stateful upstream's log
	doubted atomic.Int64  // Unix nanoseconds, when its era was last put to the test
	watch   watching      // what is subscribed to at a stateful upstream
	over    chan struct{} // closed when nothing of it is left
}

// opening is a link that is being opened, for all who wait for it.
type opening struct {
	done   chan struct{}
	cancel context.CancelCauseFunc
	conn   *conn
	err    error
}

func newChannel(s *server, key channelKey, session *gate.Session) *channel {
	c := &channel{srv: s, key: key, session: session}
	c.used.Store(time.Now().UnixNano())
	return c
}

// channelFor is the channel that an exchange uses towards an upstream in an era:
// the session's own where both are stateful, the principal's otherwise, and
// everybody's only where the configuration shares it.
func (s *server) channelFor(ex *gate.Exchange, era gate.Era) (*channel, error) {
	key, session, err := s.keyFor(ex, era)
	if err != nil {
		return nil, err
	}
	c, err := s.channel(key, session)
	if err == nil && s.set.Shared && ex.Call.Session != nil && era == gate.Stateful {
		c.join(ex.Call.Session)
	}
	return c.speakingFor(ex), err
}

// keyFor is the key of that channel, and the client's session where the channel is
// that session's own.
func (s *server) keyFor(ex *gate.Exchange, era gate.Era) (key channelKey, session *gate.Session, err error) {
	key.era = era
	switch {
	case ex.Call.Era == gate.Stateful && ex.Call.Session == nil:
		return key, nil, errors.New("an exchange of the stateful era without a session")
	case ex.Call.Era == gate.NoEra || era == gate.NoEra:
		return key, nil, errors.New("an exchange without an era")
	case s.set.Shared:
		return key, nil, nil
	case era == gate.Stateful && ex.Call.Session != nil:
		key.owner = ownerOfSession(ex.Call.Session)
		return key, ex.Call.Session, nil
	}
	key.owner = owner{ofPrincipal, ex.Principal.Key()}
	if era == gate.Stateful {
		key.credential, key.declared = ex.Principal.Credential, declared(mcp.CapabilitiesOf(ex))
	}
	return key, nil, nil
}

// speakingFor notes what Doorward's own requests on a stateless channel declare:
// what the client that the channel is made for did. On a shared one that is nothing.
func (c *channel) speakingFor(ex *gate.Exchange) *channel {
	if c != nil && !c.shared() && c.key.era == gate.Stateless && c.says.Load() == nil {
		said := mcp.ForwardedCapabilities(mcp.CapabilitiesOf(ex))
		c.says.CompareAndSwap(nil, &said)
	}
	return c
}

// declared are the capabilities with which a stateful session is begun for a
// client of the stateless era: what it declared that Doorward relays, in one of
// a few forms, so that no client can open a session for every spelling.
func declared(client []byte) string {
	b := []byte{'{'}
	add := func(method, params, text string) {
		if mcp.MayAsk(client, method, []byte(params)) {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(b, text...)
		}
	}
	add(methodRootsList, "{}", `"roots":{}`)
	if mcp.MayAsk(client, methodSampling, []byte(`{"tools":[]}`)) {
		add(methodSampling, "{}", `"sampling":{"tools":{}}`)
	} else {
		add(methodSampling, "{}", `"sampling":{}`)
	}
	switch form, url := mcp.MayAsk(client, methodElicit, []byte("{}")), mcp.MayAsk(client, methodElicit, []byte(`{"mode":"url","url":"https://example.com/"}`)); {
	case form && url:
		add(methodElicit, "{}", `"elicitation":{"form":{},"url":{}}`)
	case form:
		add(methodElicit, "{}", `"elicitation":{}`)
	case url:
		add(methodElicit, `{"mode":"url","url":"https://example.com/"}`, `"elicitation":{"url":{}}`)
	}
	return string(append(b, '}'))
}

// introduces is what initialize says of the client: the session's own words, those of
// the key, or nothing on a channel that serves everybody.
func (c *channel) introduces() (version string, capabilities []byte) {
	switch {
	case c.session != nil:
		return c.session.Version, mcp.ForwardedCapabilities(c.session.Capabilities)
	case c.key.declared != "":
		return mcp.V20251125, []byte(c.key.declared)
	}
	return mcp.V20251125, []byte("{}")
}

// shared tells whether several principals use the channel.
func (c *channel) shared() bool { return c.key.owner == owner{} }

func (c *channel) join(session *gate.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.audience == nil {
		c.audience = map[string]*gate.Session{}
	}
	if len(c.audience) < maxChannels {
		c.audience[session.ID] = session
	}
}

func (c *channel) leave(session *gate.Session) {
	c.mu.Lock()
	delete(c.audience, session.ID)
	c.mu.Unlock()
}

// begin notes that a call is under way, before it looks for a conn: a channel
// without one may lose its process to another. end is its counterpart.
func (c *channel) begin() { c.busy.Add(1) }

func (c *channel) end() {
	c.used.Store(time.Now().UnixNano())
	c.busy.Add(-1)
}

// use returns an open conn, opening it where it is not. The opening goes on
// when the caller leaves: the next one finds it done.
func (c *channel) use(ctx context.Context) (*conn, error) {
	if cn := c.ready(); cn != nil {
		return cn, nil
	}
	if err := c.srv.lacks(c.key.era); err != nil {
		return nil, err
	}
	o, err := c.begun()
	if err != nil {
		return nil, err
	}
	select {
	case <-o.done:
		return o.conn, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// open is the channel that an exchange uses towards the upstream, in use until
// its end, and its conn: in the client's own era where the upstream speaks it,
// else in the other, and then what passes is translated.
// alone makes it one that nothing else uses, which the caller discards.
func (s *server) open(ctx context.Context, ex *gate.Exchange, alone bool) (*channel, *conn, error) {
	var fault error
	var believed [2]gate.Era // not to work
	n := 0
	for _, era := range s.order(ex.Call.Era) {
		if err := s.lacks(era); err != nil {
			fault, believed[n] = err, era
			n++
			continue
		}
		c, cn, err := s.openIn(ctx, ex, era, alone)
		if err == nil {
			return c, cn, nil
		}
		if fault = err; gate.CodeOf(err) != gate.CodeUpstreamEra && !s.unlike(era) {
			return nil, nil, fault
		}
	}
	if n == 0 || !s.doubt() {
		return nil, nil, fault
	}
	for _, era := range believed[:n] {
		c, cn, err := s.openIn(ctx, ex, era, alone)
		if err == nil {
			return c, cn, nil
		}
		fault = err
	}
	return nil, nil, fault
}

// openIn opens the exchange's channel of an era; the caller ends its use.
func (s *server) openIn(ctx context.Context, ex *gate.Exchange, era gate.Era, alone bool) (*channel, *conn, error) {
	find := (*server).channelFor
	if alone {
		find = (*server).channelAlone
		if c, cn := s.openWarm(ctx, ex, era); c != nil {
			return c, cn, nil
		}
	}
	c, err := find(s, ex, era)
	if err != nil {
		return nil, nil, err
	}
	c.begin()
	cn, err := c.use(ctx)
	if err != nil {
		c.end()
		if alone {
			s.discard(c, func() {})
		}
		return nil, nil, err
	}
	if alone {
		s.stock(c)
	}
	return c, cn, nil
}

// doubt forgets what is believed of the upstream's eras when neither works: it may
// have been replaced. Not more often than in doubtEvery.
func (s *server) doubt() bool {
	now, last := time.Now().UnixNano(), s.doubted.Load()
	if now-last < int64(doubtEvery) || !s.doubted.CompareAndSwap(last, now) {
		return false
	}
	s.forget()
	return true
}

// ready is the conn of a channel that is in use, nil where it is not open.
func (c *channel) ready() *conn {
	c.used.Store(time.Now().UnixNano())
	if cn := c.conn.Load(); cn != nil {
		select {
		case <-cn.link.done():
		default:
			return cn
		}
	}
	return nil
}

// begun starts an opening or joins the one under way.
func (c *channel) begun() (*opening, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return nil, c.closed
	}
	if c.opening != nil {
		return c.opening, nil
	}
	if cn := c.conn.Load(); cn != nil {
		select {
		case <-cn.link.done():
			c.broke(cn)
		default:
			return &opening{done: closedChan(), conn: cn}, nil
		}
	}
	if wait := max(c.backoff.wait(), c.srv.starts.wait(), c.srv.offences.wait(c.principal())); wait > 0 {
		code := gate.CodeUpstreamDown
		if c.srv.unproven.Load() {
			code = gate.CodeUpstreamSandbox
		}
		return nil, &gate.Error{ // the failure that it waits for stays the last one
			Code: code, Op: "restarting upstream " + c.srv.set.Name, Err: fmt.Errorf("%w: %w: next attempt in %s", errDown, errWaits, wait.Round(time.Millisecond)), Wait: wait,
			Public: fmt.Sprintf("upstream %s is unavailable; try again in %s", c.srv.set.Name, whole(wait)),
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	o := &opening{done: make(chan struct{}), cancel: cancel}
	c.opening = o
	before := c.last
	c.srv.pool.wg.Go(func() { c.finish(ctx, o, before) })
	return o, nil
}

func closedChan() chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}

// finish carries an opening out, after what is left of the link before it.
func (c *channel) finish(ctx context.Context, o *opening, before *conn) {
	defer o.cancel(nil)
	if before != nil {
		<-before.over
	}
	ctx, cancel := withLimit(ctx, c.srv.set.Timeout)
	defer cancel()
	ctx, end := untilStopping(ctx, c.srv.pool.stopping)
	defer end()
	began := time.Now()
	o.conn, o.err = c.dial(ctx)
	keyed := c.keys != nil
	c.keys = nil
	c.mu.Lock()
	c.opening = nil
	switch {
	case c.closed != nil: // which is why it failed, where it did
		o.err = c.closed
	case o.err != nil:
		o.err = c.srv.classify(ctx, "opening", o.err)
		if keyed { // a client's own key may be why, and must not close the upstream to others
			break
		}
		if !c.srv.learn(c.key.era, o.err) && tried(o.err) {
			c.backoff.failed(asksToWait(o.err))
			if c.srv.wire == nil { // nor will it start for others
				c.srv.starts.failed(0)
			}
		}
	default:
		c.conn.Store(o.conn)
		c.last = o.conn
		c.srv.speaks(c.key.era)
		c.srv.starts.worked()
	}
	abandoned := o.conn
	if o.err == nil {
		abandoned = nil
	}
	c.mu.Unlock()
	if abandoned != nil {
		abandoned.link.close()
		<-abandoned.over
		o.conn = nil
	}
	if !keyed {
		c.settleBreaker(began, o.err)
	}
	close(o.done)
	if o.err != nil {
		c.srv.failedWarm(c)
		return
	}
	c.arrived(o.conn)
	c.renewed(o.conn, before)
	c.preread(ctx, o.conn)
}

// tried tells whether an opening failed at the upstream. What was refused here,
// for want of room or of an approval, was not started, and may be at once.
func tried(err error) bool {
	switch gate.CodeOf(err) {
	case gate.CodeUpstreamHeld, gate.CodeAudit, gate.CodeShuttingDown, gate.CodeCancelled:
		return false
	case gate.CodeUpstreamBusy:
		return asksToWait(err) > 0
	default:
		return true
	}
}

// broke notes that a link ended by itself; it needs mu. A process that ended is
// not started again at once, an HTTP session is.
func (c *channel) broke(cn *conn) {
	if !c.conn.CompareAndSwap(cn, nil) || c.closed != nil {
		return
	}
	if time.Since(cn.born) >= steady {
		c.backoff.worked()
	}
	if c.srv.wire == nil {
		c.backoff.failed(0)
	}
}

// close ends the channel for good and waits until nothing of it is left.
func (c *channel) close(cause error) {
	c.mu.Lock()
	if c.closed == nil {
		c.closed = cause
	}
	o := c.opening
	c.mu.Unlock()
	if o != nil {
		o.cancel(cause)
		<-o.done
	}
	c.srv.pool.asks.dropChannel(c)
	c.endAsking(cause)
	c.mu.Lock()
	last := c.last // which may be ending by itself
	c.mu.Unlock()
	if last != nil {
		last.link.close()
		<-last.over
	}
}

// untilStopping makes ctx end, with errClosing, when the pool does.
func untilStopping(ctx context.Context, stopping <-chan struct{}) (context.Context, func()) {
	return until(ctx, stopping, func() error { return errClosing })
}

// until makes ctx end, with what why says, when a channel is closed.
func until(ctx context.Context, stopping <-chan struct{}, why func() error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-stopping:
			cancel(why())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-ended }
}
