package upstream

import (
	"context"
	"errors"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// defaultLevel is the least that a stateful client gets of a stateless upstream's
// log before it has said what it wants: the stateful era leaves that to the
// server, and the stateless one sends nothing unasked.
const defaultLevel = "info"

// toStateless is a stateful client's request for a stateless upstream, with what
// a round of input before brought.
func (c *channel) toStateless(ex *gate.Exchange, cn *conn, inputs, state []byte) *outgoing {
	m, h := ex.Call.Message, cn.hello.Load()
	o := &outgoing{id: c.next.Add(1), method: m.Method, version: h.version, header: c.headers(ex, cn)}
	_, o.token = m.MetaField(mcp.MetaProgress)
	out := mcp.Outgoing{
		ID: o.idToken(), Progress: o.idToken(), Inputs: inputs, State: state,
		Capabilities: mcp.ForwardedCapabilities(ex.Call.Session.Capabilities), ClientInfo: c.srv.pool.clientInfo(),
	}
	if h.offers("logging") {
		out.LogLevel, o.logs = c.srv.pool.levels.of(ex.Call.Session), true
	}
	out.Context = o.traced(c, ex)
	o.raw = mcp.ToStateless(ex, out)
	return o
}

// toStateful is a stateless client's request for a stateful upstream.
func (c *channel) toStateful(ex *gate.Exchange) *outgoing {
	m := ex.Call.Message
	o := &outgoing{id: c.next.Add(1), method: m.Method}
	_, o.token = m.MetaField(mcp.MetaProgress)
	_, o.logs = m.MetaField(mcp.MetaLogLevel)
	o.asks = c.key.declared != "" && c.key.declared != "{}"
	o.raw = mcp.ToStateful(ex, mcp.Outgoing{ID: o.idToken(), Progress: o.idToken(), Context: o.traced(c, ex)})
	return o
}

// translate passes one message of a stateful upstream's on to a stateless client:
// of notifications what the client asked for, and the answer as its era has it.
func (c *channel) translate(ctx context.Context, cn *conn, k *calling, m *gate.Message) error {
	if m.Kind == gate.Notification {
		if m.Method == methodProgress || m.Method == methodLog && wantsLog(k.ex, m) {
			return k.emit(ctx, m)
		}
		return nil
	}
	k.came(c.srv)
	if err := k.hold(m); err != nil {
		return err
	}
	info := c.srv.pool.infoFor(k.ex, c, cn)
	if list, ok := mcp.URLElicitations(m); ok {
		return c.redirect(ctx, k, list, info)
	}
	out, err := mcp.ForStateless(k.ex, m, info)
	if err != nil {
		return errors.Join(errProtocol, err)
	}
	return k.emit(ctx, out)
}

// wantsLog tells whether a log message is at least of the level that the request
// asked for.
func wantsLog(ex *gate.Exchange, m *gate.Message) bool {
	at, ok := ex.Call.Message.MetaField(mcp.MetaLogLevel)
	least, _ := text(ex.Call.Message.Bytes(at))
	return ok && mcp.LevelAtLeast(mcp.LevelOf(m), least)
}

// redirect asks the client to have URLs opened, and to call again: what the error
// -32042 of 2025-11-25 says. The call itself has ended.
func (c *channel) redirect(ctx context.Context, k *calling, list []mcp.InputRequest, info []byte) error {
	m := k.ex.Call.Message
	id, can := m.Bytes(m.ID), mcp.CapabilitiesOf(k.ex)
	for _, r := range list {
		if !mcp.MayAsk(can, r.Method, r.Params) {
			return k.emit(ctx, mcp.NewError(id, mcp.CodeMissingCapability, "the upstream needs URL elicitation, which the client did not declare or which is not allowed",
				[]byte(`{"requiredCapabilities":{"elicitation":{"url":{}}}}`)))
		}
	}
	state, err := c.srv.pool.seal(k.ex, stateAgain, nil)
	if err != nil {
		return err
	}
	return k.emit(ctx, mcp.NewInputRequired(id, list, state, info))
}

// infoFor is the serverInfo of what is translated for a client.
func (p *Pool) infoFor(ex *gate.Exchange, c *channel, cn *conn) []byte {
	return p.infoOf([]greeted{{c.srv, c, cn, cn.hello.Load()}}, ex.Target.Plain)
}
