package jsonrpc

import (
	"bytes"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxPooled is the largest input, in bytes, after which a reader is used again: a decoder keeps the tables
// it grew for duplicate keys.
const maxPooled = 1 << 20

// reader is a decoder over a byte slice that can be used again.
type reader struct {
	dec     jsontext.Decoder
	buf     bytes.Buffer // the decoder reads a bytes.Buffer in place
	raw     []byte
	scratch []byte // for keys with escapes
}

// readers holds idle readers; it carries no state between messages, only their memory.
var readers = sync.Pool{New: func() any { return new(reader) }} //nolint:gochecknoglobals // a pool must be shared

func newReader(raw []byte, opts ...jsontext.Options) *reader {
	r, ok := readers.Get().(*reader)
	if !ok {
		r = new(reader)
	}
	r.raw = raw
	r.buf = *bytes.NewBuffer(raw)
	r.dec.Reset(&r.buf, opts...)
	return r
}

// release gives r back. Nothing of the input stays reachable from the pool.
func (r *reader) release() {
	if len(r.raw) > maxPooled {
		return
	}
	r.raw = nil
	r.buf = bytes.Buffer{}
	r.dec.Reset(&r.buf)
	readers.Put(r)
}

// value reads the next value, which may be a key.
func (r *reader) value() (Span, *Fault) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return Span{}, decodeFault(err)
	}
	end := int(r.dec.InputOffset())
	return Span{end - len(v), end}, nil
}

// bracket reads the opening or closing bracket that is next, and returns the offset after it.
func (r *reader) bracket() (int, *Fault) {
	if _, err := r.dec.ReadToken(); err != nil {
		return 0, decodeFault(err)
	}
	return int(r.dec.InputOffset()), nil
}

// end checks that nothing but white space follows.
func (r *reader) end() *Fault {
	if i := skipSpace(r.raw, int(r.dec.InputOffset())); i < len(r.raw) {
		return notJSON("bytes after the end of the message")
	}
	return nil
}

// key reads the next key of an object at level l.
func (r *reader) key(l level) (Field, *Fault) {
	s, f := r.value()
	if f != nil {
		return Field{}, f
	}
	body := r.raw[s.Start+1 : s.End-1]
	if bytes.IndexByte(body, '\\') >= 0 {
		var err error
		if r.scratch, err = jsontext.AppendUnquote(r.scratch[:0], r.raw[s.Start:s.End]); err != nil {
			return Field{}, decodeFault(err)
		}
		body = r.scratch
	}
	name, known := intern(body)
	if !known {
		name = string(body)
	}
	if why := keyFault(l, name); why != "" {
		return Field{}, invalid(string(r.dec.StackPointer()), why)
	}
	return Field{Name: name, Key: s}, nil
}

// unquote returns the text of a JSON string token, and false if tok is none.
func unquote(tok []byte) (string, bool) {
	if len(tok) < 2 || tok[0] != '"' || tok[len(tok)-1] != '"' {
		return "", false
	}
	body := tok[1 : len(tok)-1]
	if bytes.IndexByte(body, '\\') < 0 {
		return string(body), true
	}
	text, err := jsontext.AppendUnquote(nil, tok)
	return string(text), err == nil
}

// AppendString appends s to dst as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}
