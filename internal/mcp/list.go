package mcp

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// maxCursor bounds the cursor of an upstream, in bytes of its text.
const maxCursor = 8 << 10

// listKey is the member of a list result that holds the definitions.
func listKey(kind gate.ItemKind) string {
	switch kind {
	case gate.Tool:
		return "tools"
	case gate.Prompt:
		return "prompts"
	case gate.Resource:
		return "resources"
	case gate.Template:
		return "resourceTemplates"
	default:
		return ""
	}
}

// ListMethod is the method that lists a kind, empty for a kind that no method
// lists.
func ListMethod(kind gate.ItemKind) string {
	for i := range methods {
		if methods[i].Action == gate.Compose && methods[i].Item == kind {
			return methods[i].Method
		}
	}
	return ""
}

// Page walks the definitions of one page of an upstream's list result, in
// order, and returns the cursor of the next page, empty after the last. It
// fails when the result is no such page; an error of yield ends the walk and
// is returned as it is. raw is a view into result and may be no object: one bad
// element is the caller's to leave out.
func Page(kind gate.ItemKind, result []byte, yield func(raw []byte) error) (cursor string, err error) {
	key := listKey(kind)
	found := false
	err = jsonrpc.Members(result, func(name string, _, at jsonrpc.Span) error {
		value := result[at.Start:at.End:at.End]
		switch {
		case name == "nextCursor" && string(value) != "null":
			var ok bool
			if cursor, ok = unquote(value); !ok || len(cursor) > maxCursor {
				return fmt.Errorf("nextCursor is not a string of at most %d bytes", maxCursor)
			}
		case name == key && key != "":
			found = true
			return jsonrpc.Elements(value, func(at jsonrpc.Span) error {
				return yield(value[at.Start:at.End:at.End])
			})
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("list result without " + key)
	}
	if err != nil {
		return "", err
	}
	return cursor, nil
}

// ShowItem is the definition as a client of that revision reads it: with the
// name that the item is shown under, and without an output schema that the
// stateful era does not have (its results then come without structured
// content); else as the upstream sent it. Only tools and prompts are ever shown
// under another name.
func ShowItem(it *gate.Item, rev Revision) []byte {
	raw := it.Raw
	if it.Kind == gate.Tool && rev.Era != gate.Stateless && !objectOutput(raw) {
		raw = jsonrpc.Without(raw, "outputSchema")
	}
	if !prefixed(it.Kind) || it.Shown == it.Name || it.Shown == "" {
		return raw
	}
	at, ok := memberSpan(raw, "name")
	if !ok {
		return raw
	}
	return jsonrpc.Splice(raw, jsonrpc.Edit{At: jsonrpc.Span(at), New: jsonrpc.AppendString(nil, it.Shown)})
}

// Frame is what a composed list carries beside its items.
type Frame struct {
	Cursor      string        // of the next page; empty after the last
	TTL         time.Duration // how long the client may keep it; stateless era
	ServerInfo  []byte        // JSON object; stateless era; may be nil
	Unavailable []string      // upstreams whose items are missing, by name
	Stale       []string      // upstreams whose items were read before they failed, by name
}

// List composes the result of a list method: the items in the order given, as
// the client reads them. In the stateless era it is complete and private to
// the principal, for policy has filtered it (2026-07-28, caching: what varies
// by authorization must not be public).
func List(kind gate.ItemKind, items []gate.Item, rev Revision, f Frame) []byte {
	size := 256 + len(f.ServerInfo) + len(f.Cursor)
	for i := range items {
		size += len(items[i].Raw) + len(items[i].Shown) + 1
	}
	b := make([]byte, 0, size)
	b = append(append(append(b, `{"`...), listKey(kind)...), `":[`...)
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, ShowItem(&items[i], rev)...)
	}
	b = append(b, ']')
	if f.Cursor != "" {
		b = jsonrpc.AppendString(append(b, `,"nextCursor":`...), f.Cursor)
	}
	if rev.ResultType {
		b = append(b, `,"resultType":"complete","ttlMs":`...)
		b = strconv.AppendInt(b, max(0, f.TTL.Milliseconds()), 10)
		b = append(b, `,"cacheScope":"private"`...)
	}
	if meta := f.meta(rev); len(meta) > len("{}") {
		b = appendMember(b, "_meta", meta)
	}
	return append(b, '}')
}

// meta is the _meta of a list, "{}" when there is nothing to say.
func (f *Frame) meta(rev Revision) []byte {
	b := []byte{'{'}
	if rev.ResultType && f.ServerInfo != nil {
		b = appendMember(b, MetaServerInfo, f.ServerInfo)
	}
	b = appendNames(b, MetaUnavailable, f.Unavailable)
	b = appendNames(b, MetaStale, f.Stale)
	return append(b, '}')
}

// appendNames appends a member with names, where there are any.
func appendNames(b []byte, member string, names []string) []byte {
	if len(names) == 0 {
		return b
	}
	list := []byte{'['}
	for i, name := range names {
		if i > 0 {
			list = append(list, ',')
		}
		list = jsonrpc.AppendString(list, name)
	}
	return appendMember(b, member, append(list, ']'))
}
