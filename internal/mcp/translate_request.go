package mcp

import (
	"strings"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// metaPrefix stands before the members of _meta that the protocol reserves for
// itself (2026-07-28, basic, _meta). The parser refuses its other spellings.
const metaPrefix = "io.modelcontextprotocol/"

// The members of params and results that multi round-trip requests add
// (2026-07-28, SEP-2322).
const (
	fieldResultType = "resultType"
	fieldRequests   = "inputRequests"
	fieldResponses  = "inputResponses"
	fieldState      = "requestState"
)

// Outgoing is what a client's message becomes for an upstream of the other era,
// beside what the eras themselves ask for. Every []byte is JSON.
type Outgoing struct {
	ID       []byte // of the request; nil: as it is
	Progress []byte // for the progress token, if the client sent one; nil: as it is
	// Name is for the tool's or prompt's name. Nil: the name of the approved
	// definition, where clients see it under another, else as it is.
	Name []byte
	// Context is what becomes of members of _meta that carry a trace. Nil: as they are.
	Context []Member

	// The rest is for a stateless upstream.
	Capabilities []byte // the client's, an object; nil: none
	ClientInfo   []byte // an object; nil: says nothing
	LogLevel     string // empty: no log messages are wanted
	Inputs       []byte // inputResponses, an object; nil: none
	State        []byte // requestState, a string; nil: none
}

// Member is a member of _meta that is a text; without one it is taken out.
type Member struct{ Name, Text string }

// ToStateless is a stateful client's request as a stateless upstream reads it:
// with what every such request says of itself in _meta (2026-07-28, basic,
// request metadata), and with the answers and state of out. What the client
// itself put where these stand is gone: it would speak for Doorward. Every
// other byte is the client's. The upstream adapter calls it.
func ToStateless(ex *gate.Exchange, out Outgoing) []byte {
	m := ex.Call.Message
	p := out.patch(ex)
	if m.Kind != gate.Request {
		return p.Bytes()
	}
	p.SetMeta(MetaVersion, []byte(`"`+V20260728+`"`))
	capabilities := out.Capabilities
	if capabilities == nil {
		capabilities = []byte("{}")
	}
	p.SetMeta(MetaCapabilities, capabilities)
	if out.ClientInfo != nil {
		p.SetMeta(MetaClientInfo, out.ClientInfo)
	}
	if out.LogLevel != "" {
		p.SetMeta(MetaLogLevel, jsonrpc.AppendString(nil, out.LogLevel))
	}
	if out.Inputs != nil {
		p.SetField(fieldResponses, out.Inputs)
	}
	if out.State != nil {
		p.SetField(fieldState, out.State)
	}
	return p.Bytes()
}

// ToStateful is a stateless client's request as a stateful upstream reads it:
// without what the stateless era adds to _meta and params. The progress token,
// trace context and vendors' own members stay; a _meta that becomes empty does
// too. Every other byte is the client's. The upstream adapter calls it.
func ToStateful(ex *gate.Exchange, out Outgoing) []byte { return out.patch(ex).Bytes() }

// Foreign tells whether a member of _meta is neither the protocol's own nor one that
// carries a trace (2026-07-28, _meta): what clients and vendors put there.
func Foreign(member string) bool {
	switch member {
	case MetaProgress, "traceparent", "tracestate", "baggage":
		return false
	}
	return !strings.HasPrefix(member, metaPrefix)
}

// patch is what both directions change: the id, the progress token and the
// name, and everything of the stateless era's own is dropped.
func (out *Outgoing) patch(ex *gate.Exchange) *jsonrpc.Patch {
	m := ex.Call.Message
	p := codec(m).Patch()
	if out.ID != nil {
		p.ID(out.ID)
	}
	if m.Final() {
		return p
	}
	for _, f := range m.Meta {
		if strings.HasPrefix(f.Name, metaPrefix) || ex.Bare && Foreign(f.Name) {
			p.DropMeta(f.Name)
		}
	}
	p.DropField(fieldResponses, fieldState)
	if m.Kind != gate.Request {
		return p
	}
	for _, one := range out.Context {
		if one.Text == "" {
			p.DropMeta(one.Name)
		} else {
			p.SetMeta(one.Name, jsonrpc.AppendString(nil, one.Text))
		}
	}
	if _, ok := m.MetaField(MetaProgress); ok && out.Progress != nil {
		p.SetMeta(MetaProgress, out.Progress)
	}
	if name := out.name(ex); name != nil && ex.Call.NameAt.Present() {
		p.Replace(jsonrpc.Span(ex.Call.NameAt), name)
	}
	return p
}

// name is the token for what the call names, nil when it stays: URIs are never
// prefixed, and a template's name is not what was read.
func (out *Outgoing) name(ex *gate.Exchange) []byte {
	it := ex.Target.Item
	switch {
	case it == nil || !prefixed(it.Kind):
		return nil
	case out.Name != nil:
		return out.Name
	case it.Name != ex.Call.Name:
		return jsonrpc.AppendString(nil, it.Name)
	}
	return nil
}
