package upstream

import (
	"sync"
	"sync/atomic"

	"doorward/internal/gate"
)

// drift is how often an upstream's definitions were seen to differ from what
// they were, on whatever channel. A server that changes a tool need not say so
// on every session, or at all: what one look finds makes every list stale.
type drift struct {
	count [gate.Template + 1]atomic.Uint64

	mu    sync.Mutex
	known [gate.Template + 1]map[string]gate.Digest // at most maxItems each
}

// of is the drift of a kind so far.
func (d *drift) of(kind gate.ItemKind) uint64 { return d.count[kind].Load() }

// compare holds a list that was just read against what was seen before, and
// returns the drift from now on.
func (d *drift) compare(kind gate.ItemKind, list *catalogue) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[kind] == nil || len(d.known[kind]) > maxItems {
		d.known[kind] = make(map[string]gate.Digest, len(list.items))
	}
	for i := range list.items {
		it := &list.items[i]
		had, ok := d.known[kind][it.Name]
		if ok && had != it.Digest {
			d.count[kind].Add(1)
		}
		d.known[kind][it.Name] = it.Digest
	}
	return d.count[kind].Load()
}
