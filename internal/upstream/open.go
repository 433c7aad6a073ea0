package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Bounds of what is kept of an upstream's first answer, in bytes.
const (
	maxInstructions = 64 << 10
	maxServerInfo   = 64 << 10
	looseQueue      = 256 // messages outside any call that wait for their turn
)

// How long a list or a discovery stays fresh in the stateless era: what the
// upstream says, within these (2026-07-28, caching; ttlMs 0 would mean a list
// for every call).
const (
	defaultTTL = 60 * time.Second
	minTTL     = time.Second
	maxTTL     = 5 * time.Minute
)

// errOtherEra is an upstream that does not speak the era that was tried.
var errOtherEra = errors.New("the upstream speaks the other era only")

// hello is what an upstream said when a link was opened: its InitializeResult
// or DiscoverResult.
type hello struct {
	version      string
	capabilities []byte // raw JSON object
	serverInfo   []byte // raw JSON object; nil where it need not give one and did not
	serverDigest gate.Digest
	instructions []byte // raw JSON string; nil when it gave none
	until        time.Time
	alone        bool // each call has a process of its own, and nothing outlasts that
	tasks        bool // it runs calls of tools as tasks
	endsTasks    bool // and ends them when asked to
}

// offers tells whether the upstream declared a capability.
func (h *hello) offers(name string) bool {
	_, ok := memberOf(h.capabilities, name)
	return ok
}

// memberOf is the value of a member of an object.
func memberOf(raw []byte, name string) (value []byte, ok bool) {
	_ = jsonrpc.Members(raw, func(n string, _, v jsonrpc.Span) error {
		if n == name {
			value, ok = raw[v.Start:v.End:v.End], true
		}
		return nil
	})
	return value, ok
}

// text is the text of a JSON string.
func text(tok []byte) (string, bool) {
	var s string
	if len(tok) < 2 || tok[0] != '"' || json.Unmarshal(tok, &s) != nil {
		return "", false
	}
	return s, true
}

// The transports of Settings.Transport; "" is transportHTTP.
const (
	transportHTTP      = "streamable"
	transportSSE       = "sse"       // HTTP+SSE of 2024-11-05
	transportWebSocket = "websocket" // not one of the protocol's
)

// transportBuiltin is what Status says of a server of Doorward's own: its connections are in memory.
const transportBuiltin = "builtin"

// connect makes a link to the upstream without a word said on it.
func (c *channel) connect(ctx context.Context, transport string, loose func(*gate.Message)) (link, error) {
	owned := c.principal() != ""
	if c.srv.wire != nil {
		if _, err := c.srv.mayReach(); err != nil {
			return nil, err
		}
	}
	switch {
	case c.srv.wire == nil:
		l, err := c.srv.startStdio(ctx, c.principal(), c.keys, loose)
		if err != nil {
			return nil, err
		}
		return l, nil
	case transport == transportSSE:
		return c.srv.newSSELink(ctx, loose, owned)
	case transport == transportWebSocket:
		return c.srv.newWSLink(ctx, loose, owned)
	}
	return c.srv.newHTTPLink(c.key.era, loose)
}

// dial opens a link and says hello on it, in the channel's era. An upstream that
// does not take initialize where Streamable HTTP has it may be one of the
// revision before (protocol.md §1.3).
func (c *channel) dial(ctx context.Context) (*conn, error) {
	transport := c.srv.set.Transport
	either := c.srv.wire != nil && (transport == "" || transport == transportHTTP) && c.key.era == gate.Stateful
	if either && c.srv.old.Load() {
		transport = transportSSE
	}
	cn, err := c.dialOver(ctx, transport)
	if either && transport != transportSSE && detectsSSE(err) {
		older, olderErr := c.dialOver(ctx, transportSSE)
		if olderErr != nil {
			return nil, err
		}
		c.srv.old.Store(true)
		return older, nil
	}
	if err != nil && c.srv.old.Swap(false) && transport == transportSSE {
		c.srv.log.Debug("upstream is not reached over HTTP+SSE any more", "upstream", c.srv.set.Name)
	}
	return cn, err
}

