package jsonrpc

import (
	"bytes"
	"fmt"
	"slices"
)

// Edit replaces the bytes at At by New. With At.Start == At.End it inserts New there.
type Edit struct {
	At  Span
	New []byte
}

// Splice returns a new slice, made with one allocation, that is raw with the edits applied; every other byte
// is as it was. The edits must be sorted by Start, lie inside raw and not overlap: anything else is a mistake
// in the program, and Splice panics.
func Splice(raw []byte, edits ...Edit) []byte {
	out, last := make([]byte, 0, SplicedLen(raw, edits...)), 0
	for _, e := range edits {
		out = append(out, raw[last:e.At.Start]...)
		out = append(out, e.New...)
		last = e.At.End
	}
	return append(out, raw[last:]...)
}

// SplicedLen returns the length of what Splice would return, and panics as Splice does.
func SplicedLen(raw []byte, edits ...Edit) int {
	size, last := len(raw), 0
	for _, e := range edits {
		if e.At.Start < last || e.At.End < e.At.Start || e.At.End > len(raw) {
			panic(fmt.Sprintf("jsonrpc: edit at [%d,%d) out of order or bounds", e.At.Start, e.At.End))
		}
		size += len(e.New) - (e.At.End - e.At.Start)
		last = e.At.End
	}
	return size
}

// Pieces returns what Splice would, as views of raw and the edits in their order, for a writer that need
// not copy a large message to change its id. It panics as Splice does.
func Pieces(raw []byte, edits ...Edit) [][]byte {
	_ = SplicedLen(raw, edits...)
	out, last := make([][]byte, 0, 2*len(edits)+1), 0
	for _, e := range edits {
		out = append(out, raw[last:e.At.Start], e.New)
		last = e.At.End
	}
	return append(out, raw[last:])
}

// Patch collects changes to the envelope of a message: its id, the members of _meta, and the members of
// params (Request, Notification), result (Result) or error (Failure). For each name the last change wins.
// Names and values must be such that the message stays valid: a value is JSON, from the gateway itself or
// from a message that Parse accepted. A Patch is for one goroutine.
type Patch struct {
	m      *Message
	id     []byte
	fields []change
	meta   []change
	spans  []Edit
}

// change is one member to set, or to drop when the value is empty.
type change struct {
	name  string
	value []byte
}

// sets tells that the member is set and not dropped.
func (c change) sets() bool { return len(c.value) > 0 }

// Patch returns an empty patch of m.
func (m *Message) Patch() *Patch { return &Patch{m: m} }

// ID replaces the id by the token tok. It gives a Failure without an id one, and does nothing to a
// Notification.
func (p *Patch) ID(tok []byte) { p.id = tok }

// SetField replaces the member called name of params, result or error, or adds it. Params are created when
// absent. It does nothing to a result that is no object.
func (p *Patch) SetField(name string, value []byte) { p.fields = record(p.fields, name, value) }

// SetMeta replaces the member called name of _meta, or adds it; _meta and params are created when absent. It
// does nothing to a Failure, which has no _meta, nor to a result that is no object.
func (p *Patch) SetMeta(name string, value []byte) { p.meta = record(p.meta, name, value) }

// DropField removes members of params, result or error. The object that held them stays.
func (p *Patch) DropField(names ...string) {
	for _, name := range names {
		p.fields = record(p.fields, name, nil)
	}
}

// Replace replaces the bytes at the span, a value somewhere inside params, result or error, by the token tok.
// It must not overlap a member that the patch sets or drops, nor another span.
func (p *Patch) Replace(at Span, tok []byte) { p.spans = append(p.spans, Edit{At: at, New: tok}) }

// DropMeta removes members from _meta. The _meta object stays, even when it becomes empty.
func (p *Patch) DropMeta(names ...string) {
	for _, name := range names {
		p.meta = record(p.meta, name, nil)
	}
}

// Bytes returns the changed message as a new slice; every byte that no change touches is as it was. The
// patch may be extended and applied again.
func (p *Patch) Bytes() []byte {
	edits := p.idEdits()
	fields := p.fields
	if len(p.meta) > 0 && p.m.Kind != Failure {
		var inside []Edit
		fields, inside = p.foldMeta()
		edits = append(edits, inside...)
	}
	edits = append(append(edits, p.fieldEdits(fields)...), p.spans...)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.At.Start - b.At.Start })
	return Splice(p.m.Raw, edits...)
}

func (p *Patch) idEdits() []Edit {
	switch {
	case p.id == nil:
		return nil
	case p.m.ID.Present():
		return []Edit{{At: p.m.ID, New: p.id}}
	case p.m.Kind == Failure:
		at := bytes.IndexByte(p.m.Raw, '{') + 1
		return []Edit{{At: Span{at, at}, New: slices.Concat([]byte(`"id":`), p.id, []byte(","))}}
	}
	return nil
}

