package mcp

import (
	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// In the stateless era structured content is any JSON and an output schema any
// schema; before, both are objects (2026-07-28, tools), and before 2025-06-18
// there are neither.

// olderResult is what changes in a tool's result for a client of the stateful
// era, nil when nothing does: content that the client cannot read goes, and is
// said in text where the result has no other.
func olderResult(ex *gate.Exchange, m *gate.Message) *jsonrpc.Patch {
	at, ok := m.Field("structuredContent")
	r := &ex.Call.Route
	if !ok || ex.Call.Era != gate.Stateful || r.Action != gate.Relay || r.Item != gate.Tool {
		return nil
	}
	value := m.Bytes(at)
	drop := !isObject(value) || ex.Target.Item != nil && !objectOutput(ex.Target.Item.Raw)
	silent := emptyContent(m)
	if !drop && (!silent || clientVersion(ex) >= V20250618) {
		return nil
	}
	p := codec(m).Patch()
	if drop {
		p.DropField("structuredContent")
	}
	if silent {
		block := jsonrpc.AppendString([]byte(`[{"type":"text","text":`), string(value))
		p.SetField("content", append(block, "}]"...))
	}
	return p
}

// emptyContent tells whether a result has no content block.
func emptyContent(m *gate.Message) bool {
	at, _ := m.Field("content")
	empty := true
	// What is no list holds no block.
	_ = jsonrpc.Elements(m.Bytes(at), func(jsonrpc.Span) error { empty = false; return errStop })
	return empty
}

// clientVersion governs the exchange, also where the message came outside a
// call. Revisions are dates in ISO 8601, so they order as text does.
func clientVersion(ex *gate.Exchange) string {
	if ex.Call.Version == "" && ex.Call.Session != nil {
		return ex.Call.Session.Version
	}
	return ex.Call.Version
}

// objectOutput tells whether a tool's output schema is one that the stateful
// era has: none, or one whose root is an object.
func objectOutput(raw []byte) bool {
	schema, ok := member(raw, "outputSchema")
	if !ok {
		return true
	}
	kind, _ := memberText(schema, "type")
	return kind == "object"
}
