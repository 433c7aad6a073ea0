package change

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A leaf is a value of a definition that is no container, or an empty one.
type leaf struct {
	kind jsontext.Kind
	text string // of a string decoded, of others as written
	path []string
}

// wording tells whether a leaf is text for readers alone: a title or a description
// that is no parameter of that name.
func (l *leaf) wording() bool {
	n := len(l.path)
	if n == 0 {
		return true // the instructions of a server
	}
	last := l.path[n-1]
	return l.kind == '"' && (last == "description" || last == "title") && (n < 2 || l.path[n-2] != "properties") && !slices.Contains(l.path, "_meta")
}

// flatten are the leaves of a JSON value by their pointers; false when it is none.
func flatten(raw []byte) (map[string]leaf, bool) {
	f := flat{dec: jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowInvalidUTF8(true)), out: map[string]leaf{}}
	return f.out, f.value(nil)
}

type flat struct {
	dec *jsontext.Decoder
	out map[string]leaf
}

func (f *flat) value(path []string) bool {
	tok, err := f.dec.ReadToken()
	if err != nil {
		return false
	}
	switch kind := tok.Kind(); kind {
	case '{', '[':
		end := jsontext.Kind('}')
		if kind == '[' {
			end = ']'
		}
		n := 0
		for ; f.dec.PeekKind() != end; n++ {
			key := strconv.Itoa(n)
			if kind == '{' {
				name, err := f.dec.ReadToken()
				if err != nil {
					return false
				}
				key = name.String()
			}
			if !f.value(append(slices.Clone(path), key)) {
				return false
			}
		}
		if n == 0 {
			f.put(path, leaf{kind: kind, path: path})
		}
		_, err := f.dec.ReadToken()
		return err == nil
	default:
		f.put(path, leaf{kind: kind, text: tok.String(), path: path})
		return true
	}
}

// put keeps a leaf; an element of "required" by what it names, so that order says
// nothing.
func (f *flat) put(path []string, l leaf) {
	if n := len(path); n > 1 && path[n-2] == "required" {
		path = append(slices.Clone(path[:n-1]), l.text)
	}
	f.out[pointer(path)] = l
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// structure notes what changed but wording. That something is asked for no longer, or
// that a hint now warns of more, needs no reading.
func structure(was, is map[string]leaf, reasons map[string]bool) {
	for at, now := range is {
		before, had := was[at]
		switch {
		case now.wording() && (!had || before.kind == now.kind):
		case !had && (!added(&now) || narrow(is, &now)):
		case !had:
			reasons[asked(&now)] = true
		case before.kind != now.kind || before.text != now.text:
			if !stricter(&now) {
				reasons["Something other than wording changed."] = true
			}
		}
	}
	for at, before := range was {
		if _, have := is[at]; !have && loosens(&before) {
			reasons["A hint that it warned with is gone."] = true
		}
	}
}

// narrow tells whether a new leaf is of a parameter that has no room for a text: a
// number or a flag that may be left out. What its name and description say is judged
// as wording.
func narrow(is map[string]leaf, l *leaf) bool {
	at := slices.Index(l.path, "properties")
	if at != 1 || len(l.path) < 4 || l.path[0] != "inputSchema" {
		return false
	}
	name := l.path[2]
	if _, required := is[pointer([]string{"inputSchema", "required", name})]; required || len(l.path) > 4 {
		return false
	}
	switch kind := is[pointer([]string{"inputSchema", "properties", name, "type"})]; kind.text {
	case "integer", "number", "boolean":
		return l.path[3] == "type" || l.path[3] == "default" && l.kind != '"' && l.kind != '{' && l.kind != '['
	}
	return false
}

// added tells whether a new leaf asks for or allows anything: what JSON Schema says of
// itself, and of what it does not allow, does not.
func added(l *leaf) bool {
	n := len(l.path)
	switch l.path[n-1] {
	case "properties", "required":
		return l.kind != '{' && l.kind != '['
	case "$schema":
		return !strings.HasPrefix(l.text, "http://json-schema.org/") && !strings.HasPrefix(l.text, "https://json-schema.org/")
	case "additionalProperties":
		return l.kind != 'f'
	case "type":
		return (n != 2 || l.text != "object") && l.path[0] != "outputSchema"
	case "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "uniqueItems", "multipleOf":
		return l.kind != '0' && l.kind != 't' && l.kind != 'f'
	}
	if n > 2 && (l.path[n-2] == "examples" || l.path[0] == "outputSchema" && l.path[n-2] == "required") {
		return l.kind != '"' // what it says is judged as wording is
	}
	return !stricter(l) && (l.kind != '{' || n > 1)
}

func asked(l *leaf) string {
	if slices.Contains(l.path, "properties") || slices.Contains(l.path, "required") {
		return "It asks for something new."
	}
	return "Something other than wording is new."
}

// stricter tells whether a hint says that the tool does more harm than was thought.
func stricter(l *leaf) bool {
	if len(l.path) != 2 || l.path[0] != "annotations" {
		return false
	}
	switch l.path[1] {
	case "readOnlyHint", "idempotentHint":
		return l.kind == 'f'
	case "destructiveHint", "openWorldHint":
		return l.kind == 't'
	}
	return false
}

// loosens tells whether a leaf that is gone warned of something.
func loosens(l *leaf) bool { return stricter(l) }
