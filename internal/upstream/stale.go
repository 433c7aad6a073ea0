package upstream

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"doorward/internal/gate"
)

// Bounds of the lists that are kept for when their upstream fails.
const (
	maxKept      = 1_000    // of an upstream
	maxKeptBytes = 64 << 20 // of their definitions
	keptFor      = 24 * time.Hour
)

// keptKey is whose list it is: nobody's where the upstream is shared.
type keptKey struct {
	principal string
	kind      gate.ItemKind
}

// keptList is the last list that was read of an upstream for somebody.
type keptList struct {
	list *catalogue
	by   teller
	mark [sha256.Size]byte // of the keys that the client brought: with others it may see other things
	at   time.Time
	size int // bytes of its definitions
}

// keptLists are an upstream's last lists. A list may be shown to those alone for whom it
// was read: another's credential may see other things.
type keptLists struct {
	mu    sync.Mutex
	of    map[keptKey]keptList
	bytes int
}

func (s *server) keptKey(ex *gate.Exchange, kind gate.ItemKind) keptKey {
	if s.set.Shared {
		return keptKey{kind: kind}
	}
	return keptKey{principal: ex.Principal.Key(), kind: kind}
}

// keptMark is of the keys that a client brought, which nothing but the list itself is kept
// by: with keys made up anew one principal would take everybody's room.
func (s *server) keptMark(ex *gate.Exchange) (mark [sha256.Size]byte) {
	if !s.set.Shared && len(s.ownKeys) > 0 {
		mark = s.markOf(ex, "doorward kept list")
	}
	return mark
}

// put keeps a list that was just read. One that there is no room for is not kept.
func (k *keptLists) put(key keptKey, one keptList) {
	one.at = time.Now()
	for i := range one.list.items {
		one.size += len(one.list.items[i].Raw)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(key)
	if len(k.of) >= maxKept || k.bytes+one.size > maxKeptBytes {
		return
	}
	if k.of == nil {
		k.of = map[keptKey]keptList{}
	}
	k.of[key] = one
	k.bytes += one.size
}

// drop forgets a list; it needs mu.
func (k *keptLists) drop(key keptKey) {
	k.bytes -= k.of[key].size
	delete(k.of, key)
}

func (k *keptLists) get(key keptKey) (keptList, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	had, ok := k.of[key]
	return had, ok && time.Since(had.at) < keptFor
}

// expire forgets the lists that are too old to be shown.
func (k *keptLists) expire(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, had := range k.of {
		if now.Sub(had.at) >= keptFor {
			k.drop(key)
		}
	}
}

// lastList is the last list of an upstream that fails with err, nil where there is none
// to show: the failure is one of the way to it, and what may be used of it is what it was.
func (p *Pool) lastList(ctx context.Context, ex *gate.Exchange, upstream string, kind gate.ItemKind, err error) (*catalogue, teller) {
	s, unknown := p.server(upstream)
	if unknown != nil || !errors.Is(err, errWaits) && !errors.Is(err, errSecret) && !wayFailed(err) {
		return nil, teller{}
	}
	had, ok := s.kept.get(s.keptKey(ex, kind))
	if !ok || had.mark != s.keptMark(ex) {
		return nil, teller{}
	}
	if _, err := s.mayReach(); err != nil {
		return nil, teller{}
	}
	if err := s.approvedAs(had.by.hello); err != nil {
		return nil, teller{}
	}
	s.log.DebugContext(ctx, "the last list of an upstream is shown in place of its own", "exchange", ex.ID, "upstream", s.set.Name, "read", had.at, "error", err)
	return had.list, had.by
}
