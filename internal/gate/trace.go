package gate

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// Trace is where an exchange stands in a distributed trace (W3C Trace Context). The
// zero value is none.
type Trace struct {
	ID     [16]byte // of the trace: the client's, or made here
	Span   [8]byte  // of the exchange, made here
	Parent [8]byte  // of the client; zero when it named none that is valid
}

// headerTrace is the header of W3C Trace Context, and the member of _meta that stands
// for it in MCP, in the canonical form of net/http.
const (
	headerTrace = "Traceparent"
	metaTrace   = "traceparent"
)

// BeginTrace is the trace of a message that came with these headers. One that is
// not valid, or is there twice, is none, and then a trace of its own begins.
func BeginTrace(h http.Header) Trace {
	var t Trace
	if values := h[headerTrace]; len(values) == 1 {
		t.ID, t.Parent = parseTraceparent(values[0])
	}
	return t.begin()
}

// begin makes what is missing.
func (t Trace) begin() Trace {
	var fresh [24]byte
	_, _ = rand.Read(fresh[:]) // never fails (crypto/rand)
	copy(t.Span[:], fresh[:8])
	if t.ID == ([16]byte{}) {
		copy(t.ID[:], fresh[8:])
	}
	return t
}

// Next is the trace of another exchange that came by the same request.
func (t Trace) Next() Trace {
	t.Span = [8]byte{}
	return t.begin()
}

// Of is the trace as the message itself has it: its _meta goes before a header, which
// may stand for many messages. What is not valid there changes nothing.
func (t Trace) Of(m *Message) Trace {
	at, ok := m.MetaField(metaTrace)
	if !ok {
		return t
	}
	raw := m.Bytes(at)
	const quotes = 2
	if len(raw) < quotes || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return t
	}
	id, parent := parseTraceparent(string(raw[1 : len(raw)-1]))
	if id != ([16]byte{}) {
		t.ID, t.Parent = id, parent
	}
	return t
}

// parseTraceparent reads version, trace-id, parent-id and flags (W3C Trace Context
// §3.2). A version above 00 may have more behind them; ff is none. It gives zeros for
// what is not valid.
func parseTraceparent(s string) (id [16]byte, parent [8]byte) {
	const length, idAt, parentAt, flagsAt, longest = 55, 3, 36, 53, 512
	if len(s) < length || len(s) > longest || s[idAt-1] != '-' || s[parentAt-1] != '-' || s[flagsAt-1] != '-' {
		return id, parent
	}
	var version, flags [1]byte
	version00 := s[:2] == "00"
	if version00 && len(s) != length || len(s) > length && s[length] != '-' || s[:2] == "ff" {
		return id, parent
	}
	var trace [16]byte
	var span [8]byte
	ok := lowerHex(version[:], s[:2]) && lowerHex(trace[:], s[idAt:parentAt-1]) &&
		lowerHex(span[:], s[parentAt:flagsAt-1]) && lowerHex(flags[:], s[flagsAt:length])
	if !ok || trace == ([16]byte{}) || span == ([8]byte{}) {
		return id, parent
	}
	return trace, span
}

// lowerHex decodes lower-case hexadecimal digits, as the standard has them.
func lowerHex(to []byte, s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	n, err := hex.Decode(to, []byte(s))
	return err == nil && n == len(to)
}
