package gate

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// Trace is where an exchange stands in a distributed trace (W3C Trace Context). The
// zero value is none. The pipeline begins and settles it.
type Trace struct {
	ID      [16]byte // of the trace: the client's where it is known who that is, or made here
	Span    [8]byte  // of the exchange, made here
	Parent  [8]byte  // of the client; zero when it named none that is valid, or nobody knows it
	Call    [8]byte  // of what goes upstream, made here
	Sampled bool     // its spans are kept; no client says so
	Remote  *Remote  // what the client said; nil when it said nothing that is valid
}

// Remote is a trace context that a client sent.
type Remote struct {
	ID      [16]byte
	Parent  [8]byte
	Sampled bool
	State   string  // tracestate of _meta, valid and bounded; empty for none
	Around  *Remote // that of the HTTP request, where the message has one of its own; nil for none
}

// The headers of W3C Trace Context, in the canonical form of net/http, and the
// members of _meta that stand for them in MCP (SEP-414).
const (
	HeaderTrace   = "Traceparent"
	HeaderState   = "Tracestate"
	HeaderBaggage = "Baggage"
	MetaTrace     = "traceparent"
	MetaState     = "tracestate"
	MetaBaggage   = "baggage"
)

// BeginTrace is the trace of a message that came with these headers: one of its own
// until it is known whose message it is. What is not valid, or is there twice, is none.
// tracestate and baggage of headers are not asked for: nobody has looked at them.
func BeginTrace(h http.Header) Trace {
	t := Trace{}.begin()
	if values := h[HeaderTrace]; len(values) == 1 {
		if r, ok := parseTraceparent(values[0]); ok {
			t.Remote = &r
		}
	}
	return t
}

// begin makes what is missing.
func (t Trace) begin() Trace {
	var fresh [32]byte
	_, _ = rand.Read(fresh[:]) // never fails (crypto/rand)
	copy(t.Span[:], fresh[:8])
	copy(t.Call[:], fresh[8:16])
	if t.ID == ([16]byte{}) {
		copy(t.ID[:], fresh[16:])
	}
	return t
}

// Next is the trace of another exchange that came by the same request.
func (t Trace) Next() Trace { return t.begin() }

// Of is the trace as the message itself has it: its _meta goes before a header, which
// may stand for many messages. What is not valid there changes nothing.
func (t Trace) Of(m *Message) Trace {
	r, ok := parseTraceparent(metaText(m, MetaTrace))
	if !ok {
		return t
	}
	r.State = tracestate(metaText(m, MetaState))
	r.Around, t.Remote = t.Remote, &r
	return t
}

// metaText is a text of _meta that has no escapes, as trace contexts are; empty where
// there is none.
func metaText(m *Message, name string) string {
	at, ok := m.MetaField(name)
	raw := m.Bytes(at)
	const quotes = 2
	if !ok || len(raw) < quotes || len(raw) > maxBaggage+quotes || raw[0] != '"' || raw[len(raw)-1] != '"' || strings.Contains(string(raw), `\`) {
		return ""
	}
	return string(raw[1 : len(raw)-1])
}

// Settle puts the exchange under the client's span once it is known whose message it
// is. A stranger's trace is only linked to: nobody puts spans and records of others
// into a trace who has not said who they are.
func (t *Trace) Settle(p *Principal) {
	if t.Remote == nil || !t.Trusted(p) {
		return
	}
	t.ID, t.Parent = t.Remote.ID, t.Remote.Parent
}

// Trusted tells whether what a client says of a trace is taken for its own.
func (*Trace) Trusted(p *Principal) bool { return p != nil && p.Method != MethodAnonymous }

// Settled tells whether the exchange is under the client's span.
func (t *Trace) Settled() bool { return t.Remote != nil && t.Parent == t.Remote.Parent }

// Parents is the traceparent that goes upstream: under the span of the call.
func (t *Trace) Parents() string {
	b := make([]byte, 0, len("00-")+2*len(t.ID)+1+2*len(t.Call)+len("-01"))
	b = hex.AppendEncode(append(b, "00-"...), t.ID[:])
	b = append(hex.AppendEncode(append(b, '-'), t.Call[:]), "-00"...)
	if t.Sampled {
		b[len(b)-1] = '1'
	}
	return string(b)
}

// State is the tracestate that may go upstream: the client's, of a trace that is its own.
func (t *Trace) State() string {
	if !t.Settled() {
		return ""
	}
	return t.Remote.State
}

// TraceID is the trace's id as logs have it.
func (t *Trace) TraceID() string { return hex.EncodeToString(t.ID[:]) }

// SpanID is the id of the exchange's span as logs have it.
func (t *Trace) SpanID() string { return hex.EncodeToString(t.Span[:]) }

// IsTraceparent tells whether s has the form of a traceparent: it has room for nothing but ids.
func IsTraceparent(s string) bool {
	_, ok := parseTraceparent(s)
	return ok && len(s) == traceparentLen
}

// traceparentLen is the length of a traceparent of version 00 (W3C Trace Context §3.2.2).
const traceparentLen = 55

// parseTraceparent reads version, trace-id, parent-id and flags (W3C Trace Context
// §3.2). A version above 00 may have more behind them; ff is none.
func parseTraceparent(s string) (r Remote, ok bool) {
	const length, idAt, parentAt, flagsAt, longest = traceparentLen, 3, 36, 53, 512
	if len(s) < length || len(s) > longest || s[idAt-1] != '-' || s[parentAt-1] != '-' || s[flagsAt-1] != '-' {
		return r, false
	}
	var version, flags [1]byte
	version00 := s[:2] == "00"
	if version00 && len(s) != length || len(s) > length && s[length] != '-' || s[:2] == "ff" {
		return r, false
	}
	ok = lowerHex(version[:], s[:2]) && lowerHex(r.ID[:], s[idAt:parentAt-1]) &&
		lowerHex(r.Parent[:], s[parentAt:flagsAt-1]) && lowerHex(flags[:], s[flagsAt:length])
	r.Sampled = flags[0]&1 != 0
	return r, ok && r.ID != ([16]byte{}) && r.Parent != ([8]byte{})
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
