package parameter

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A param is one parameter of a tool, at whatever depth.
type param struct {
	at       string // JSON pointer
	name     string
	text     string // what is said of it
	required bool
	narrow   bool // it cannot hold a text: a number, a flag, one of a list
}

// A node is a JSON value.
type node struct {
	text    string // of a string
	kind    jsontext.Kind
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

func (n *node) get(name string) *node {
	if n != nil {
		for i := range n.members {
			if n.members[i].name == name {
				return n.members[i].value
			}
		}
	}
	return nil
}

func (n *node) str() string {
	if n == nil {
		return ""
	}
	return n.text
}

// parse reads a JSON value; nil when it is none. The decoder bounds the depth.
func parse(raw []byte) *node {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return read(dec)
}

func read(dec *jsontext.Decoder) *node {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil
	}
	n := &node{kind: tok.Kind()}
	switch n.kind {
	case '"':
		n.text = tok.String()
	case '{':
		for dec.PeekKind() == '"' {
			key, err := dec.ReadToken()
			if err != nil {
				return nil
			}
			m := member{name: key.String()}
			if m.value = read(dec); m.value == nil {
				return nil
			}
			n.members = append(n.members, m)
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil
		}
	case '[':
		for dec.PeekKind() != ']' {
			item := read(dec)
			if item == nil {
				return nil
			}
			n.items = append(n.items, item)
		}
		if _, err := dec.ReadToken(); err != nil {
			return nil
		}
	}
	return n
}

type collector struct {
	root *node
	out  []param
}

// collect finds the parameters of a schema: what stands in "properties", at every depth.
func collect(schema []byte, at string) []param {
	c := collector{root: parse(schema)}
	if c.root == nil {
		return nil
	}
	c.schema(c.root, at)
	c.whole(at)
	slices.SortFunc(c.out, func(a, b param) int { return strings.Compare(a.at, b.at) })
	return c.out
}

// whole takes what a schema says of all its parameters as said of one without a name.
func (c *collector) whole(at string) {
	for _, name := range [...]string{"description", "title", "$comment"} {
		if text := c.root.get(name).str(); text != "" {
			c.out = append(c.out, param{at: at + "/" + escape(name), text: text})
		}
	}
}

// schema looks at one schema and those within.
func (c *collector) schema(n *node, at string) {
	for _, m := range n.members {
		below := at + "/" + escape(m.name)
		switch m.name {
		case "enum", "const", "default", "examples", "example", "required":
		case "properties", "patternProperties":
			c.properties(n, m.value, below)
		case "additionalProperties", "unevaluatedProperties":
			var b strings.Builder
			c.said(m.value, &b, true)
			c.out = append(c.out, param{at: below, text: b.String(), narrow: c.narrow(m.value)})
			c.schema(m.value, below)
		default:
			c.schema(m.value, below)
		}
	}
	for i, item := range n.items {
		c.schema(item, at+"/"+strconv.Itoa(i))
	}
}

// properties takes the members of "properties" of a schema as parameters.
func (c *collector) properties(of, list *node, at string) {
	required := of.get("required")
	for _, m := range list.members {
		p := param{at: at + "/" + escape(m.name), name: m.name}
		if required != nil {
			p.required = slices.ContainsFunc(required.items, func(n *node) bool { return n.text == m.name })
		}
		var b strings.Builder
		c.said(m.value, &b, true)
		p.text, p.narrow = b.String(), c.narrow(m.value)
		c.out = append(c.out, p)
		c.schema(m.value, p.at)
	}
}

// said gathers what a schema says in words, that it refers to included.
func (c *collector) said(n *node, b *strings.Builder, refers bool) {
	for _, name := range slices.Sorted(names(n)) {
		v := n.get(name)
		switch name {
		case "properties", "patternProperties", "type", "format", "enum", "required", "$id", "$schema", "pattern":
		case "$ref":
			if to := c.resolve(v.str()); to != nil && refers {
				c.said(to, b, false)
			}
		default:
			c.strings(v, b, refers)
		}
	}
}

func (c *collector) strings(n *node, b *strings.Builder, refers bool) {
	if n.kind == '"' {
		b.WriteString(n.text)
		b.WriteByte('\n')
	}
	for _, item := range n.items {
		c.strings(item, b, refers)
	}
	if n.kind == '{' {
		c.said(n, b, refers)
	}
}

func names(n *node) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n.members {
			if !yield(n.members[i].name) {
				return
			}
		}
	}
}

// resolve follows a reference within the schema; nil when there is nothing.
func (c *collector) resolve(ref string) *node {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	n := c.root
	for step := range strings.SplitSeq(path, "/") {
		if n = n.get(strings.NewReplacer("~1", "/", "~0", "~").Replace(step)); n == nil {
			return nil
		}
	}
	return n
}

// narrow tells whether a schema has no room for a text.
func (c *collector) narrow(n *node) bool {
	if n.get("enum") != nil || n.get("const") != nil {
		return true
	}
	types := n.get("type")
	if types == nil {
		return false
	}
	small := func(t string) bool { return t == "boolean" || t == "integer" || t == "number" || t == "null" }
	if types.kind == '[' {
		return !slices.ContainsFunc(types.items, func(t *node) bool { return !small(t.text) })
	}
	if types.text == "array" {
		items := n.get("items")
		return items != nil && items.kind == '{' && c.narrow(items)
	}
	return small(types.text)
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// documented adds what the tool's description says of each parameter, a line each
// ("Args: city: where to look").
func documented(params []param, description string) {
	for line := range strings.Lines(description) {
		if i, ok := documents(line, params); ok && params[i].text == "" {
			params[i].text = strings.TrimSpace(line)
		}
	}
}

// documents tells which parameter a line of a description is about.
func documents(line string, params []param) (int, bool) {
	line = strings.TrimLeft(line, " \t-*•`\"'@:")
	line = strings.TrimPrefix(line, "param ")
	for i := range params {
		rest, ok := strings.CutPrefix(line, params[i].name)
		if !ok || params[i].name == "" {
			continue
		}
		rest = strings.TrimLeft(rest, " `*\"'")
		if rest != "" && strings.IndexByte(":(-=", rest[0]) >= 0 {
			return i, true
		}
	}
	return 0, false
}
