package cases

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// number is a number as JSON writes it (RFC 8259 §6). YAML knows more spellings,
// and to policy a number is the text that the client sent.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// arguments makes a reader of a call's arguments: a mapping, which becomes the JSON
// object of the same members in the same order, or a text, which is the very JSON
// that the client sends, whatever is wrong with it.
func (r *reader) arguments(into *[]byte) func(n ast.Node, path string) {
	return func(n ast.Node, path string) {
		if text, ok := textOf(n); ok {
			if !strings.HasPrefix(strings.TrimSpace(text), "{") {
				r.fault(path, n, "must be a mapping, or a text that is a JSON object")
				return
			}
			*into = []byte(text)
			return
		}
		switch n.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			*into = r.json(nil, n, path)
		default:
			if r.plain(n, path) {
				r.fault(path, n, "must be a mapping, or a text that is a JSON object")
			}
		}
	}
}

// json appends a node as JSON. Numbers stay as they are written.
func (r *reader) json(dst []byte, n ast.Node, path string) []byte {
	if !r.plain(n, path) {
		return append(dst, "null"...)
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return append(dst, "null"...)
	case *ast.BoolNode:
		if n.Value {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case *ast.MappingNode, *ast.MappingValueNode:
		dst = append(dst, '{')
		first := true
		r.members(n, path, func(key string, at, value ast.Node) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(r.quoted(dst, at, key, path), ':')
			dst = r.json(dst, value, join(path, key))
		})
		return append(dst, '}')
	case *ast.SequenceNode:
		dst = append(dst, '[')
		first := true
		r.elements(n, path, func(n ast.Node, path string) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = r.json(dst, n, path)
		})
		return append(dst, ']')
	}
	return r.scalar(dst, n, path)
}

// scalar appends a number or a text. The YAML library takes numbers that it cannot
// hold for texts, so the spelling decides.
func (r *reader) scalar(dst []byte, n ast.Node, path string) []byte {
	text, isText := textOf(n)
	t := n.GetToken()
	if t != nil && (t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType) || isText && !number.MatchString(text) {
		return r.quoted(dst, n, text, path)
	}
	if _, literal := n.(*ast.LiteralNode); literal {
		return r.quoted(dst, n, text, path)
	}
	if t == nil || !number.MatchString(t.Value) {
		r.fault(path, n, "write the number as JSON does, or in quotes if it is meant as text")
		return append(dst, "null"...)
	}
	return append(dst, t.Value...)
}

func (r *reader) quoted(dst []byte, n ast.Node, text, path string) []byte {
	out, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		r.fault(path, n, "the text is not UTF-8")
		return append(dst, "null"...)
	}
	return out
}
