package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"doorward/internal/gate"
)

// maxNonces bounds the live nonces of one gateway, about 25 MB: 333 signed
// requests a second where each is kept for 600 s.
const maxNonces = 200_000

// MemoryNonces is the memory of one gateway. It begins with New and ends with the
// process; several gateways share RedisNonces instead. It is safe for concurrent use.
type MemoryNonces struct {
	since int64 // Unix seconds; nothing made then or before is fresh

	mu     sync.Mutex
	latest int64 // Unix nanoseconds: the clock here never runs back over what was forgotten
	swept  int64 // Unix seconds: what ended until then is forgotten
	seen   map[[sha256.Size]byte]struct{}
	ends   map[int64][][sha256.Size]byte // by the first whole second after the end
}

// NewMemoryNonces begins a memory.
func NewMemoryNonces(ahead time.Duration) *MemoryNonces {
	now := time.Now()
	return &MemoryNonces{
		since: now.Unix() + gate.WholeSeconds(ahead), latest: now.UnixNano(), swept: now.Unix(),
		seen: map[[sha256.Size]byte]struct{}{}, ends: map[int64][][sha256.Size]byte{},
	}
}

// Use takes note of a key until its end. fresh is false when it was used before,
// has ended, or was made no later than this memory began.
func (n *MemoryNonces) Use(_ context.Context, key string, made, until time.Time) (fresh bool, err error) {
	if err := checkNonce(key, made, until); err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte(key))
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := n.now(); made.Unix() <= n.since || until.UnixNano() <= now {
		return false, nil
	}
	if _, used := n.seen[sum]; used {
		return false, nil
	}
	if len(n.seen) >= maxNonces {
		return false, errors.New("using a nonce: the memory is full")
	}
	n.seen[sum] = struct{}{}
	end := roundUp(until).Unix()
	n.ends[end] = append(n.ends[end], sum)
	return true, nil
}

// now is the time, and forgets what ended before it. Its caller holds n.mu.
func (n *MemoryNonces) now() int64 {
	n.latest = max(n.latest, time.Now().UnixNano())
	second := n.latest / int64(time.Second)
	if second == n.swept {
		return n.latest
	}
	n.swept = second
	for end, sums := range n.ends { // at most one for each second of maxAway
		if end > second {
			continue
		}
		for _, sum := range sums {
			delete(n.seen, sum)
		}
		delete(n.ends, end)
	}
	return n.latest
}

// Healthy tells whether the memory can judge. A clock that was set back is behind
// what was forgotten already, and everything is refused until it has caught up.
func (n *MemoryNonces) Healthy(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if back := time.Duration(n.latest - time.Now().UnixNano()); back > time.Second {
		return fmt.Errorf("memory of nonces: the clock went back by %v", back)
	}
	return nil
}
