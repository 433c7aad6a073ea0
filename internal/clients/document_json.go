package clients

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"
)

// jsonDocument edits JSON with comments by its syntax tree, which holds every
// byte of it.
type jsonDocument struct {
	root   hujson.Value
	marked bool   // it began with a byte order mark
	line   string // what ends a line
	unit   string // one step of indentation
}

func openJSON(data []byte) (*jsonDocument, error) {
	d := &jsonDocument{line: "\n", unit: "  "}
	data, d.marked = bytes.CutPrefix(data, []byte(bom))
	if bytes.Contains(data, []byte("\r\n")) {
		d.line = "\r\n"
	}
	if len(bytes.TrimSpace(data)) == 0 {
		d.root = hujson.Value{Value: &hujson.Object{}, AfterExtra: hujson.Extra(d.line)}
		return d, nil
	}
	v, err := hujson.Parse(bytes.Clone(data))
	if err != nil {
		return nil, notJSON(err)
	}
	d.root = v
	if o, ok := v.Value.(*hujson.Object); ok && len(o.Members) > 0 {
		if step, ok := indentOf(o.Members[0].Name.BeforeExtra); ok && step != "" {
			d.unit = step
		}
	}
	return d, nil
}

func (d *jsonDocument) encode() []byte {
	if d.marked {
		return append([]byte(bom), d.root.Pack()...)
	}
	return d.root.Pack()
}

func (d *jsonDocument) apply(e edit) error {
	servers, err := d.object(e.root, e.put != nil || len(e.back) > 0)
	if err != nil || servers == nil {
		return err
	}
	depth := len(e.root)
	for _, name := range e.drop {
		d.drop(servers, name)
	}
	if len(e.back) > 0 {
		if err := d.putBack(e, servers); err != nil {
			return err
		}
	}
	if e.put == nil {
		d.drop(servers, Name)
	} else {
		d.put(servers, Name, d.value(e.put, depth+1), depth)
	}
	return d.inputs(e)
}

// putBack copies servers from another file, as they are written there.
func (d *jsonDocument) putBack(e edit, servers *hujson.Object) error {
	from, ok := e.from.(*jsonDocument)
	if !ok {
		return errors.New("the backup is of another format")
	}
	original, err := from.object(e.root, false)
	if err != nil || original == nil {
		return err
	}
	for _, name := range e.back {
		if i := memberAt(original, name); i >= 0 && memberAt(servers, name) < 0 {
			d.put(servers, name, original.Members[i].Value.Clone().Value, len(e.root))
		}
	}
	return nil
}

// inputs changes VS Code's list of prompts.
func (d *jsonDocument) inputs(e edit) error {
	depth := len(e.root) - 1
	holder, err := d.object(e.root[:depth], false)
	if err != nil || holder == nil {
		return err
	}
	i := memberAt(holder, "inputs")
	if i < 0 {
		if e.input != nil {
			element := hujson.Value{BeforeExtra: d.newline(depth + 2), Value: d.value(e.input, depth+2)}
			d.put(holder, "inputs", &hujson.Array{Elements: []hujson.Value{element}, AfterExtra: d.newline(depth + 1)}, depth)
		}
		return nil
	}
	list, ok := holder.Members[i].Value.Value.(*hujson.Array)
	if !ok {
		return nil
	}
	ours := slices.IndexFunc(list.Elements, func(v hujson.Value) bool {
		p, ok := v.Value.(*hujson.Object)
		return ok && textAt(p, "id") == keyInput
	})
	if e.input == nil && ours >= 0 {
		list.AfterExtra = d.without(list.Elements, ours, list.AfterExtra)
		list.Elements = slices.Delete(list.Elements, ours, ours+1)
	}
	if e.input == nil || ours >= 0 {
		return nil
	}
	before, after, comma := d.gap(len(list.Elements), list.AfterExtra, depth+1, func() *hujson.Value { return &list.Elements[len(list.Elements)-1] })
	list.Elements = append(list.Elements, hujson.Value{BeforeExtra: before, Value: d.value(e.input, depth+2), AfterExtra: comma})
	list.AfterExtra = after
	return nil
}

// object follows keys to an object. One that is missing is made where missing
// says so, else the answer is nil.
func (d *jsonDocument) object(keys []string, missing bool) (*hujson.Object, error) {
	o, ok := d.root.Value.(*hujson.Object)
	if !ok {
		return nil, errors.New("it is not JSON with an object at the top")
	}
	for depth, key := range keys {
		i := memberAt(o, key)
		if i < 0 {
			if !missing {
				return nil, nil
			}
			d.put(o, key, &hujson.Object{}, depth)
			i = len(o.Members) - 1
		}
		if o, ok = o.Members[i].Value.Value.(*hujson.Object); !ok {
			return nil, fmt.Errorf("%s is not what a client writes there", strings.Join(keys[:depth+1], "."))
		}
	}
	return o, nil
}

// memberAt is the index of the last member of this name, which is the one that
// clients see when there are several.
func memberAt(o *hujson.Object, name string) int {
	for i, m := range slices.Backward(o.Members) {
		if l, ok := m.Name.Value.(hujson.Literal); ok && l.String() == name {
			return i
		}
	}
	return -1
}

func textAt(o *hujson.Object, name string) string {
	if i := memberAt(o, name); i >= 0 {
		if l, ok := o.Members[i].Value.Value.(hujson.Literal); ok {
			return l.String()
		}
	}
	return ""
}

