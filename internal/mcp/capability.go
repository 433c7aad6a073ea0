package mcp

import (
	"bytes"
	"fmt"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// maxHello bounds what a session keeps of a client's initialize, in bytes of
// each of its two objects.
const maxHello = 64 << 10

// Hello is what a client says in initialize.
type Hello struct {
	Asked        string // the protocol version that it asks for
	Capabilities []byte // raw JSON object; "{}" when it said nothing
	ClientInfo   []byte // raw JSON object; "{}" when it said nothing
}

// ReadHello reads an initialize request. The bytes are copies, so that a
// session does not keep the whole message.
func ReadHello(m *gate.Message) (Hello, error) {
	at, _ := m.Field("protocolVersion")
	asked, ok := unquote(m.Bytes(at))
	if !ok || len(asked) > 64 {
		return Hello{}, fmt.Errorf("params.protocolVersion is missing or not a string of at most 64 bytes")
	}
	h := Hello{Asked: asked, Capabilities: []byte("{}"), ClientInfo: []byte("{}")}
	for _, f := range [...]struct {
		name string
		to   *[]byte
	}{{"capabilities", &h.Capabilities}, {"clientInfo", &h.ClientInfo}} {
		at, ok := m.Field(f.name)
		if !ok {
			continue
		}
		value := m.Bytes(at)
		if !isObject(value) || len(value) > maxHello {
			return Hello{}, fmt.Errorf("params.%s is not an object of at most %d bytes", f.name, maxHello)
		}
		*f.to = bytes.Clone(value)
	}
	return h, nil
}

// ForwardedCapabilities is what Doorward tells upstreams that a client can do:
// roots, sampling and elicitation as the client declared them. Everything else
// (tasks, extensions, experimental, what later revisions bring) is dropped: it
// would let an upstream start what Doorward does not judge.
func ForwardedCapabilities(client []byte) []byte {
	b := []byte{'{'}
	for _, name := range [...]string{"roots", "sampling", "elicitation"} {
		if value, ok := member(client, name); ok && isObject(value) {
			b = appendMember(b, name, value)
		}
	}
	return append(b, '}')
}

// ServerCapabilities is the union of what upstreams offer, in the parts that
// Doorward relays; other capabilities are dropped.
func ServerCapabilities(offered ...[]byte) []byte {
	b := []byte{'{'}
	for _, c := range [...]struct {
		name  string
		flags []string
	}{
		{"completions", nil},
		{"logging", nil},
		{"prompts", []string{"listChanged"}},
		{"resources", []string{"listChanged", "subscribe"}},
		{"tools", []string{"listChanged"}},
	} {
		if value, ok := union(offered, c.name, c.flags); ok {
			b = appendMember(b, c.name, value)
		}
	}
	return append(b, '}')
}

// union is the object of one capability: its flags that any upstream sets.
func union(offered [][]byte, name string, flags []string) (value []byte, found bool) {
	value = []byte{'{'}
	set := make([]bool, len(flags))
	for _, o := range offered {
		c, ok := member(o, name)
		if !ok || !isObject(c) {
			continue
		}
		found = true
		for i, flag := range flags {
			v, _ := member(c, flag)
			set[i] = set[i] || string(v) == "true"
		}
	}
	for i, flag := range flags {
		if set[i] {
			value = appendMember(value, flag, []byte("true"))
		}
	}
	return append(value, '}'), found
}

// appendMember adds a member to an object that is being written.
func appendMember(b []byte, name string, value []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(jsonrpc.AppendString(b, name), ':'), value...)
}

// MayAsk tells whether a client that declared these capabilities may be sent
// the request: elicitation in the mode that params name, sampling (with tools
// only where declared), roots. A ping needs no capability. An elicitation that
// would harm whoever answers it is sent to nobody: by a URL that is neither
// https nor loopback or names a user, or with a form for a secret. params are
// part of a message that was parsed.
func MayAsk(capabilities []byte, method string, params []byte) bool {
	switch method {
	case "ping":
		return true
	case "roots/list":
		_, ok := object(capabilities, "roots")
		return ok
	case methodSampling:
		c, ok := object(capabilities, "sampling")
		if _, tools := member(params, "tools"); ok && tools {
			_, ok = object(c, "tools")
		}
		return ok
	case MethodElicit:
		c, ok := object(capabilities, "elicitation")
		return ok && mayElicit(c, params)
	}
	return false
}

// object is member for a value that is an object.
func object(raw []byte, name string) ([]byte, bool) {
	value, ok := member(raw, name)
	return value, ok && isObject(value)
}

// CapabilitiesOf are the client's for an exchange: the session's, or in the
// stateless era what the request itself declares.
func CapabilitiesOf(ex *gate.Exchange) []byte {
	if ex.Call.Session != nil {
		return ex.Call.Session.Capabilities
	}
	if m := ex.Call.Message; m != nil {
		if at, ok := m.MetaField(MetaCapabilities); ok {
			return m.Bytes(at)
		}
	}
	return nil
}