func (c *channel) dialOver(ctx context.Context, transport string) (*conn, error) {
	cn := &conn{loose: make(chan *gate.Message, looseQueue), over: make(chan struct{})}
	l, err := c.connect(ctx, transport, func(m *gate.Message) {
		select {
		case cn.loose <- m:
		default:
			c.srv.pool.count(c.srv.set.Name, "dropped")
		}
	})
	if err != nil {
		return nil, err
	}
	cn.link, cn.born = l, time.Now()
	if h, ok := l.(*httpLink); ok {
		h.up = func(late bool) func() { return c.hears(cn, late) }
	}
	if err := c.greet(ctx, cn); err != nil {
		l.close()
		return nil, err
	}
	c.srv.pool.wg.Go(func() { c.tend(cn) })
	return cn, nil
}

// greet says hello in the channel's era, once that is on record, and reports
// what the upstream says of itself for the lock.
func (c *channel) greet(ctx context.Context, cn *conn) error {
	ask, kind := c.initialize, "upstream.initialize"
	if c.key.era == gate.Stateless {
		ask, kind = c.discover, "upstream.discover"
	}
	if err := c.srv.event(ctx, kind, ""); err != nil {
		return err
	}
	h, err := ask(ctx, cn.link)
	switch {
	case errors.Is(err, errOtherEra):
		return c.srv.eraFault(c.key.era, err)
	case err != nil:
		return err
	}
	if l, ok := cn.link.(*stdioLink); ok {
		if err := l.still(); err != nil {
			return c.srv.fault(gate.CodeUpstreamDown, "starting the command", err)
		}
	}
	h.tasks, h.endsTasks = mcp.OffersTasks(c.key.era, h.capabilities)
	if c.srv.set.PerCall {
		h.ephemeral()
	}
	cn.hello.Store(&h)
	if seen := c.srv.pool.cfg.Seen; seen != nil {
		seen(h.items(c.srv.set.Name))
	}
	return nil
}

// items are the definitions in a hello: who the server is and what it tells
// the model.
func (h *hello) items(upstream string) []gate.Item {
	var items []gate.Item
	for _, it := range [...]gate.Item{
		{Kind: gate.Server, Raw: h.serverInfo},
		{Kind: gate.Instructions, Raw: h.instructions},
	} {
		if it.Raw == nil {
			continue
		}
		digest, err := mcp.DigestOf(it.Kind, it.Raw)
		if err != nil {
			continue // not pinned, hence never shown
		}
		it.Upstream, it.Digest = upstream, digest
		items = append(items, it)
	}
	return items
}

// tend owns a conn: it hands on what comes outside any call, and when the link
// is done it clears up behind it.
func (c *channel) tend(cn *conn) {
	for open := true; open; {
		select {
		case m := <-cn.loose:
			c.unsolicited(cn, m)
		case <-cn.link.done():
			open = false
		}
	}
	c.mu.Lock()
	c.broke(cn)
	c.mu.Unlock()
	c.srv.pool.asks.dropChannel(c)
	cn.link.close()
	close(cn.over)
}

