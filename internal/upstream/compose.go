package upstream

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sort"
	"strings"
	"time"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
	"doorward/internal/mcp"
)

// Bounds of one page of a list. Pages are large because many clients never ask
// for the second one. A definition that is larger than a page is a page.
const (
	pageItems = 1000
	pageBytes = 4 << 20 // of definitions, as their upstreams sent them
)

const (
	cursorTTL = time.Hour // how long a client may take over a list
	maxCursor = 4 << 10   // bytes of a cursor's text: the longest names take 3 KiB
)

// metaUpstream is the member of a definition's _meta that says whose it is.
const metaUpstream = "doorward/upstream"

// compose answers a list with one page of what the stages have left of it.
func (p *Pool) compose(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	rev, ok := mcp.RevisionOf(ex.Call.Version)
	if !ok {
		return errors.New("composing a list for an unknown revision")
	}
	items := ex.Target.Items
	from, err := p.openCursor(ex)
	if err != nil {
		return err
	}
	start := from.next(items)
	end := pageEnd(items, start)
	f := mcp.Frame{TTL: shownTTL, Unavailable: ex.Target.Unavailable, Stale: ex.Target.Stale}
	if ex.Call.Era == gate.Stateless {
		f.ServerInfo = p.clientInfo()
	}
	if end < len(items) {
		if f.Cursor, err = p.sealCursor(ex, placeOf(items, end-1)); err != nil {
			return err
		}
	}
	m := ex.Call.Message
	list := mcp.List(ex.Call.Route.Item, attributed(ex, items[start:end]), rev, f)
	return emit(ctx, mcp.NewResult(m.Bytes(m.ID), list))
}

// pageEnd is where the page that begins at start ends.
func pageEnd(items []gate.Item, start int) int {
	size := 0
	for i := start; i < len(items); i++ {
		size += len(items[i].Raw)
		if i > start && (size > pageBytes || i-start == pageItems) {
			return i
		}
	}
	return len(items)
}

// attributed are the items with whose they are, where several upstreams' are
// shown together and their names do not say so: a URI has no prefix. What an
// upstream says there itself is replaced. Every other byte stays.
func attributed(ex *gate.Exchange, items []gate.Item) []gate.Item {
	kind := ex.Call.Route.Item
	if ex.Target.Plain || kind != gate.Resource && kind != gate.Template {
		return items
	}
	out := make([]gate.Item, len(items))
	copy(out, items)
	for i := range out {
		it := &out[i]
		meta, _ := memberOf(it.Raw, "_meta")
		meta = jsonrpc.With(meta, metaUpstream, jsonrpc.AppendString(nil, it.Upstream))
		it.Raw = jsonrpc.With(it.Raw, "_meta", meta)
	}
	return out
}

// place is where a page ended: the last item shown. The zero value is before
// the first item. Lists are ordered by upstream and then as it orders them.
type place struct {
	upstream, name string
	ordinal        int // among the upstream's own items that were shown
}

// placeOf is the place of an item.
func placeOf(items []gate.Item, i int) place {
	first := firstOf(items, items[i].Upstream)
	return place{items[i].Upstream, items[i].Name, i - first}
}

// firstOf is where the upstream's items begin, or would.
func firstOf(items []gate.Item, upstream string) int {
	return sort.Search(len(items), func(i int) bool { return items[i].Upstream >= upstream })
}

// next is the index of the item that follows. When the named one is gone,
// what now stands in its place follows, but nothing of another upstream is
// skipped for what has changed in this one.
func (at place) next(items []gate.Item) int {
	if at == (place{}) {
		return 0
	}
	first := firstOf(items, at.upstream)
	i := first
	for ; i < len(items) && items[i].Upstream == at.upstream; i++ {
		if items[i].Name == at.name {
			return i + 1
		}
	}
	return min(first+at.ordinal, i)
}

// cursorBinding is what a cursor is bound to: its purpose, the principal (with
// its tenant), the profile and the method. The parts are length-prefixed, and
// what is sealed for another purpose begins with a principal's key, which no
// purpose is.
func cursorBinding(ex *gate.Exchange) []byte {
	var b []byte
	for _, s := range [...]string{"cursor", ex.Principal.Key(), ex.Inbound.Profile, ex.Call.Route.Method} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by the message
		b = append(b, s...)
	}
	return b
}

// sealCursor makes the cursor with which this principal, and nobody else, can
// go on with this list after the place.
func (p *Pool) sealCursor(ex *gate.Exchange, at place) (string, error) {
	if ex.Principal == nil {
		return "", errors.New("sealing a cursor for nobody")
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(cursorTTL).Unix())) //nolint:gosec // a time after 1970 is not negative
	plain = binary.BigEndian.AppendUint32(plain, uint32(at.ordinal))                      //nolint:gosec // bounded by maxItems
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(at.upstream)))                //nolint:gosec // bounded by config
	plain = append(append(plain, at.upstream...), at.name...)
	nonce := make([]byte, p.sealer.NonceSize(), p.sealer.NonceSize()+len(plain)+p.sealer.Overhead())
	_, _ = rand.Read(nonce) // does not fail (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(p.sealer.Seal(nonce, nonce, plain, cursorBinding(ex))), nil
}

// openCursor reads the cursor of a client's request; the zero place when it has
// none.
func (p *Pool) openCursor(ex *gate.Exchange) (place, error) {
	m := ex.Call.Message
	at, ok := m.Field("cursor")
	if !ok {
		return place{}, nil
	}
	fault := &gate.Error{
		Code: gate.CodeParams, Op: "opening a cursor", Err: errors.New("not a cursor of this principal, profile and list, or an old one"),
		Public: "cursor is not one that was given for this list, or has expired: ask for the list again without it",
	}
	s, ok := text(m.Bytes(at))
	if !ok || len(s) > maxCursor || strings.ContainsAny(s, "\r\n") || ex.Principal == nil { // base64 passes over line breaks
		return place{}, fault
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(s)
	n := p.sealer.NonceSize()
	if err != nil || len(sealed) < n {
		return place{}, fault
	}
	plain, err := p.sealer.Open(nil, sealed[:n], sealed[n:], cursorBinding(ex))
	const head = 8 + 4 + 2
	if err != nil || len(plain) < head {
		return place{}, fault
	}
	expiry, ordinal := binary.BigEndian.Uint64(plain), binary.BigEndian.Uint32(plain[8:])
	name := head + int(binary.BigEndian.Uint16(plain[12:]))
	if name > len(plain) || time.Now().Unix() > int64(expiry) { //nolint:gosec // sealed by us
		return place{}, fault
	}
	return place{string(plain[head:name]), string(plain[name:]), int(ordinal)}, nil
}
