package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills a Config from a YAML tree. It goes on after a fault, so that
// one run shows all of them; the library's own strict decoder stops at the first.
type decoder struct {
	faults Faults
	at     positions // of every path that the file writes
}

func (d *decoder) fault(path string, n ast.Node, format string, args ...any) {
	f := Fault{Path: path, Text: fmt.Sprintf(format, args...)}
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		f.Line, f.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
	}
	d.faults = append(d.faults, f)
}

// value decodes a node into v. tag is the struct tag of the field that holds
// it, or that holds the list or map it is in.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		d.fault(path, n, "has no value: write one or remove the key")
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		d.fault(path, n, "anchors, aliases and merge keys are not allowed: write the value out")
		return
	case *ast.TagNode:
		d.fault(path, n, "YAML tags are not allowed")
		return
	}
	if n.GetToken() != nil {
		d.at[path] = n.GetToken().Position
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		d.text(n, u, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if e, ok := reflect.TypeAssert[interface{ setDefaults() }](v); ok {
			e.setDefaults()
		}
		d.value(n, v.Elem(), path, tag)
	case reflect.Struct:
		if w, ok := reflect.TypeAssert[whole](v.Addr()); ok && !isMapping(n) {
			d.text(n, wholly{w}, path)
			return
		}
		if w, ok := reflect.TypeAssert[listed](v.Addr()); ok {
			if seq, is := n.(*ast.SequenceNode); is {
				d.list(seq, reflect.ValueOf(w.list()).Elem(), path, tag)
				return
			}
		}
		d.mapping(n, v, path)
	case reflect.Map:
		d.table(n, v, path, tag)
	case reflect.Slice:
		d.list(n, v, path, tag)
	default:
		d.scalar(n, v, path, tag)
	}
}

// whole is a mapping that may be written as a single value, too.
type whole interface{ UnmarshalWhole(text []byte) error }

// listed is a mapping that may be written as one of its lists alone.
type listed interface{ list() *[]string }

// wholly reads the single value.
type wholly struct{ whole }

// UnmarshalText implements encoding.TextUnmarshaler.
func (w wholly) UnmarshalText(text []byte) error { return w.UnmarshalWhole(text) }

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func (d *decoder) text(n ast.Node, into encoding.TextUnmarshaler, path string) {
	text, ok := textOf(n)
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text, ok = n.GetToken().Value, true
	}
	if !ok {
		d.fault(path, n, "must be a single value, not %s", describe(n))
		return
	}
	if err := into.UnmarshalText([]byte(text)); err != nil {
		d.fault(path, n, "%v", err)
	}
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.String:
		text, ok := textOf(n)
		if !ok {
			d.fault(path, n, "must be text, not %s; write it in quotes if it is meant as text", describe(n))
			return
		}
		if allowed := strings.Fields(tag.Get("enum")); len(allowed) > 0 && !slices.Contains(allowed, text) {
			d.fault(path, n, "must be %s, not %q", strings.Join(allowed, " or "), shorten(text))
			return
		}
		if strings.ContainsFunc(text, isControl) {
			d.fault(path, n, "holds a control character")
			return
		}
		v.SetString(text)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fault(path, n, "must be true or false, not %s", describe(n))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, ok := n.(*ast.IntegerNode)
		var number int64
		if ok {
			var err error
			number, err = strconv.ParseInt(i.Token.Value, 10, 32)
			ok = err == nil
		}
		if !ok {
			d.fault(path, n, "must be a whole number, not %s", describe(n))
			return
		}
		v.SetInt(number)
	default:
		panic("config: no decoding for " + v.Type().String())
	}
}

func isControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff
}

// fields maps the keys of a struct to its fields' indexes.
func fields(t reflect.Type) map[string]int {
	m := map[string]int{}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" {
			m[key] = i
		}
	}
	return m
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	known := fields(v.Type())
	d.members(n, path, func(key string, at, value ast.Node) {
		i, ok := known[key]
		if !ok {
			d.fault(join(path, key), at, "there is no such key%s", suggest(key, known))
			return
		}
		d.value(value, v.Field(i), join(path, key), v.Type().Field(i).Tag)
	})
}

func (d *decoder) table(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	v.Set(reflect.MakeMap(v.Type()))
	d.members(n, path, func(key string, _, value ast.Node) {
		element := reflect.New(v.Type().Elem())
		if e, ok := reflect.TypeAssert[interface{ setDefaults() }](element); ok {
			e.setDefaults()
		}
		d.value(value, element.Elem(), join(path, key), tag)
		v.SetMapIndex(reflect.ValueOf(key), element.Elem())
	})
}

// members visits the members of a mapping: at is the key's own node.
func (d *decoder) members(n ast.Node, path string, visit func(key string, at, value ast.Node)) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fault(path, n, "must be a mapping of keys to values, not %s", describe(n))
		return
	}
	seen := map[string]bool{}
	for _, m := range values {
		key, ok := textOf(m.Key)
		switch {
		case m.Key.IsMergeKey():
			d.fault(path, m.Key, "anchors, aliases and merge keys are not allowed: write the value out")
			continue
		case !ok || strings.ContainsFunc(key, isControl):
			d.fault(path, m.Key, "the key must be plain text; write it in quotes if it is meant as text")
			continue
		case seen[key]:
			d.fault(join(path, key), m.Key, "is written twice")
			continue
		}
		seen[key] = true
		before := len(d.faults)
		visit(key, m.Key, m.Value)
		d.locate(m.Key, before)
		if d.at[join(path, key)] != nil && m.Key.GetToken() != nil {
			d.at[join(path, key)] = m.Key.GetToken().Position
		}
	}
}

// locate gives faults without a position that of the key they are under.
func (d *decoder) locate(key ast.Node, from int) {
	if key.GetToken() == nil || key.GetToken().Position == nil {
		return
	}
	for i := from; i < len(d.faults); i++ {
		if f := &d.faults[i]; f.Line == 0 {
			f.Line, f.Column = key.GetToken().Position.Line, key.GetToken().Position.Column
		}
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok && orOne(tag) {
		seq, ok = &ast.SequenceNode{Values: []ast.Node{n}}, true
	}
	if !ok {
		d.fault(path, n, "must be a list, not %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, element := range seq.Values {
		if e, ok := reflect.TypeAssert[interface{ setDefaults() }](v.Index(i).Addr()); ok {
			e.setDefaults()
		}
		d.value(element, v.Index(i), fmt.Sprintf("%s[%d]", path, i), tag)
	}
}

// orOne tells of a list that may be written as its only element.
func orOne(tag reflect.StructTag) bool { return tag.Get("list") == "or one" }

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

func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "this"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest names the known keys, or the one that was probably meant.
func suggest(key string, known map[string]int) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	keys := slices.Sorted(maps.Keys(known))
	for _, k := range keys {
		if a, b := plain(k), plain(key); a == b || a+"s" == b || a == b+"s" {
			return fmt.Sprintf("; did you mean %s?", k)
		}
	}
	return "; there are " + strings.Join(keys, ", ")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
