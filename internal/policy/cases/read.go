package cases

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of a file: those of the configuration's own.
const (
	maxFile    = 1 << 20 // bytes
	maxItems   = 20_000  // lines and commas; the YAML parser's time grows with their square
	maxNesting = 64      // of brackets; the YAML parser recurses
)

// tree parses one YAML document. A panic of the parser is a file that it cannot read.
func tree(data []byte) (body ast.Node, err error) {
	if text := unreadable(data); text != "" {
		return nil, Faults{{Text: text}}
	}
	defer func() {
		if p := recover(); p != nil {
			body, err = nil, Faults{{Text: fmt.Sprintf("this is not YAML: the parser gave up: %v", p)}}
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	switch {
	case len(file.Docs) > 1:
		return nil, Faults{{Text: "the file holds more than one YAML document"}}
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil, Faults{{Text: "the file is empty: write version: 1, principals and cases"}}
	}
	return file.Docs[0].Body, nil
}

// unreadable says what the YAML parser must not even see.
func unreadable(data []byte) string {
	switch {
	case len(data) > maxFile:
		return fmt.Sprintf("the file is larger than %d bytes", maxFile)
	case !utf8.Valid(data):
		return "the file is not UTF-8"
	}
	text := string(data)
	if strings.Count(text, "\n")+strings.Count(text, ",") > maxItems {
		return fmt.Sprintf("the file has more than %d lines and list elements: split it", maxItems)
	}
	depth := 0
	for line := range strings.Lines(text) {
		lead := line[:len(line)-len(strings.TrimLeft(line, "-?: "))]
		depth += strings.Count(line, "[") + strings.Count(line, "{")
		if depth > maxNesting || strings.Count(lead, "-")+strings.Count(lead, "?") > maxNesting {
			return "the file is nested too deep"
		}
		depth = max(0, depth-strings.Count(line, "]")-strings.Count(line, "}"))
	}
	return ""
}

func syntaxFault(err error) Fault {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return Fault{Text: "this is not YAML: " + shorten(err.Error())}
	}
	at := e.GetToken().Position
	return Fault{Line: at.Line, Column: at.Column, Text: "this is not YAML: " + e.GetMessage()}
}

// reader walks a tree and goes on after a fault, so that one run shows all of them.
type reader struct{ faults Faults }

func (r *reader) fault(path string, n ast.Node, format string, args ...any) {
	f := Fault{Path: path, Text: fmt.Sprintf(format, args...)}
	f.Line, f.Column = place(n)
	r.faults = append(r.faults, f)
}

// place is where a node begins. A mapping's own token is its first colon.
func place(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case nil:
		return 0, 0
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			return place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

// plain tells whether a node is one that files of cases may hold.
func (r *reader) plain(n ast.Node, path string) bool {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		r.fault(path, n, "anchors, aliases and merge keys are not allowed: write the value out")
	case *ast.TagNode:
		r.fault(path, n, "YAML tags are not allowed")
	default:
		return true
	}
	return false
}

// members visits the members of a mapping: at is the key's own node.
func (r *reader) members(n ast.Node, path string, visit func(key string, at, value ast.Node)) {
	if !r.plain(n, path) {
		return
	}
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.fault(path, n, "must be a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for _, m := range values {
		key, ok := textOf(m.Key)
		switch {
		case m.Key.IsMergeKey():
			r.fault(path, m.Key, "anchors, aliases and merge keys are not allowed: write the value out")
		case !ok:
			r.fault(path, m.Key, "the key must be text: write it in quotes if it is meant as text")
		case seen[key]:
			r.fault(join(path, key), m.Key, "is written twice")
		default:
			seen[key] = true
			visit(key, m.Key, m.Value)
		}
	}
}

// keys visits the members of a mapping whose keys are known.
func (r *reader) keys(n ast.Node, path string, known map[string]func(n ast.Node, path string)) {
	r.members(n, path, func(key string, at, value ast.Node) {
		if read := known[key]; read != nil {
			read(value, join(path, key))
			return
		}
		r.fault(join(path, key), at, "there is no such key; there are %s", list(known))
	})
}

// elements visits the elements of a list.
func (r *reader) elements(n ast.Node, path string, visit func(n ast.Node, path string)) {
	if !r.plain(n, path) {
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(path, n, "must be a list")
		return
	}
	for i, element := range seq.Values {
		visit(element, fmt.Sprintf("%s[%d]", path, i))
	}
}

// text makes a reader of one text.
func (r *reader) text(into *string) func(n ast.Node, path string) {
	return func(n ast.Node, path string) {
		if !r.plain(n, path) {
			return
		}
		text, ok := textOf(n)
		if !ok || text == "" {
			r.fault(path, n, "must be text; write it in quotes if it is meant as text")
			return
		}
		*into = text
	}
}

// texts makes a reader of a list of texts.
func (r *reader) texts(into *[]string) func(n ast.Node, path string) {
	return func(n ast.Node, path string) {
		*into = []string{}
		r.elements(n, path, func(n ast.Node, path string) {
			var one string
			if r.text(&one)(n, path); one != "" {
				*into = append(*into, one)
			}
		})
	}
}

// textOf is the text of a node that YAML takes for a string.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
