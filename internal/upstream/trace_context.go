package upstream

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Propagation is what upstreams are told of the trace that a call belongs to (W3C Trace
// Context, and SEP-414 for _meta).
type Propagation uint8

// The propagations. The zero value changes nothing of a message.
const (
	AsSent      Propagation = iota // what the client wrote into _meta; no header
	NothingSent                    // nothing of it
	TraceSent                      // the call's own place in the trace alone
	BaggageSent                    // that, and tracestate and baggage of _meta where they are valid
)

// contextMembers are the members of _meta that carry a trace.
const contextMembers = 3

// context are those members as this upstream shall read them: empty to take one out.
func (p Propagation) context(ex *gate.Exchange) (list [contextMembers]mcp.Member) {
	list = [contextMembers]mcp.Member{{Name: gate.MetaTrace}, {Name: gate.MetaState}, {Name: gate.MetaBaggage}}
	if p != TraceSent && p != BaggageSent {
		return list
	}
	list[0].Text = ex.Trace.Parents()
	if p == BaggageSent && ex.Trace.Trusted(ex.Principal) {
		list[1].Text, list[2].Text = ex.Trace.State(), gate.Baggage(ex.Call.Message)
	}
	return list
}

// without is what a client's notification or answer, or a part of one of its messages, is to an
// upstream that is told of traces, or of none: none of them has a place of its own in one, so
// nothing of it goes along, in no _meta however deep.
func (p Propagation) without(raw []byte) []byte {
	if p == AsSent || !mayHaveMeta(raw) {
		return raw
	}
	return untraced(raw)
}

// spareAnswers has the answers that a request brings along go upstream without what they have of
// a trace in a _meta of their own.
func (p Propagation) spareAnswers(m *gate.Message, edits []jsonrpc.Edit) []jsonrpc.Edit {
	at, ok := m.Field("inputResponses")
	if !ok {
		return edits
	}
	answers := m.Bytes(at)
	if rest := p.without(answers); len(rest) != len(answers) {
		edits = append(edits, jsonrpc.Edit{At: jsonrpc.Span(at), New: rest})
	}
	return edits
}

// mayHaveMeta tells whether some name in raw may be _meta, written out or escaped.
func mayHaveMeta(raw []byte) bool {
	return bytes.Contains(raw, []byte("_meta")) || bytes.Contains(raw, []byte(`\u`))
}

// untraced is a valid JSON value without the members that carry a trace of every object that is
// the member _meta of another; raw itself where there are none.
func untraced(raw []byte) []byte {
	dec := jsontext.NewDecoder(bytes.NewBuffer(slices.Clip(raw)), jsontext.AllowDuplicateNames(true))
	var edits []jsonrpc.Edit
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			break // the end: the value was parsed before
		}
		if tok.Kind() != '"' || tok.String() != "_meta" || !isName(dec) || dec.PeekKind() != '{' {
			continue
		}
		meta, err := dec.ReadValue()
		if err != nil {
			break
		}
		end := int(dec.InputOffset())
		rest := jsonrpc.Without(untraced(meta), gate.MetaTrace, gate.MetaState, gate.MetaBaggage)
		if len(rest) != len(meta) {
			edits = append(edits, jsonrpc.Edit{At: jsonrpc.Span{Start: end - len(meta), End: end}, New: rest})
		}
	}
	if edits == nil {
		return raw
	}
	return jsonrpc.Splice(raw, edits...)
}

// isName tells whether the string that was read last is a member's name.
func isName(dec *jsontext.Decoder) bool {
	in, read := dec.StackIndex(dec.StackDepth())
	return in == '{' && read%2 == 1
}

// traced adds what the upstream is told of the trace to the headers of a request over
// HTTP, and gives the members of _meta; nil where the message stays as it is.
func (o *outgoing) traced(c *channel, ex *gate.Exchange) []mcp.Member {
	p := c.srv.pool.cfg.Propagation
	if p == AsSent {
		return nil
	}
	list := p.context(ex)
	if c.srv.wire != nil && list[0].Text != "" {
		if o.header == nil {
			o.header = make(http.Header, 8)
		}
		for i, name := range [contextMembers]string{gate.HeaderTrace, gate.HeaderState, gate.HeaderBaggage} {
			if list[i].Text != "" {
				o.header[name] = []string{list[i].Text}
			}
		}
	}
	return list[:]
}

// spliced puts the members into the edits of a request that is otherwise the client's own.
// drop are those that have to go.
func spliced(m *gate.Message, edits []jsonrpc.Edit, members []mcp.Member) (_ []jsonrpc.Edit, drop []string) {
	var fresh []byte
	for _, one := range members {
		at, there := m.MetaField(one.Name)
		switch {
		case one.Text == "" && there:
			drop = append(drop, one.Name)
		case one.Text == "":
		case there:
			edits = append(edits, jsonrpc.Edit{At: jsonrpc.Span(at), New: jsonrpc.AppendString(nil, one.Text)})
		default:
			if fresh != nil {
				fresh = append(fresh, ',')
			}
			fresh = append(append(jsonrpc.AppendString(fresh, one.Name), ':'), jsonrpc.AppendString(nil, one.Text)...)
		}
	}
	if at, ok := firstMember(m); ok && fresh != nil {
		if !m.MetaSpan.Present() {
			fresh = slices.Concat([]byte(`"_meta":{`), fresh, []byte("}"))
		}
		if m.Raw[past(m, at)] != '}' {
			fresh = append(fresh, ',')
		}
		edits = append(edits, jsonrpc.Edit{At: jsonrpc.Span{Start: at, End: at}, New: fresh})
	}
	return edits, drop
}

// firstMember is where the first member of _meta would stand, or of params where there is no
// _meta. ok is false where nothing can be put there.
func firstMember(m *gate.Message) (at int, ok bool) {
	in := m.MetaSpan
	if !in.Present() {
		in = m.Params
	}
	if !in.Present() || m.Raw[in.Start] != '{' {
		return 0, false
	}
	return in.Start + 1, true
}

// past is where what follows at begins, white space passed over.
func past(m *gate.Message, at int) int {
	for m.Raw[at] == ' ' || m.Raw[at] == '\t' || m.Raw[at] == '\r' || m.Raw[at] == '\n' {
		at++
	}
	return at
}
