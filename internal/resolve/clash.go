package resolve

import (
	"context"
	"crypto/sha256"
	"strconv"
	"sync"

	"doorward/internal/gate"
)

// maxTold bounds how many clashes of one upstream are told of: whoever makes
// them up by the thousand does not fill the log.
const maxTold = 64

// clash is two items, or two readings of a name, that could be taken for each
// other. Neither is shown or called.
type clash struct {
	exchange   string
	kind       gate.ItemKind
	upstream   string // whose item it is
	one, other string // paths
}

// clashes remembers what an operator has been told, so that a list that clients
// ask for all the time tells it once. The zero value is ready.
type clashes struct {
	mu   sync.Mutex
	told map[string]map[[sha256.Size]byte]bool // by upstream
}

// tell writes a clash to the log and on record, once. What cannot be recorded
// is told again.
func (c *clashes) tell(ctx context.Context, s *Stage, k clash) {
	key := sha256.Sum256([]byte(k.kind.String() + "\x00" + min(k.one, k.other) + "\x00" + max(k.one, k.other)))
	n := c.note(k.upstream, key)
	switch {
	case n == 0 || n > maxTold:
		return
	case n == maxTold:
		s.log.WarnContext(ctx, "this is the last clash of names of an upstream that is told of", "upstream", k.upstream, "told", maxTold)
	}
	// In ASCII, for the two may be the same to the eye.
	one, other := strconv.QuoteToASCII(k.one), strconv.QuoteToASCII(k.other)
	s.log.WarnContext(ctx, "names that look alike are blocked", "exchange", k.exchange, "kind", k.kind.String(), "one", one, "other", other)
	if s.events == nil {
		return
	}
	err := s.events(context.WithoutCancel(ctx), gate.Event{
		Kind: "name.blocked", Actor: "doorward", Upstream: k.upstream, Exchange: k.exchange, Status: "refused",
		Detail: k.kind.String() + " " + one + " looks like " + other + ": neither is shown or called",
	})
	if err != nil {
		s.log.ErrorContext(ctx, "a clash of names is not on record", "exchange", k.exchange, "error", err)
		c.forget(k.upstream, key)
	}
}

// note is how many clashes of the upstream are known with this one, 0 when it
// was known before. It keeps no more than the bound.
func (c *clashes) note(upstream string, key [sha256.Size]byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.told[upstream]
	if known[key] {
		return 0
	}
	if len(known) >= maxTold {
		return maxTold + 1
	}
	if c.told == nil {
		c.told = map[string]map[[sha256.Size]byte]bool{}
	}
	if known == nil {
		known = map[[sha256.Size]byte]bool{}
		c.told[upstream] = known
	}
	known[key] = true
	return len(known)
}

func (c *clashes) forget(upstream string, key [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.told[upstream], key)
}
