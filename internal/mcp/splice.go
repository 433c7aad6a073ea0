package mcp

import (
	"bytes"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// edits collects changes to one message; at most a handful.
type edits struct {
	raw  []byte
	list [4]jsonrpc.Edit
	n    int
}

// replace notes that the bytes at the span become tok. Nothing happens when
// the part is absent, tok is nil, or they are the same.
func (e *edits) replace(at gate.Span, tok []byte) {
	if !at.Present() || tok == nil || bytes.Equal(e.raw[at.Start:at.End], tok) {
		return
	}
	e.list[e.n] = jsonrpc.Edit{At: jsonrpc.Span(at), New: tok}
	e.n++
}

func (e *edits) bytes() []byte {
	if e.n == 0 {
		return e.raw
	}
	return jsonrpc.Splice(e.raw, e.sorted()...)
}

func (e *edits) pieces() [][]byte { return jsonrpc.Pieces(e.raw, e.sorted()...) }

func (e *edits) sorted() []jsonrpc.Edit {
	list := e.list[:e.n]
	slices.SortFunc(list, func(a, b jsonrpc.Edit) int { return a.At.Start - b.At.Start })
	return list
}

// ForClient is what the client of the exchange reads for m, a message of the
// upstream's or Doorward's own that passed the reply stages: the client's own
// id on an answer, its progress token on progress, the id of its listen on
// everything that a listen brings, and the id that it shall see on a request
// to it. A tool's result also loses what a client of the stateful era cannot
// read (structured content that is no object). Every other byte is m's; m.Raw
// itself is returned when nothing changes. listen calls it.
func ForClient(ex *gate.Exchange, m *gate.Message) []byte {
	raw, e := forClient(ex, m)
	if raw != nil {
		return raw
	}
	return e.bytes()
}

// PiecesForClient is ForClient in pieces to be written one after the other, so
// that a large answer is not copied for the sake of its id.
func PiecesForClient(ex *gate.Exchange, m *gate.Message) [][]byte {
	raw, e := forClient(ex, m)
	if raw != nil {
		return [][]byte{raw}
	}
	return e.pieces()
}

// forClient is the message itself where it is built anew, and otherwise what
// changes in it.
func forClient(ex *gate.Exchange, m *gate.Message) ([]byte, edits) {
	var id, token []byte
	if call := ex.Call.Message; call != nil {
		id = call.Bytes(call.ID)
		if at, ok := call.MetaField(MetaProgress); ok {
			token = call.Bytes(at)
		}
	}
	if ex.Call.Route.Action == gate.Listen && id != nil && (m.Kind == gate.Result || m.Kind == gate.Notification) {
		return tagged(m, id), edits{}
	}
	e := edits{raw: m.Raw}
	switch m.Kind {
	case gate.Failure, gate.Result:
		if p := olderResult(ex, m); p != nil {
			p.ID(id)
			return p.Bytes(), edits{}
		}
		if id != nil && !m.ID.Present() {
			p := codec(m)
			patch := p.Patch()
			patch.ID(id)
			return patch.Bytes(), edits{}
		}
		e.replace(m.ID, id)
	case gate.Request:
		e.replace(m.ID, m.ShownID)
	case gate.Notification:
		switch m.Method {
		case "notifications/progress":
			at, _ := m.Field(MetaProgress)
			e.replace(at, token)
		case "notifications/cancelled":
			at, _ := m.Field("requestId")
			e.replace(at, m.ShownID)
		}
	case gate.NoMessage:
	}
	return nil, e
}

// tagged marks a message of a listen with the id of the client's request,
// type and all (2026-07-28, subscriptions).
func tagged(m *gate.Message, id []byte) []byte {
	p := codec(m)
	patch := p.Patch()
	if m.Kind == gate.Result {
		patch.ID(id)
	}
	if m.Method == "notifications/cancelled" {
		patch.SetField("requestId", id)
	}
	patch.SetMeta(MetaSubscription, id)
	return patch.Bytes()
}

// prefixed tells whether clients may see things of the kind under another name
// than the upstream's.
func prefixed(kind gate.ItemKind) bool { return kind == gate.Tool || kind == gate.Prompt }

// codec is the message in jsonrpc's terms, for what needs its Patch.
func codec(m *gate.Message) *jsonrpc.Message {
	kinds := [...]jsonrpc.Kind{gate.Request: jsonrpc.Request, gate.Notification: jsonrpc.Notification, gate.Result: jsonrpc.Result, gate.Failure: jsonrpc.Failure}
	return &jsonrpc.Message{
		Raw:      m.Raw,
		Kind:     kinds[m.Kind],
		ID:       jsonrpc.Span(m.ID),
		Method:   m.Method,
		Params:   jsonrpc.Span(m.Params),
		Result:   jsonrpc.Span(m.Result),
		Error:    jsonrpc.Span(m.Error),
		Fields:   codecFields(m.Fields),
		Meta:     codecFields(m.Meta),
		MetaSpan: jsonrpc.Span(m.MetaSpan),
	}
}

func codecFields(list []gate.Field) []jsonrpc.Field {
	fields := make([]jsonrpc.Field, len(list))
	for i, f := range list {
		fields[i] = jsonrpc.Field{Name: f.Name, Key: jsonrpc.Span(f.Key), Value: jsonrpc.Span(f.Value)}
	}
	return fields
}
