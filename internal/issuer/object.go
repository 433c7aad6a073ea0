package issuer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// maxMembers bounds the members of one JSON object. Tokens have some twenty.
const maxMembers = 1000

// What readObject refuses. errTwice stands apart, because two members of one
// name are a lie and not an accident (AUT-14, AUT-25).
var (
	errNotJSON   = errors.New("is not strict JSON")
	errNotObject = errors.New("is not a JSON object")
	errTwice     = errors.New("has two members of one name")
	errDeep      = errors.New("is nested too deeply")
	errMany      = errors.New("has too many members")
)

// object is a JSON object. Its values are raw, well-formed and not judged.
type object map[string]jsontext.Value

// readObject reads raw, which must be one JSON object and nothing else: valid
// UTF-8, known escapes, no name twice at any level (RFC 8725 §2.4, AUT-14),
// nested at most depth deep. The values are views into raw.
func readObject(raw []byte, depth int) (object, error) {
	if deeper(raw, depth) {
		return nil, errDeep
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if dec.PeekKind() != '{' {
		return nil, errNotObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errNotJSON
	}
	members := object{}
	for dec.PeekKind() == '"' {
		if len(members) == maxMembers {
			return nil, errMany
		}
		name, err := dec.ReadToken()
		if err != nil {
			return nil, decodeFault(err)
		}
		key := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, decodeFault(err)
		}
		end := int(dec.InputOffset())
		members[key] = raw[end-len(value) : end : end]
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, decodeFault(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return members, nil
}

func decodeFault(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return errTwice
	}
	return errNotJSON
}

// deeper tells whether raw is nested more than limit deep. It is one flat scan
// before anything is decoded, and does not judge syntax.
func deeper(raw []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// misnamed says what is wrong with the names of an object in which known ones
// have a meaning: a hidden character, or one that a careless reader takes for
// another (AUT-14: "Sub", "sub\u0000", a long s). It is empty when all is well.
func (o object) misnamed(known ...string) string {
	for name := range o {
		if strings.ContainsFunc(name, invisible) {
			return "a member's name has a control or invisible character"
		}
		for _, k := range known {
			if name != k && len(name) <= 3*len(k) && strings.EqualFold(name, k) {
				return "a member's name reads like " + k
			}
		}
	}
	return ""
}

// has tells whether o has any of the names, and which.
func (o object) has(names ...string) (string, bool) {
	for _, name := range names {
		if _, ok := o[name]; ok {
			return name, true
		}
	}
	return "", false
}

// invisible are the characters that print as nothing, or as a new line.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// text is the string that a value is, and false if it is none.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err == nil
}

// texts is the array of strings that a value is, at most limit long.
func texts(v jsontext.Value, limit int) ([]string, bool) {
	if v.Kind() != '[' {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	var list []string
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil || len(list) == limit {
			return nil, false
		}
		list = append(list, token.String())
	}
	return list, dec.PeekKind() == ']'
}

// maxName bounds a subject, a tenant, a client's id, a group and a role, in bytes.
const maxName = 256

// clean tells whether s may name somebody: 1 to 256 printable bytes (letters,
// marks, numbers, punctuation, symbols and the ASCII space), no space at either
// end. So it has no line break, no direction mark and nothing that cannot be
// seen (AUT-12).
func clean(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != ' ' && s[len(s)-1] != ' ' &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
