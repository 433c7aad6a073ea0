package gate

// MessageKind says which of the four JSON-RPC shapes a message has. The zero
// value is no message.
type MessageKind uint8

// The JSON-RPC 2.0 shapes.
const (
	NoMessage MessageKind = iota
	Request
	Notification
	Result  // a response with a result
	Failure // a response with an error
)

// Span is a half-open range of bytes in Message.Raw; the zero value is absent.
type Span struct{ Start, End int }

// Present tells whether the span names any bytes.
func (s Span) Present() bool { return s.End > s.Start }

// Field is a member of a message's params (of its result for a Result).
type Field struct {
	Name       string
	Key, Value Span
}

// Message is one JSON-RPC message: the bytes as they arrived and an index into
// them. decode makes the client's, the upstream adapter an upstream's (both
// with mcp.Parse), and mcp those of Doorward's own. It is never changed
// afterwards; a reply stage that rewrites returns a new one.
type Message struct {
	Raw                   []byte
	Kind                  MessageKind
	Method                string // empty for Result and Failure
	ID                    Span   // exact token; absent for Notification
	Params, Result, Error Span
	Fields                []Field // members of params, result or error
	Meta                  []Field // members of the _meta object among Fields
	MetaSpan              Span
	// ShownID is the id token that the client shall see in place of ID: the
	// upstream adapter sets it on server-to-client requests. Nil keeps ID.
	ShownID []byte
	// Leaked is that the upstream returned a secret that it was handed, which is
	// masked in Raw.
	Leaked bool
}

// Bytes is the part of Raw that s names, nil when absent. The caller must not
// change it.
func (m *Message) Bytes(s Span) []byte {
	if !s.Present() {
		return nil
	}
	return m.Raw[s.Start:s.End:s.End]
}

// Field finds a member of params (or result, or error) by its exact name.
func (m *Message) Field(name string) (Span, bool) { return find(m.Fields, name) }

// MetaField finds a member of _meta by its exact name.
func (m *Message) MetaField(name string) (Span, bool) { return find(m.Meta, name) }

func find(fields []Field, name string) (Span, bool) {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Value, true
		}
	}
	return Span{}, false
}

// Final tells whether the message ends its request: a result or an error.
func (m *Message) Final() bool { return m.Kind == Result || m.Kind == Failure }