// request asks the upstream something of Doorward's own and returns the result.
func (c *channel) request(ctx context.Context, l link, method string, params []byte) (*gate.Message, error) {
	o := &outgoing{id: c.next.Add(1), method: method}
	o.raw = mcp.NewRequest(o.idToken(), method, params).Raw
	if c.key.era == gate.Stateless {
		o.version = mcp.V20260728
		o.header = http.Header{mcp.HeaderMethod: {method}}
	}
	var answer *gate.Message
	err := l.exchange(ctx, o, func(m *gate.Message) error {
		switch {
		case m.Final():
			answer = m
		case m.Kind == gate.Request:
			return c.decline(ctx, l, m)
		case m.Kind == gate.Notification:
			c.heed(m)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// decline answers what an upstream asks when no client may be asked.
func (c *channel) decline(ctx context.Context, l link, m *gate.Message) error {
	id := m.Bytes(m.ID)
	if m.Method == methodPing {
		return l.send(ctx, emptyResult(id))
	}
	c.srv.declined(ctx, m.Method)
	return l.send(ctx, refusal(id))
}

// Questions that are declined are put on record, a few of each upstream's in a
// minute (security case MHB-15).
const (
	declinedNoted = 20
	declinedEvery = time.Minute
)

func (s *server) declined(ctx context.Context, method string) {
	s.mu.Lock()
	note := s.refusals.take()
	s.mu.Unlock()
	if !note {
		s.pool.count(s.set.Name, "declined")
		return
	}
	err := s.pool.cfg.Events(ctx, gate.Event{Kind: "ask", Actor: s.set.Name, Upstream: s.set.Name, Detail: printable([]byte(method), maxShown), Status: "refused"})
	if err != nil { // nothing is carried out that would need the record
		s.log.WarnContext(ctx, "an upstream's question was declined without a record", "upstream", s.set.Name, "error", err)
	}
}

// clientInfo is how Doorward names itself to upstreams and clients.
func (p *Pool) clientInfo() []byte {
	b := jsonrpc.AppendString([]byte(`{"name":"doorward","version":`), p.cfg.Version)
	return append(b, '}')
}

// ownMeta is the _meta of a stateless request of Doorward's own. It declares what
// the client that the channel was made for did: what such a request answers may
// not depend on it, but an upstream may look at it.
func (c *channel) ownMeta() []byte {
	can := []byte("{}")
	if said := c.says.Load(); said != nil {
		can = *said
	}
	b := append([]byte(`"_meta":{"`+mcp.MetaVersion+`":"`+mcp.V20260728+`","`+mcp.MetaCapabilities+`":`), can...)
	b = append(append(b, `,"`+mcp.MetaClientInfo+`":`...), c.srv.pool.clientInfo()...)
	return append(b, '}')
}

// initialize opens a session of the stateful era.
func (c *channel) initialize(ctx context.Context, l link) (hello, error) {
	version, capabilities := c.introduces()
	params := jsonrpc.AppendString([]byte(`{"protocolVersion":`), version)
	params = append(append(params, `,"capabilities":`...), capabilities...)
	params = append(append(append(params, `,"clientInfo":`...), c.srv.pool.clientInfo()...), '}')
	m, err := c.request(ctx, l, methodInitialize, params)
	if err != nil {
		if e, ok := errors.AsType[*statusError](err); ok && e.code == http.StatusBadRequest {
			return hello{}, fmt.Errorf("%w: %w: %w", errOtherEra, errUnsure, err)
		}
		return hello{}, err
	}
	if m.Kind == gate.Failure {
		return hello{}, initializeFault(m)
	}
	at, _ := m.Field("protocolVersion")
	h := hello{}
	h.version, _ = text(m.Bytes(at))
	if mcp.EraOf(h.version) != gate.Stateful {
		return hello{}, fmt.Errorf("%w: initialize answered with protocol version %q", errProtocol, printable([]byte(h.version), maxShown))
	}
	if err := h.keep(m); err != nil {
		return hello{}, err
	}
	if hl, ok := l.(*httpLink); ok {
		hl.begin(h.version)
	}
	if err := l.send(ctx, mcp.NewNotification(methodInitialized, nil).Raw); err != nil {
		return hello{}, err
	}
	if hl, ok := l.(*httpLink); ok {
		hl.settle(ctx)
	}
	return h, nil
}

// hearing is how long the first use of a session waits for its GET stream. What
// some servers ask during a call comes there, and is lost while there is none (the
// TypeScript SDK 1 drops it).
const hearing = 500 * time.Millisecond

// settle waits until the stream is open, or refused.
func (l *httpLink) settle(ctx context.Context) {
	t := time.NewTimer(hearing)
	defer t.Stop()
	select {
	case <-l.hears:
	case <-t.C:
	case <-ctx.Done():
	}
}

// begin notes the negotiated version and starts to listen.
func (l *httpLink) begin(version string) {
	if rev, ok := mcp.RevisionOf(version); ok && rev.VersionHeader {
		l.version = version
	}
	l.common = l.postHeader(nil)
	l.tasks.Go(l.hear)
}

// initializeFault tells a stateless server's answer to initialize from others:
// it names the versions that it has, or does not know the method.
func initializeFault(m *gate.Message) error {
	code := errorCode(m)
	err := fmt.Errorf("%w: initialize answered with error %s", errProtocol, code)
	switch code {
	case "-32601", "-32020", "-32021", "-32022":
		return fmt.Errorf("%w: %w", errOtherEra, err)
	case "-32602", "-32000":
		return fmt.Errorf("%w: %w: %w", errOtherEra, errUnsure, err)
	}
	return err
}

func errorCode(m *gate.Message) string {
	at, _ := m.Field("code")
	return printable(m.Bytes(at), 16)
}

// discover looks at an upstream of the stateless era; it is the probe of the
// era as well (protocol.md §1.3).
func (c *channel) discover(ctx context.Context, l link) (hello, error) {
	m, err := c.request(ctx, l, methodDiscover, append(append([]byte{'{'}, c.ownMeta()...), '}'))
	if err != nil {
		return hello{}, discoverFault(c.srv.wire == nil, err)
	}
	if m.Kind == gate.Failure {
		return c.answered(m)
	}
	at, _ := m.Field("supportedVersions")
	var versions []string
	if json.Unmarshal(m.Bytes(at), &versions) != nil || !slices.ContainsFunc(versions, modern) {
		return hello{}, fmt.Errorf("%w: it supports no version that Doorward calls stateless", errOtherEra)
	}
	h := hello{version: mcp.V20260728, until: time.Now().Add(ttlOf(m))}
	if err := h.keep(m); err != nil {
		return hello{}, err
	}
	if !slices.ContainsFunc(versions, func(v string) bool { return mcp.EraOf(v) == gate.Stateful }) {
		c.srv.told()
	}
	return h, nil
}

// answered reads the era from an error that answers server/discover: a modern
// server has no -32022 with legacy versions only, and a legacy one does not
// know the method.
func (c *channel) answered(m *gate.Message) (hello, error) {
	err := fmt.Errorf("server/discover answered with error %s", errorCode(m))
	switch errorCode(m) {
	case "-32020", "-32021":
		return hello{}, fmt.Errorf("%w: %w", errProtocol, err)
	case "-32022":
		data, _ := m.Field("data")
		list, _ := memberOf(m.Bytes(data), "supported")
		var versions []string
		if json.Unmarshal(list, &versions) == nil && slices.ContainsFunc(versions, modern) {
			return hello{}, fmt.Errorf("%w: %w", errProtocol, err)
		}
	}
	return hello{}, fmt.Errorf("%w: %w", errOtherEra, err)
}

// discoverFault reads the era from a failure of server/discover: a status that
// says nothing is a legacy HTTP server; some legacy stdio servers die of, or do
// not answer, a request before initialize.
func discoverFault(stdio bool, err error) error {
	if _, ok := errors.AsType[*statusError](err); ok {
		return fmt.Errorf("%w: %w", errOtherEra, err)
	}
	if stdio && errors.Is(err, errDown) {
		return fmt.Errorf("%w: %w: %w", errOtherEra, errUnsure, err)
	}
	return err
}

// keep takes capabilities, instructions and the server's info from an answer.
func (h *hello) keep(m *gate.Message) error {
	if m.Leaked { // what it says of itself would be pinned, and shown to people
		return &gate.Error{Code: gate.CodeUpstreamHeld, Op: "reading what the upstream says of itself", Err: errLeaked, Public: "the server tells a credential of the gateway's about itself, and is held"}
	}
	at, _ := m.Field("capabilities")
	h.capabilities = bytes.Clone(m.Bytes(at))
	if len(h.capabilities) == 0 || h.capabilities[0] != '{' {
		return fmt.Errorf("%w: no capabilities", errProtocol)
	}
	if at, ok := m.Field("instructions"); ok {
		if s, ok := text(m.Bytes(at)); ok && s != "" {
			if len(s) > maxInstructions {
				return fmt.Errorf("%w: instructions of %d bytes", errTooLarge, len(s))
			}
			h.instructions = bytes.Clone(m.Bytes(at))
		}
	}
	info, ok := m.Field("serverInfo")
	if !ok {
		info, ok = m.MetaField(mcp.MetaServerInfo)
	}
	// initialize must name the server, so one that does not is a server without
	// a name, and leaving it out does not get round the pin. server/discover need
	// not: there nothing said is nothing known, and nothing is pinned.
	if _, initialized := m.Field("protocolVersion"); initialized || ok {
		h.serverInfo = []byte("{}")
	}
	if raw := m.Bytes(info); ok && len(raw) > 0 && raw[0] == '{' && len(raw) <= maxServerInfo {
		h.serverInfo = bytes.Clone(raw)
	}
	if h.serverInfo == nil {
		return nil
	}
	var err error
	if h.serverDigest, err = mcp.DigestOf(gate.Server, h.serverInfo); err != nil {
		return fmt.Errorf("%w: a serverInfo without a canonical form", errProtocol)
	}
	return nil
}

// ttlOf is how long an answer may be kept.
func ttlOf(m *gate.Message) time.Duration {
	at, ok := m.Field("ttlMs")
	var ms float64
	if !ok || json.Unmarshal(m.Bytes(at), &ms) != nil {
		return defaultTTL
	}
	ms = min(max(ms, float64(minTTL.Milliseconds())), float64(maxTTL.Milliseconds()))
	return time.Duration(ms) * time.Millisecond
}