// foldMeta applies the changes of _meta where _meta is: inside the message, in which case it returns edits,
// or in a value that a change of fields brings, in which case it returns the fields to change.
func (p *Patch) foldMeta() ([]change, []Edit) {
	base := []byte(nil)
	if i := slices.IndexFunc(p.fields, func(c change) bool { return c.name == "_meta" }); i >= 0 {
		base = p.fields[i].value
	} else if s := p.m.MetaSpan; s.Present() && p.m.Raw[s.Start] == '{' {
		return p.fields, objectEdits(s, p.m.Meta, p.meta)
	}
	if len(base) == 0 && !slices.ContainsFunc(p.meta, change.sets) {
		return p.fields, nil
	}
	return record(slices.Clone(p.fields), "_meta", patchObject(base, p.meta)), nil
}

// fieldEdits applies changes to the object that holds Fields, and creates params when they are absent.
func (p *Patch) fieldEdits(fields []change) []Edit {
	if len(fields) == 0 {
		return nil
	}
	var at Span
	switch p.m.Kind {
	case Result:
		at = p.m.Result
	case Failure:
		at = p.m.Error
	default:
		at = p.m.Params
	}
	if at.Present() {
		if p.m.Raw[at.Start] != '{' {
			return nil
		}
		return objectEdits(at, p.m.Fields, fields)
	}
	if !slices.ContainsFunc(fields, change.sets) {
		return nil
	}
	end := bytes.LastIndexByte(p.m.Raw, '}')
	created := append([]byte(`,"params":`), patchObject([]byte("{}"), fields)...)
	return []Edit{{At: Span{end, end}, New: created}}
}

// record adds a change to list, in the place of an earlier one of the same name.
func record(list []change, name string, value []byte) []change {
	for i := range list {
		if list[i].name == name {
			list[i].value = value
			return list
		}
	}
	return append(list, change{name, value})
}

// With returns the object raw with the member called name set to value, as a new slice. It is for an object
// that stands alone, outside a message; what is no object is taken for an empty one.
func With(raw []byte, name string, value []byte) []byte {
	return patchObject(raw, []change{{name, value}})
}

// Without returns the object raw without the members of those names, as a new slice; raw itself when it has
// none of them or is no object.
func Without(raw []byte, names ...string) []byte {
	var drop []change
	// What is no object has no members: that is the answer, not a failure.
	_ = Members(raw, func(name string, _, _ Span) error {
		if slices.Contains(names, name) {
			drop = append(drop, change{name: name})
		}
		return nil
	})
	if len(drop) == 0 {
		return raw
	}
	return patchObject(raw, drop)
}

// patchObject applies changes to an object that stands alone. What is no object is taken for an empty one.
func patchObject(raw []byte, changes []change) []byte {
	var fields []Field
	err := Members(raw, func(name string, key, value Span) error {
		fields = append(fields, Field{name, key, value})
		return nil
	})
	if err != nil {
		raw, fields = []byte("{}"), nil
	}
	start := bytes.IndexByte(raw, '{')
	end := bytes.LastIndexByte(raw, '}') + 1
	return Splice(raw, objectEdits(Span{start, end}, fields, changes)...)
}

// objectEdits returns the edits, in order, that apply changes to the object at obj whose members are fields.
// A dropped member takes the comma before it along, or the one after it when no member is left before it.
func objectEdits(obj Span, fields []Field, changes []change) []Edit {
	edits := make([]Edit, 0, len(changes))
	kept := false
	for i, f := range fields {
		c := slices.IndexFunc(changes, func(c change) bool { return c.name == f.Name })
		switch {
		case c < 0:
			kept = true
		case changes[c].sets():
			edits = append(edits, Edit{At: f.Value, New: changes[c].value})
			kept = true
		case kept:
			edits = append(edits, Edit{At: Span{fields[i-1].Value.End, f.Value.End}})
		case i+1 < len(fields):
			edits = append(edits, Edit{At: Span{f.Key.Start, fields[i+1].Key.Start}})
		default:
			edits = append(edits, Edit{At: Span{f.Key.Start, f.Value.End}})
		}
	}
	var added []byte
	for _, c := range changes {
		if _, there := find(fields, c.name); there || !c.sets() {
			continue
		}
		if kept {
			added = append(added, ',')
		}
		added = append(append(AppendString(added, c.name), ':'), c.value...)
		kept = true
	}
	if added != nil {
		edits = append(edits, Edit{At: Span{obj.End - 1, obj.End - 1}, New: added})
	}
	return edits
}
