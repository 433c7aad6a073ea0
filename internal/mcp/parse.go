package mcp

import (
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// Fault is why bytes are no message. ParseClient, ParseUpstream and Split
// return no other type of error.
type Fault = jsonrpc.Fault

// MaxBatch is the number of messages in a batch of 2025-03-26 that Doorward
// accepts: enough for any client seen, and each costs one exchange.
const MaxBatch = 100

// ParseClient reads a client's message within jsonrpc.ClientLimits. decode
// calls it; the message keeps raw.
func ParseClient(raw []byte) (*gate.Message, error) {
	return parse(raw, jsonrpc.ClientLimits())
}

// ParseUpstream reads an upstream's message within jsonrpc.UpstreamLimits. The
// upstream adapter calls it; the message keeps raw.
func ParseUpstream(raw []byte) (*gate.Message, error) {
	return parse(raw, jsonrpc.UpstreamLimits())
}

func parse(raw []byte, lim jsonrpc.Limits) (*gate.Message, error) {
	p, err := jsonrpc.Parse(raw, lim)
	if err != nil {
		return nil, err // a *Fault: there is nothing to add
	}
	whole := &withFields{Message: gate.Message{
		Raw:      p.Raw,
		Kind:     kindOf(p.Kind),
		Method:   p.Method,
		ID:       gate.Span(p.ID),
		Params:   gate.Span(p.Params),
		Result:   gate.Span(p.Result),
		Error:    gate.Span(p.Error),
		MetaSpan: gate.Span(p.MetaSpan),
	}}
	m, fields := &whole.Message, whole.room[:0]
	if n := len(p.Fields) + len(p.Meta); n > len(whole.room) {
		fields = make([]gate.Field, 0, n)
	}
	for _, list := range [...][]jsonrpc.Field{p.Fields, p.Meta} {
		for _, f := range list {
			fields = append(fields, gate.Field{Name: f.Name, Key: gate.Span(f.Key), Value: gate.Span(f.Value)})
		}
	}
	m.Fields, m.Meta = fields[:len(p.Fields):len(p.Fields)], fields[len(p.Fields):len(fields):len(fields)]
	return m, nil
}

// withFields is a message with room for the members that most have, in one
// allocation.
type withFields struct {
	gate.Message
	room [6]gate.Field
}

func kindOf(k jsonrpc.Kind) gate.MessageKind {
	switch k {
	case jsonrpc.Request:
		return gate.Request
	case jsonrpc.Notification:
		return gate.Notification
	case jsonrpc.Result:
		return gate.Result
	case jsonrpc.Failure:
		return gate.Failure
	}
	return gate.NoMessage
}

// IsBatch tells whether raw starts like a JSON-RPC batch.
func IsBatch(raw []byte) bool { return jsonrpc.IsBatch(raw) }

// Split returns the items of a batch as views into raw: 1 to MaxBatch, none of
// them parsed. A batch that has an initialize in it is refused (2025-03-26,
// lifecycle: "MUST NOT be part of a JSON-RPC batch").
func Split(raw []byte) ([][]byte, error) {
	items, err := jsonrpc.Split(raw, MaxBatch)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		found := false
		// An item that is no object is refused when it is parsed for itself.
		_ = jsonrpc.Members(item, func(name string, _, value jsonrpc.Span) error {
			text, ok := unquote(item[value.Start:value.End])
			found = found || name == "method" && ok && text == "initialize"
			return nil
		})
		if found {
			return nil, &Fault{Code: CodeInvalidRequest, Path: "/method", Reason: "initialize inside a batch"}
		}
	}
	return items, nil
}

// errStop ends a walk over members early.
var errStop = errors.New("found")

// member returns the value of the member of the object raw that has the name,
// and false when there is none or raw is no object.
func member(raw []byte, name string) ([]byte, bool) {
	s, ok := memberSpan(raw, name)
	if !ok {
		return nil, false
	}
	return raw[s.Start:s.End:s.End], true
}

// memberSpan is member for where in raw the value stands.
func memberSpan(raw []byte, name string) (gate.Span, bool) {
	var at gate.Span
	err := jsonrpc.Members(raw, func(n string, _, v jsonrpc.Span) error {
		if n != name {
			return nil
		}
		at = gate.Span(v)
		return errStop
	})
	return at, errors.Is(err, errStop)
}

// memberText is member for a value that is a string.
func memberText(raw []byte, name string) (string, bool) {
	value, ok := member(raw, name)
	if !ok {
		return "", false
	}
	return unquote(value)
}

// unquote returns the text of a JSON string token, and false if tok is none.
func unquote(tok []byte) (string, bool) {
	if len(tok) < 2 || tok[0] != '"' || tok[len(tok)-1] != '"' {
		return "", false
	}
	if body := tok[1 : len(tok)-1]; plainText(body) {
		return string(body), true
	}
	text, err := jsontext.AppendUnquote(nil, tok)
	return string(text), err == nil
}

// plainText tells whether every byte of a string's body stands for itself.
func plainText(body []byte) bool {
	for _, c := range body {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// isToken tells whether raw may be a progress token or an id: a string or an
// integer.
func isToken(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	if raw[0] == '"' {
		return true
	}
	for i, c := range raw {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return false
		}
	}
	return true
}
