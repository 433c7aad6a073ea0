package validate

import (
	"bytes"
	"reflect"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// plain is a schema of the kind that most tools have: an object with members of
// simple types. It is judged on the bytes themselves, without decoding them. It
// can only say yes: what it does not accept goes to the library, which judges
// everything, and whose fault the client reads.
type plain struct {
	members  map[string]plainMember
	required uint64 // bits of members that must be there
}

// plainMember is what one member may be.
type plainMember struct {
	bit                             uint64
	text, boolean, null, whole, any bool // whole: an integer; any: an integer or another number
}

// maxPlain is the number of members that the bits of required have room for.
const maxPlain = 64

// plainOf is nil for a schema with any keyword that asserts something else.
func plainOf(s *jsonschema.Schema) *plain {
	if !only(s, "Types", "Required", "Properties", "AdditionalProperties") || len(s.Properties) > maxPlain {
		return nil
	}
	if s.Types != nil {
		if types := s.Types.ToStrings(); len(types) != 1 || types[0] != "object" {
			return nil
		}
	}
	p := &plain{members: make(map[string]plainMember, len(s.Properties))}
	for name, sub := range s.Properties {
		if !only(sub, "Types") || sub.Types == nil {
			return nil
		}
		m := plainMember{bit: 1 << len(p.members)}
		for _, t := range sub.Types.ToStrings() {
			switch t {
			case "string":
				m.text = true
			case "boolean":
				m.boolean = true
			case "null":
				m.null = true
			case "integer":
				m.whole = true
			case "number":
				m.any = true
			default:
				return nil
			}
		}
		p.members[name] = m
	}
	for _, name := range s.Required {
		m, ok := p.members[name]
		if !ok {
			return nil
		}
		p.required |= m.bit
	}
	return p
}

// only tells whether s asserts nothing beyond the named keywords. A keyword that
// a later version of the library adds is unknown here, and not plain.
func only(s *jsonschema.Schema, names ...string) bool {
	known := map[string]bool{
		"DraftVersion": true, "Location": true, "ID": true, "Anchor": true, "Title": true, "Description": true, "Default": true,
		"Comment": true, "ReadOnly": true, "WriteOnly": true, "Examples": true, "Deprecated": true,
	}
	for _, name := range names {
		known[name] = true
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !known[f.Name] && !v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// accepts tells whether raw, which is part of a message that the strict parser
// accepted (so it is JSON and no name is there twice), certainly fits. Members
// that the schema does not name, names with escapes and numbers in any but their
// plainest spelling are left to the library.
func (p *plain) accepts(raw []byte) bool {
	if p == nil || len(raw) < 2 || raw[0] != '{' {
		return false
	}
	seen := uint64(0)
	i := space(raw, 1)
	if at(raw, i) == '}' {
		return p.required == 0 && space(raw, i+1) == len(raw)
	}
	for {
		end := stringEnd(raw, i)
		if end < 0 {
			return false
		}
		m, ok := p.members[string(raw[i+1:end-1])]
		if !ok || seen&m.bit != 0 || bytes.IndexByte(raw[i:end], '\\') >= 0 {
			return false
		}
		seen |= m.bit
		if i = space(raw, end); at(raw, i) != ':' {
			return false
		}
		if i = m.value(raw, space(raw, i+1)); i < 0 {
			return false
		}
		switch i = space(raw, i); at(raw, i) {
		case ',':
			i = space(raw, i+1)
		case '}':
			return seen&p.required == p.required && space(raw, i+1) == len(raw)
		default:
			return false
		}
	}
}

// value is the offset after the value at i when the member may be that, −1 otherwise.
func (m *plainMember) value(raw []byte, i int) int {
	switch at(raw, i) {
	case '"':
		if m.text {
			return stringEnd(raw, i)
		}
	case 't':
		return literal(raw, i, "true", m.boolean)
	case 'f':
		return literal(raw, i, "false", m.boolean)
	case 'n':
		return literal(raw, i, "null", m.null)
	default:
		return m.number(raw, i)
	}
	return -1
}

// maxPlainNumber is the digits of a number that is judged here.
const maxPlainNumber = 15

func (m *plainMember) number(raw []byte, i int) int {
	if at(raw, i) == '-' {
		i++
	}
	start := i
	for at(raw, i) >= '0' && at(raw, i) <= '9' {
		i++
	}
	whole := i > start && i-start <= maxPlainNumber && (raw[start] != '0' || i == start+1)
	if !whole || at(raw, i) == 'e' || at(raw, i) == 'E' {
		return -1
	}
	if at(raw, i) != '.' {
		if m.whole || m.any {
			return i
		}
		return -1
	}
	point := i
	for i++; at(raw, i) >= '0' && at(raw, i) <= '9'; i++ {
	}
	if !m.any || i == point+1 || i-start > maxPlainNumber || at(raw, i) == 'e' || at(raw, i) == 'E' {
		return -1
	}
	return i
}

func literal(raw []byte, i int, text string, allowed bool) int {
	if !allowed || len(raw)-i < len(text) || string(raw[i:i+len(text)]) != text {
		return -1
	}
	return i + len(text)
}

// stringEnd is the offset after the string that starts at i, −1 when there is none.
func stringEnd(raw []byte, i int) int {
	if at(raw, i) != '"' {
		return -1
	}
	for start := i + 1; ; {
		n := bytes.IndexByte(raw[start:], '"')
		if n < 0 {
			return -1
		}
		end, escapes := start+n, 0
		for end-1-escapes > i && raw[end-1-escapes] == '\\' {
			escapes++
		}
		if start = end + 1; escapes%2 == 0 {
			return start
		}
	}
}

// at is the byte at i, 0 beyond the end.
func at(raw []byte, i int) byte {
	if i >= len(raw) {
		return 0
	}
	return raw[i]
}

func space(raw []byte, i int) int {
	for c := at(raw, i); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = at(raw, i) {
		i++
	}
	return i
}
