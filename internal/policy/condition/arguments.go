package condition

import (
	"bytes"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of the arguments that a condition reads. jsonrpc bounds messages more
// tightly in some of these; they hold whatever comes.
const (
	maxArguments = 256 << 10 // bytes
	maxValues    = 10_000    // JSON values, names included
	maxDepth     = 64
)

// arguments is the value of args: a JSON object of which a member is decoded when
// it is first asked for, and the rest only when args is asked about as a whole.
// One evaluation has its own.
type arguments struct {
	adapter types.Adapter
	text    []byte
	members []member
	whole   traits.Mapper  // every member decoded; nil until asked for
	index   map[string]int // by name, once asked for; only when there are more than room for
	room    [8]member      // of members: most tools take fewer
}

// member is where a name, quoted as it was sent, and its value are in the text.
type member struct {
	name, raw span
	value     ref.Val // nil until asked for
}

type span struct{ from, to int32 } // maxArguments fits

func (s span) of(text []byte) []byte { return text[s.from:s.to:s.to] }

// newArguments reads the names of one JSON object. Its errors are failures.
func newArguments(raw []byte, adapter types.Adapter) (*arguments, error) {
	a := &arguments{adapter: adapter, text: raw}
	a.members = a.room[:0]
	if len(raw) == 0 {
		return a, nil
	}
	if !affordable(raw) {
		return nil, errLarge
	}
	if !sound(raw) {
		return nil, errArguments
	}
	c := cursor{text: raw}
	c.skip('{')
	for ; c.peek() == '"'; c.skip(',') {
		name := c.value()
		c.skip(':')
		a.members = append(a.members, member{name: name, raw: c.value()})
	}
	return a, nil
}

// affordable tells, before anything is decoded, whether the text stays within the
// bounds. It counts what may begin a value, in the whole text first, for that is
// fast, and outside of strings where there is too much of it.
func affordable(raw []byte) bool {
	if len(raw) > maxArguments {
		return false
	}
	open := bytes.Count(raw, []byte("{")) + bytes.Count(raw, []byte("["))
	commas := bytes.Count(raw, []byte(",")) + bytes.Count(raw, []byte(":"))
	if open <= maxDepth && open+commas <= maxValues {
		return true
	}
	values, depth, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			values, depth = values+1, depth+1
		case c == '}' || c == ']':
			depth--
		case c == ',' || c == ':':
			values++
		}
		if depth > maxDepth || values > maxValues {
			return false
		}
	}
	return true
}

func (a *arguments) find(name string) (ref.Val, bool) {
	if len(a.members) > len(a.room) {
		if a.index == nil {
			a.index = a.indexed()
		}
		if i, ok := a.index[name]; ok {
			return a.value(i), true
		}
		return nil, false
	}
	for i := range a.members {
		if quotes(a.members[i].name.of(a.text), name) {
			return a.value(i), true
		}
	}
	return nil, false
}

func (a *arguments) indexed() map[string]int {
	index := make(map[string]int, len(a.members))
	for i := range a.members {
		index[a.name(i)] = i
	}
	return index
}

// name is the name of a member, which is sound and so has no error.
func (a *arguments) name(i int) string {
	plain, _ := jsontext.AppendUnquote(nil, a.members[i].name.of(a.text))
	return string(plain)
}

func (a *arguments) value(i int) ref.Val {
	m := &a.members[i]
	if m.value == nil {
		m.value = decode(m.raw.of(a.text), a.adapter)
	}
	return m.value
}

// quotes tells whether a JSON string is that of name.
func quotes(quoted []byte, name string) bool {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == name
	}
	plain, err := jsontext.AppendUnquote(nil, quoted)
	return err == nil && string(plain) == name
}

// all is the arguments with every member decoded, or an error value.
func (a *arguments) all() ref.Val {
	if a.whole != nil {
		return a.whole
	}
	m := make(map[string]any, len(a.members))
	for i := range a.members {
		v := a.value(i)
		if types.IsError(v) {
			return v
		}
		m[a.name(i)] = v
	}
	a.whole = types.NewStringInterfaceMap(a.adapter, m)
	return a.whole
}

// Find implements traits.Mapper.
func (a *arguments) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	v, ok := a.find(string(name))
	if ok && types.IsError(v) {
		return v, false
	}
	return v, ok
}

// Get implements traits.Indexer.
func (a *arguments) Get(key ref.Val) ref.Val {
	v, ok := a.Find(key)
	if !ok && v == nil {
		return types.NewErr("no such key")
	}
	return v
}

// Contains implements traits.Container.
func (a *arguments) Contains(key ref.Val) ref.Val {
	v, ok := a.Find(key)
	if !ok && v != nil {
		return v
	}
	return types.Bool(ok)
}

// Size implements traits.Sizer.
func (a *arguments) Size() ref.Val { return types.Int(len(a.members)) }

// Iterator implements traits.Iterable, over the names.
func (a *arguments) Iterator() traits.Iterator {
	names := make([]ref.Val, 0, len(a.members))
	for i := range a.members {
		names = append(names, types.String(a.name(i)))
	}
	return types.NewRefValList(a.adapter, names).Iterator()
}

// Equal implements ref.Val.
func (a *arguments) Equal(other ref.Val) ref.Val {
	whole := a.all()
	if types.IsError(whole) {
		return whole
	}
	if o, ok := other.(*arguments); ok {
		if other = o.all(); types.IsError(other) {
			return other
		}
	}
	return whole.Equal(other)
}

// ConvertToType implements ref.Val.
func (a *arguments) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return a
	case types.TypeType:
		return types.MapType
	}
	return types.NoSuchOverloadErr()
}

// ConvertToNative implements ref.Val. Nothing in an evaluation needs it.
func (a *arguments) ConvertToNative(reflect.Type) (any, error) { return nil, errArguments }

// Type implements ref.Val.
func (a *arguments) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (a *arguments) Value() any { return a }
