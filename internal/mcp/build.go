package mcp

import (
	"bytes"
	"strconv"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// NewResult builds a result of Doorward's own. id is the request's token,
// result is JSON.
func NewResult(id, result []byte) *gate.Message {
	b := builder{m: gate.Message{Kind: gate.Result}}
	b.text(`{"jsonrpc":"2.0","id":`)
	b.m.ID = b.token(id)
	b.text(`,"result":`)
	b.m.Result = b.token(result)
	b.text(`}`)
	return b.message(b.m.Result)
}

// NewError builds an error of Doorward's own. Without an id token the message
// has no id: MCP's schema has no null id, and allows none since 2025-11-25.
// data is JSON, or nil for none.
func NewError(id []byte, code int, message string, data []byte) *gate.Message {
	b := builder{m: gate.Message{Kind: gate.Failure}}
	b.text(`{"jsonrpc":"2.0",`)
	if id != nil {
		b.text(`"id":`)
		b.m.ID = b.token(id)
		b.text(`,`)
	}
	object := strconv.AppendInt([]byte(`{"code":`), int64(code), 10)
	object = jsonrpc.AppendString(append(object, `,"message":`...), message)
	if data != nil {
		object = append(append(object, `,"data":`...), data...)
	}
	b.text(`"error":`)
	b.m.Error = b.token(append(object, '}'))
	b.text(`}`)
	return b.message(b.m.Error)
}

// NewRequest builds a request of Doorward's own. params is a JSON object, or
// nil for none.
func NewRequest(id []byte, method string, params []byte) *gate.Message {
	b := builder{m: gate.Message{Kind: gate.Request, Method: method}}
	b.text(`{"jsonrpc":"2.0","id":`)
	b.m.ID = b.token(id)
	b.text(`,`)
	return b.call(method, params)
}

// NewNotification builds a notification of Doorward's own. params is a JSON
// object, or nil for none.
func NewNotification(method string, params []byte) *gate.Message {
	b := builder{m: gate.Message{Kind: gate.Notification, Method: method}}
	b.text(`{"jsonrpc":"2.0",`)
	return b.call(method, params)
}

// builder writes a message and notes where its parts stand.
type builder struct{ m gate.Message }

func (b *builder) text(s string) { b.m.Raw = append(b.m.Raw, s...) }

func (b *builder) token(tok []byte) gate.Span {
	start := len(b.m.Raw)
	b.m.Raw = append(b.m.Raw, tok...)
	return gate.Span{Start: start, End: len(b.m.Raw)}
}

func (b *builder) call(method string, params []byte) *gate.Message {
	b.m.Raw = jsonrpc.AppendString(append(b.m.Raw, `"method":`...), method)
	if params != nil {
		b.text(`,"params":`)
		b.m.Params = b.token(params)
	}
	b.text(`}`)
	return b.message(b.m.Params)
}

// message indexes the members of the object at the span, if it is one.
func (b *builder) message(at gate.Span) *gate.Message {
	m := &b.m
	m.Fields = fieldsOf(m.Raw, at)
	if meta, ok := m.Field("_meta"); ok && m.Kind != gate.Failure {
		m.MetaSpan, m.Meta = meta, fieldsOf(m.Raw, meta)
	}
	return m
}

func fieldsOf(raw []byte, at gate.Span) []gate.Field {
	var fields []gate.Field
	shift := func(s jsonrpc.Span) gate.Span { return gate.Span{Start: at.Start + s.Start, End: at.Start + s.End} }
	// What is no object has no members: that is the answer, not a failure.
	_ = jsonrpc.Members(raw[at.Start:at.End], func(name string, key, value jsonrpc.Span) error {
		fields = append(fields, gate.Field{Name: name, Key: shift(key), Value: shift(value)})
		return nil
	})
	return fields
}

// OneLine returns b without the white space around it and with its line breaks,
// which valid JSON has between tokens only, made spaces; b's own bytes when there
// are none. stdio and SSE frame by line, and a server of the Go SDK ends when a
// byte stands between a message and the end of its line.
func OneLine(b []byte) []byte {
	b = bytes.Trim(b, " \t\r\n")
	if bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	line := bytes.Clone(b)
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return line
}
