// Package jsonrpc is Doorward's strict codec for JSON-RPC 2.0 messages as MCP uses them.
//
// It is called wherever bytes become a message or a message becomes bytes: the decode stage, method
// handling in mcp, and the listen and upstream adapters. It reads a message once, keeps the bytes it was
// given and describes them with offsets, so that what policy judged is byte for byte what is relayed.
//
// It never rebuilds a message, never rounds a number, never reorders or drops a member it does not know,
// never repairs a faulty message, and never knows what a method means.
package jsonrpc

// Kind says what a message is. The zero value is no message at all.
type Kind uint8

// The four kinds of JSON-RPC 2.0 messages.
const (
	Request      Kind = iota + 1 // a method with an id
	Notification                 // a method without an id
	Result                       // an id and a result
	Failure                      // an error, with the id of the request when its sender knew it
)

// String returns the lower-case name of k, "invalid" for the zero value.
func (k Kind) String() string {
	switch k {
	case Request:
		return "request"
	case Notification:
		return "notification"
	case Result:
		return "result"
	case Failure:
		return "failure"
	default:
		return "invalid"
	}
}

// Span is a range of bytes [Start, End) of a message. The zero value means absent: no part of a message
// starts and ends at offset 0.
type Span struct{ Start, End int }

// Present reports whether s is a part of a message.
func (s Span) Present() bool { return s.End > s.Start }

// Field is one member of a JSON object: its unescaped name, and where its key token (quotes included) and
// its value stand in the message.
type Field struct {
	Name  string
	Key   Span
	Value Span
}

// Message is a parsed view of one JSON-RPC 2.0 message. Parse writes every field; nobody changes one.
// All spans are offsets into Raw, which is the caller's slice and must not change while the view is used.
type Message struct {
	Raw    []byte
	Kind   Kind
	ID     Span   // the id token exactly as sent; absent in a Notification and in a Failure that has none
	Method string // unescaped, 1 to 256 bytes; empty in a Result or Failure
	Params Span   // an object, when present
	Result Span   // any JSON value
	Error  Span   // an object with an integer code and a string message

	// Fields are the members of params, of a result that is an object, or of error, in their order.
	Fields []Field
	// Meta are the members of the _meta object found among Fields.
	Meta []Field
	// MetaSpan is the value of _meta: an object, or null in a Result.
	MetaSpan Span
}

// Bytes returns the part of the message at s, nil when s is absent. It is a view into Raw, not a copy.
func (m *Message) Bytes(s Span) []byte {
	if !s.Present() {
		return nil
	}
	return m.Raw[s.Start:s.End:s.End]
}

// Field returns the value of the member of params, result or error with that name.
func (m *Message) Field(name string) (Span, bool) { return find(m.Fields, name) }

// MetaField returns the value of the member of _meta with that name.
func (m *Message) MetaField(name string) (Span, bool) { return find(m.Meta, name) }

// Text returns the unquoted text of s, and false when s is absent or not a JSON string.
func (m *Message) Text(s Span) (string, bool) { return unquote(m.Bytes(s)) }

func find(fields []Field, name string) (Span, bool) {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value, true
		}
	}
	return Span{}, false
}

// Limits bound what Parse accepts. A field that is zero or negative takes its value from ClientLimits.
type Limits struct {
	Depth    int // nested objects and arrays; the message itself is depth 1
	Elements int // array elements and object members in the whole message
	Number   int // bytes of one number token
	messages int // of a batch, which raw is; 0: it is none
}

// ClientLimits are the bounds for messages from clients: depth 64, 10,000 elements, numbers of 1,000 bytes.
func ClientLimits() Limits { return Limits{Depth: 64, Elements: 10_000, Number: 1_000} }

// UpstreamLimits are the bounds for messages from upstreams, whose results are larger: 1,000,000 elements,
// and otherwise the bounds for clients.
func UpstreamLimits() Limits {
	l := ClientLimits()
	l.Elements = 1_000_000
	return l
}

func (l Limits) orDefault() Limits {
	d := ClientLimits()
	if l.Depth <= 0 {
		l.Depth = d.Depth
	}
	if l.Elements <= 0 {
		l.Elements = d.Elements
	}
	if l.Number <= 0 {
		l.Number = d.Number
	}
	return l
}
