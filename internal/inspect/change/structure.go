package change

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// A leaf is a value of a definition that is no container, or an empty one.
type leaf struct {
	kind jsontext.Kind
	text string // of a string decoded, of others as written
	path []string
}

// A tree is a definition taken apart: what it says, and what it is.
type tree struct {
	of     gate.ItemKind
	leaves map[string]leaf          // by pointer
	nodes  map[string]jsontext.Kind // the objects and lists, by pointer
}

// wording tells whether a leaf is text for readers alone: a string at one of the places
// that the protocol and JSON Schema have for it. All else is what the definition is,
// and so is what a tool says of its results: a model reads them by it.
func (t *tree) wording(l *leaf) bool {
	return l.kind == '"' && described(t.of, l.path)
}

func described(of gate.ItemKind, path []string) bool {
	if of == gate.Instructions {
		return len(path) == 0
	}
	n := len(path)
	if n == 0 || path[n-1] != "title" && path[n-1] != "description" {
		return false
	}
	switch {
	case n == 1:
		return of != gate.Server && of != gate.Command && of != gate.NoItem
	case of == gate.Tool && path[0] == "inputSchema":
		return schema(path[1 : n-1])
	case of == gate.Tool && path[0] == "annotations":
		return n == 2 && path[1] == "title"
	case of == gate.Prompt && path[0] == "arguments":
		return n == 3
	}
	return false
}

// applicators are the members of JSON Schema (2020-12, and the drafts before) under
// which schemas are: named ones, a list of them, or one. Under "items" is one, or a
// list in older drafts. What is under a member that is not here is a value, or unknown.
//
//nolint:gochecknoglobals // a table; read-only
var applicators = map[string]bool{ // whether a name or an index follows
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true, "dependentSchemas": true,
	"prefixItems": true, "allOf": true, "anyOf": true, "oneOf": true,
	"items": false, "additionalItems": false, "unevaluatedItems": false, "contains": false,
	"additionalProperties": false, "unevaluatedProperties": false, "propertyNames": false,
	"if": false, "then": false, "else": false, "not": false,
}

// schema tells whether a path from a schema leads to a schema.
func schema(path []string) bool {
	for len(path) > 0 {
		named, ok := applicators[path[0]]
		if !ok {
			return false
		}
		if path = path[1:]; named {
			if len(path) == 0 {
				return false
			}
			path = path[1:]
		}
	}
	return true
}

// take takes a definition apart; false when it is no JSON, or has a name twice.
func take(it *gate.Item) (*tree, bool) {
	t := &tree{of: it.Kind, leaves: map[string]leaf{}, nodes: map[string]jsontext.Kind{}}
	dec := jsontext.NewDecoder(bytes.NewReader(it.Raw), jsontext.AllowInvalidUTF8(true))
	return t, t.value(dec, nil)
}

func (t *tree) value(dec *jsontext.Decoder, path []string) bool {
	tok, err := dec.ReadToken()
	if err != nil {
		return false
	}
	kind := tok.Kind()
	if kind != '{' && kind != '[' {
		t.put(path, leaf{kind: kind, text: tok.String(), path: path})
		return true
	}
	end := jsontext.Kind('}')
	if kind == '[' {
		end = ']'
	}
	t.nodes[pointer(path)] = kind
	n := 0
	for ; dec.PeekKind() != end; n++ {
		key := strconv.Itoa(n)
		if kind == '{' {
			name, err := dec.ReadToken()
			if err != nil {
				return false
			}
			key = name.String()
		}
		if !t.value(dec, append(slices.Clone(path), key)) {
			return false
		}
	}
	if n == 0 {
		t.put(path, leaf{kind: kind, path: path})
	}
	_, err = dec.ReadToken()
	return err == nil
}

