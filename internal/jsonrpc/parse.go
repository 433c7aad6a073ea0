package jsonrpc

import "bytes"

const (
	maxMethod   = 256 // bytes of a method
	maxIDText   = 256 // bytes of an id that is a string, unescaped
	maxIDDigits = 20  // digits of an id that is a number
)

// Parse reads one message within lim and describes it; the error is a *Fault. It refuses what RFC 8259 and
// JSON-RPC 2.0 refuse, and everything that two honest parsers could read differently: duplicate keys at any
// depth, keys that imitate a protocol key (see CVE-2026-27896), invalid UTF-8, params that are no object, ids
// that are neither strings nor integers. The first fault found is the one reported. Parse keeps raw, copies
// nothing of it but names it does not know, and does not change it.
func Parse(raw []byte, lim Limits) (Message, error) {
	if f := measure(raw, lim.orDefault()); f != nil {
		return Message{}, f
	}
	r := newReader(raw)
	defer r.release()
	p := parser{reader: r, m: Message{Raw: raw}}
	f := p.message()
	if f != nil {
		f.ID = p.m.Bytes(p.m.ID)
		return Message{}, f
	}
	return p.m, nil
}

// parser is the state of one Parse.
type parser struct {
	*reader

	m       Message
	method  Span
	version bool
}

func (p *parser) message() *Fault {
	if kind := p.dec.PeekKind(); kind != '{' {
		if _, f := p.value(); f != nil {
			return f
		}
		if f := p.end(); f != nil {
			return f
		}
		return invalid("", "message is not an object")
	}
	if _, f := p.bracket(); f != nil {
		return f
	}
	for p.dec.PeekKind() != '}' {
		key, f := p.key(levelTop)
		if f != nil {
			return f
		}
		if f := p.member(key.Name); f != nil {
			return f
		}
	}
	if _, f := p.bracket(); f != nil {
		return f
	}
	if f := p.end(); f != nil {
		return f
	}
	return p.shape()
}

// member reads the value of one member of the message.
func (p *parser) member(name string) (f *Fault) {
	switch name {
	case "jsonrpc":
		return p.jsonrpc()
	case "id":
		return p.id()
	case "method":
		return p.readMethod()
	case "params":
		p.m.Params, f = p.object(levelParams, "params is not an object")
	case "error":
		if p.m.Error, f = p.object(levelError, "error is not an object"); f == nil {
			f = p.checkError()
		}
	case "result":
		if p.dec.PeekKind() == '{' {
			p.m.Result, f = p.object(levelOther, "")
		} else {
			p.m.Result, f = p.value()
		}
	default:
		_, f = p.value()
	}
	return f
}

func (p *parser) jsonrpc() *Fault {
	s, f := p.value()
	if f != nil {
		return f
	}
	if string(p.raw[s.Start:s.End]) != `"2.0"` {
		return invalid("/jsonrpc", "version is not \"2.0\"")
	}
	p.version = true
	return nil
}

func (p *parser) id() *Fault {
	s, f := p.value()
	if f != nil {
		return f
	}
	if why := idFault(p.raw[s.Start:s.End]); why != "" {
		return invalid("/id", why)
	}
	p.m.ID = s
	return nil
}

func (p *parser) readMethod() *Fault {
	s, f := p.value()
	if f != nil {
		return f
	}
	tok := p.raw[s.Start:s.End]
	if tok[0] != '"' {
		return invalid("/method", "method is not a string")
	}
	name, known := "", false
	if name, known = intern(tok[1 : len(tok)-1]); !known {
		name, _ = unquote(tok)
	}
	if name == "" || len(name) > maxMethod {
		return invalid("/method", "method is empty or longer than 256 bytes")
	}
	p.m.Method, p.method = name, s
	return nil
}

// object reads an object that must stand next, and keeps its members.
func (p *parser) object(l level, notObject string) (Span, *Fault) {
	if p.dec.PeekKind() != '{' {
		if _, f := p.value(); f != nil {
			return Span{}, f
		}
		return Span{}, invalid(string(p.dec.StackPointer()), notObject)
	}
	start, f := p.bracket()
	if f != nil {
		return Span{}, f
	}
	fields := make([]Field, 0, 4)
	for p.dec.PeekKind() != '}' {
		field, f := p.key(l)
		if f != nil {
			return Span{}, f
		}
		if field.Name == "_meta" && (l == levelParams || l == levelOther) {
			field.Value, f = p.meta(l)
		} else {
			field.Value, f = p.value()
		}
		if f != nil {
			return Span{}, f
		}
		fields = append(fields, field)
	}
	end, f := p.bracket()
	if f != nil {
		return Span{}, f
	}
	if l == levelMeta {
		p.m.Meta = fields
	} else {
		p.m.Fields = fields
	}
	return Span{start - 1, end}, nil
}

// meta reads the value of _meta. Some servers send null in a result, which means that there is none.
func (p *parser) meta(parent level) (s Span, f *Fault) {
	if parent == levelOther && p.dec.PeekKind() == 'n' {
		s, f = p.value()
	} else {
		s, f = p.object(levelMeta, "_meta is not an object")
	}
	p.m.MetaSpan = s
	return s, f
}

// checkError checks the members of error that JSON-RPC 2.0 section 5.1 requires.
func (p *parser) checkError() *Fault {
	code, _ := p.m.Field("code")
	if !integer(p.m.Bytes(code)) {
		return invalid("/error/code", "code of the error is not an integer")
	}
	message, _ := p.m.Field("message")
	if tok := p.m.Bytes(message); len(tok) == 0 || tok[0] != '"' {
		return invalid("/error/message", "message of the error is not a string")
	}
	return nil
}

// shape decides what kind of message the members make.
func (p *parser) shape() *Fault {
	m := &p.m
	method, result, failure := p.method.Present(), m.Result.Present(), m.Error.Present()
	switch {
	case !p.version:
		return invalid("", "jsonrpc is missing")
	case method && (result || failure):
		return invalid("", "method together with result or error")
	case result && failure:
		return invalid("", "result together with error")
	case !method && !result && !failure:
		return invalid("", "neither method nor result nor error")
	case !method && m.Params.Present():
		return invalid("/params", "params in a response")
	case result && !m.ID.Present():
		return invalid("", "result without an id")
	case method && m.ID.Present():
		m.Kind = Request
	case method:
		m.Kind = Notification
	case result:
		m.Kind = Result
	default:
		m.Kind = Failure
	}
	return nil
}

// idFault says why tok is no id; it is empty when it is one.
func idFault(tok []byte) string {
	if tok[0] == '"' {
		if len(tok)-2 <= maxIDText {
			return ""
		}
		if text, ok := unquote(tok); len(tok) > 6*maxIDText+2 || !ok || len(text) > maxIDText {
			return "id is longer than 256 bytes"
		}
		return ""
	}
	if !integer(tok) {
		return "id is neither a string nor an integer"
	}
	if len(bytes.TrimPrefix(tok, []byte("-"))) > maxIDDigits {
		return "id has more than 20 digits"
	}
	return ""
}

// integer reports whether a number token has neither fraction nor exponent.
func integer(tok []byte) bool {
	return len(tok) > 0 && (tok[0] == '-' || tok[0] >= '0' && tok[0] <= '9') && !bytes.ContainsAny(tok, ".eE")
}