// put sets a member of an object that is depth levels down.
func (d *jsonDocument) put(o *hujson.Object, name string, v hujson.ValueTrimmed, depth int) {
	if i := memberAt(o, name); i >= 0 {
		o.Members[i].Value.Value = v
		return
	}
	before, after, comma := d.gap(len(o.Members), o.AfterExtra, depth, func() *hujson.Value { return &o.Members[len(o.Members)-1].Value })
	o.Members = append(o.Members, hujson.ObjectMember{
		Name:  hujson.Value{BeforeExtra: before, Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: v, AfterExtra: comma},
	})
	o.AfterExtra = after
}

// gap is what stands around a new last element of n others: before it, after it
// up to the bracket, and the mark of a trailing comma. closing is what stood
// before the bracket; its comments stay where they are.
func (d *jsonDocument) gap(n int, closing hujson.Extra, depth int, last func() *hujson.Value) (before, after, comma hujson.Extra) {
	if n > 0 && last().AfterExtra != nil {
		comma = hujson.Extra{}
	}
	at := bytes.LastIndexByte(closing, '\n')
	if n > 0 && at < 0 && !bytes.Contains(last().BeforeExtra, []byte("\n")) && len(bytes.TrimSpace(closing)) == 0 {
		return hujson.Extra(" "), closing, comma // all on one line
	}
	head := closing
	after = d.newline(depth)
	if at >= 0 {
		head = closing[:at]
		after = append(hujson.Extra(d.line), closing[at+1:]...)
	}
	return append(bytes.TrimRight(bytes.Clone(head), " \t\r\n"), d.newline(depth+1)...), after, comma
}

// drop removes every member of this name.
func (d *jsonDocument) drop(o *hujson.Object, name string) {
	for i := memberAt(o, name); i >= 0; i = memberAt(o, name) {
		m := &o.Members[i]
		trailing := m.Value.AfterExtra != nil
		kept := d.comments(m.Name.BeforeExtra)
		if i+1 < len(o.Members) {
			next := &o.Members[i+1].Name.BeforeExtra
			*next = d.joined(kept, *next)
		} else {
			o.AfterExtra = d.joined(kept, o.AfterExtra)
			if i > 0 {
				o.Members[i-1].Value.AfterExtra = mark(trailing)
			}
		}
		o.Members = append(o.Members[:i], o.Members[i+1:]...)
	}
}

// without prepares the removal of element i of a list: its neighbours take the
// comments before it. What comes back stands before the closing bracket.
func (d *jsonDocument) without(list []hujson.Value, i int, closing hujson.Extra) hujson.Extra {
	kept := d.comments(list[i].BeforeExtra)
	if i+1 < len(list) {
		list[i+1].BeforeExtra = d.joined(kept, list[i+1].BeforeExtra)
		return closing
	}
	if i > 0 {
		list[i-1].AfterExtra = mark(list[i].AfterExtra != nil)
	}
	return d.joined(kept, closing)
}

// mark is how the tree says that a comma trails.
func mark(comma bool) hujson.Extra {
	if comma {
		return hujson.Extra{}
	}
	return nil
}

// comments is what to keep of the space before something that is removed.
func (d *jsonDocument) comments(extra hujson.Extra) hujson.Extra {
	if len(bytes.TrimSpace(extra)) == 0 {
		return nil
	}
	return bytes.TrimRight(bytes.Clone(extra), " \t\r\n")
}

// joined puts kept comments before what follows, on lines of their own.
func (d *jsonDocument) joined(kept, extra hujson.Extra) hujson.Extra {
	if kept == nil {
		return extra
	}
	if !bytes.HasPrefix(bytes.TrimLeft(extra, " \t\r"), []byte("\n")) {
		kept = append(kept, d.line...)
	}
	return append(kept, extra...)
}

// newline ends a line and indents the next one.
func (d *jsonDocument) newline(depth int) hujson.Extra {
	return hujson.Extra(d.line + strings.Repeat(d.unit, depth))
}

// indentOf is the indentation at the end of extra, if it holds a line's end.
func indentOf(extra hujson.Extra) (string, bool) {
	at := bytes.LastIndexByte(extra, '\n')
	if at < 0 || len(bytes.TrimLeft(extra[at+1:], " \t")) > 0 {
		return "", false
	}
	return string(extra[at+1:]), true
}

// value is fields as JSON, one a line, at a depth.
func (d *jsonDocument) value(v any, depth int) hujson.ValueTrimmed {
	switch v := v.(type) {
	case []field:
		o := &hujson.Object{AfterExtra: d.newline(depth)}
		for _, f := range v {
			o.Members = append(o.Members, hujson.ObjectMember{
				Name:  hujson.Value{BeforeExtra: d.newline(depth + 1), Value: hujson.String(f.key)},
				Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: d.value(f.value, depth+1)},
			})
		}
		return o
	case []string:
		a := &hujson.Array{}
		for i, s := range v {
			e := hujson.Value{Value: hujson.String(s)}
			if i > 0 {
				e.BeforeExtra = hujson.Extra(" ")
			}
			a.Elements = append(a.Elements, e)
		}
		return a
	case bool:
		return hujson.Bool(v)
	}
	s, _ := v.(string)
	return hujson.String(s)
}
