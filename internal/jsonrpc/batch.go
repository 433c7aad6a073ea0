package jsonrpc

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxBatch is the number of messages in a batch when the caller names none.
const maxBatch = 100

// IsBatch reports whether raw starts like a JSON-RPC 2.0 batch: with an array.
func IsBatch(raw []byte) bool {
	i := skipSpace(raw, 0)
	return i < len(raw) && raw[i] == '['
}

// Split returns the messages of a batch as views into raw, none of them judged yet: each goes to Parse. The
// batch has 1 to limit items, 100 if limit is not positive; an array as an item is refused. The whole of raw
// is checked to be one well-formed array, within UpstreamLimits and one level deeper, before anything is
// returned; the error is a *Fault.
func Split(raw []byte, limit int) ([][]byte, error) {
	if limit <= 0 {
		limit = maxBatch
	}
	items, f := split(raw, limit)
	if f != nil {
		return nil, f
	}
	return items, nil
}

func split(raw []byte, limit int) ([][]byte, *Fault) {
	if !IsBatch(raw) {
		return nil, invalid("", "batch is not an array")
	}
	lim := UpstreamLimits()
	lim.Depth, lim.messages = lim.Depth+1, limit // one level is the array itself
	if f := measure(raw, lim); f != nil {
		return nil, f
	}
	r := newReader(raw, jsontext.AllowDuplicateNames(true)) // Parse refuses them, in their own message
	defer r.release()
	if _, f := r.bracket(); f != nil {
		return nil, f
	}
	var items [][]byte
	for n := 0; r.dec.PeekKind() != ']'; n++ {
		if r.dec.PeekKind() == '[' {
			return nil, invalid(fmt.Sprintf("/%d", n), "array inside a batch")
		}
		s, f := r.value()
		if f != nil {
			return nil, f
		}
		items = append(items, raw[s.Start:s.End:s.End])
	}
	if _, f := r.bracket(); f != nil {
		return nil, f
	}
	if f := r.end(); f != nil {
		return nil, f
	}
	if len(items) == 0 {
		return nil, invalid("", "empty batch")
	}
	return items, nil
}