// put keeps a leaf; an element of a schema's "required" by what it names, so that their
// order says nothing.
func (t *tree) put(path []string, l leaf) {
	if n := len(path); n > 2 && path[n-2] == "required" && path[0] == "inputSchema" && schema(path[1:n-2]) {
		path = append(slices.Clone(path[:n-1]), l.text)
	}
	t.leaves[pointer(path)] = l
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// structure notes what changed but wording, unless it can only take away from what the
// tool asks for, or warns of more.
func structure(was, is *tree, reasons map[string]bool) {
	for at, now := range is.leaves {
		before, had := was.leaves[at]
		switch {
		case had && before.kind == now.kind && (before.text == now.text || is.wording(&now)):
		case !had && is.wording(&now) && is.room(was, &now), stricter(&now), !had && (is.narrow(&now) || is.terse(&now)):
		case !had:
			reasons[lack(&now)] = true
		default:
			reasons["Something other than wording changed."] = true
		}
	}
	for at, before := range was.leaves {
		if _, have := is.leaves[at]; !have && !was.wording(&before) && !is.without(&before) {
			reasons["Something other than wording is gone."] = true
		}
	}
	for at, kind := range is.nodes {
		if before, had := was.nodes[at]; had && before != kind {
			reasons["Something other than wording changed."] = true
		}
	}
}

// room tells whether new wording is of something that was there, or is of a parameter
// that is new and narrow.
func (t *tree) room(was *tree, l *leaf) bool {
	n := len(l.path)
	if n < 2 {
		return true
	}
	if _, there := was.nodes[pointer(l.path[:n-1])]; there {
		return true
	}
	return n == 2 && l.path[0] == "annotations" || n == 4 && t.narrow(&leaf{kind: l.kind, path: append(slices.Clone(l.path[:3]), "type")})
}

// narrow tells whether a new leaf is of a parameter of the tool's own that has no room
// for a text, a number or a flag that may be left out, or bounds what was there. What
// its name and description say is judged as wording.
func (t *tree) narrow(l *leaf) bool {
	n := len(l.path)
	switch {
	case t.of != gate.Tool || n == 0 || l.path[0] != "inputSchema":
		return false
	case n == 1:
		return l.kind == '{'
	case n == 2 && l.path[1] == "$schema":
		return strings.HasPrefix(l.text, "http://json-schema.org/") || strings.HasPrefix(l.text, "https://json-schema.org/")
	case n == 2 && l.path[1] == "type":
		return l.text == "object"
	}
	if n == 2 && (l.kind == '{' && l.path[1] == "properties" || l.kind == '[' && l.path[1] == "required") {
		return true // there are none any more
	}
	switch l.path[n-1] {
	case "additionalProperties":
		return l.kind == 'f' && schema(l.path[1:n-1])
	case "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems":
		return l.kind == '0' && n > 2 && schema(l.path[1:n-1])
	}
	if n != 4 || l.path[1] != "properties" || t.has("inputSchema", "required", l.path[2]) {
		return false
	}
	switch t.leaves[pointer([]string{"inputSchema", "properties", l.path[2], "type"})].text {
	case "integer", "number", "boolean":
		return l.path[3] == "type" || l.path[3] == "default" && (l.kind == '0' || l.kind == 't' || l.kind == 'f')
	}
	return false
}

// terse tells whether a new leaf has no room for an order: an example of a word or two,
// or the type of a result's member by a plain name.
func (t *tree) terse(l *leaf) bool {
	n := len(l.path)
	if t.of != gate.Tool || n < 2 {
		return false
	}
	switch {
	case l.path[0] == "inputSchema":
		return n > 4 && l.path[n-2] == "examples" && l.kind == '"' && schema(l.path[1:n-2]) && brief().MatchString(l.text)
	case l.path[0] == "outputSchema" && l.path[n-1] == "type":
		return l.kind == '"' && schema(l.path[1:n-1]) && !slices.ContainsFunc(l.path, func(name string) bool { return !plainName().MatchString(name) })
	}
	return false
}

//nolint:gochecknoglobals // compiled when first used; read-only
var (
	brief     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]+([ .-][A-Za-z0-9]+){0,2}$`) })
	plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)?$`) })
)

// without tells whether a leaf that is gone was of a parameter that is gone whole, said
// that one must be given, or was of a tool that asks for nothing any more.
func (t *tree) without(l *leaf) bool {
	n := len(l.path)
	if t.of != gate.Tool || n == 0 || l.path[0] != "inputSchema" {
		return false
	}
	if _, asks := t.nodes["/inputSchema/properties"]; n == 1 || !asks {
		return true
	}
	switch l.path[1] {
	case "$schema":
		return n == 2
	case "required":
		return n == 3
	case "properties":
		_, there := t.nodes[pointer(l.path[:min(n, 3)])]
		return n > 2 && !there
	}
	return false
}

func (t *tree) has(path ...string) bool {
	_, ok := t.leaves[pointer(path)]
	return ok
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

func lack(l *leaf) string {
	if l.kind != '{' && l.kind != '[' && slices.Contains(l.path, "properties") || l.kind == '"' && slices.Contains(l.path, "required") {
		return "It asks for something new."
	}
	return "Something other than wording is new."
}
