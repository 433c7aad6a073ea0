package mcp

import (
	"errors"
	"fmt"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// Rewriting is one string of a reply and what stands in its place.
type Rewriting struct {
	At   gate.Span // the token, quotes included
	Text string
	// Block says that the string is the data of a content block, or the blob of a
	// resource, and that the whole of it becomes Text.
	Block bool
}

// errNoBlock says that a blob stands where no content block is.
var errNoBlock = errors.New("a blob is in no content block")

// Rewritten is a message with strings replaced and every other byte kept. Two
// rewritings never overlap, except that those within a replaced block go with it.
func Rewritten(m *gate.Message, list []Rewriting) (*gate.Message, error) {
	edits := make([]jsonrpc.Edit, 0, len(list))
	for _, r := range list {
		e := jsonrpc.Edit{At: jsonrpc.Span(r.At), New: jsonrpc.AppendString(nil, r.Text)}
		if r.Block {
			var err error
			if e, err = blockEdit(m, r); err != nil {
				return nil, fmt.Errorf("rewriting a reply: %w", err)
			}
		}
		edits = append(edits, e)
	}
	slices.SortFunc(edits, func(a, b jsonrpc.Edit) int {
		if a.At.Start != b.At.Start {
			return a.At.Start - b.At.Start
		}
		return b.At.End - a.At.End
	})
	end := -1
	edits = slices.DeleteFunc(edits, func(e jsonrpc.Edit) bool {
		if e.At.Start < end {
			return true
		}
		end = e.At.End
		return false
	})
	out, err := ParseUpstream(jsonrpc.Splice(m.Raw, edits...))
	if err != nil {
		return nil, fmt.Errorf("rewriting a reply: %w", err)
	}
	out.ShownID = m.ShownID
	return out, nil
}

// blockEdit replaces the content block that a blob is in by a block of text, and
// a resource's blob by text.
func blockEdit(m *gate.Message, r Rewriting) (jsonrpc.Edit, error) {
	for _, name := range [...]string{"content", "messages", "contents"} {
		list, ok := m.Field(name)
		if !ok || r.At.Start < list.Start || r.At.End > list.End {
			continue
		}
		at, found := elementAround(m.Raw, list, r.At)
		if !found {
			break
		}
		element := m.Raw[at.Start:at.End]
		switch name {
		case "contents":
			element = jsonrpc.With(jsonrpc.Without(element, "blob", "mimeType"), "text", jsonrpc.AppendString(nil, r.Text))
		case "messages":
			element = jsonrpc.With(element, "content", textBlock(r.Text))
		default:
			element = textBlock(r.Text)
		}
		return jsonrpc.Edit{At: jsonrpc.Span(at), New: element}, nil
	}
	return jsonrpc.Edit{}, errNoBlock
}

func textBlock(text string) []byte {
	return append(jsonrpc.AppendString([]byte(`{"type":"text","text":`), text), '}')
}

// elementAround is the element of the list at the span that has the bytes at inner.
func elementAround(raw []byte, list, inner gate.Span) (at gate.Span, found bool) {
	// What is no list has no element: that is the answer, not a failure.
	_ = jsonrpc.Elements(raw[list.Start:list.End], func(e jsonrpc.Span) error {
		if from, to := list.Start+e.Start, list.Start+e.End; from <= inner.Start && inner.End <= to {
			at, found = gate.Span{Start: from, End: to}, true
			return errStop
		}
		return nil
	})
	return at, found
}
