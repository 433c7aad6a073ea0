package validate

import (
	"context"
	"log/slog"
	"sync"

	"doorward/internal/gate"
)

// maxCompiled bounds the cache, in definitions. Two generations of half that
// size each: what is used survives, what is not falls out with its generation.
const maxCompiled = 4096

// cache holds what was compiled, failures too, by the definition's digest.
type cache struct {
	log *slog.Logger

	mu         sync.RWMutex
	young, old map[gate.Digest]*entry
}

// entry is compiled once, by whoever asks first; the others wait for it.
type entry struct {
	once sync.Once
	def  *definition
}

func newCache(log *slog.Logger) *cache {
	return &cache{log: log, young: map[gate.Digest]*entry{}, old: map[gate.Digest]*entry{}}
}

// get compiles the item's definition, or finds it compiled. No lock is held
// while a schema compiles.
func (c *cache) get(ctx context.Context, it *gate.Item) *definition {
	c.mu.RLock()
	e := c.young[it.Digest]
	c.mu.RUnlock()
	if e == nil {
		e = c.admit(it.Digest)
	}
	e.once.Do(func() {
		e.def = compile(it)
		if e.def.fault != nil {
			c.log.WarnContext(ctx, "definition withheld", "upstream", it.Upstream, "kind", it.Kind.String(),
				"name", it.Name, "digest", it.Digest.String(), "reason", e.def.fault.Error())
		}
	})
	return e.def
}

func (c *cache) admit(d gate.Digest) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.young[d]; e != nil {
		return e
	}
	e := c.old[d]
	if e == nil {
		e = &entry{}
	}
	if len(c.young) >= maxCompiled/2 {
		c.old, c.young = c.young, map[gate.Digest]*entry{}
	}
	c.young[d] = e
	return e
}
