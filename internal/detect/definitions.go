package main

import (
	"sync"

	"doorward/internal/gate"
	"doorward/internal/inspect/change"
	"doorward/internal/inspect/definition"
)

func judgeDefinition(c *Case, h *house) (verdict, error) {
	it := item(c.Server, c.Tool)
	return verdictOf(definition.Inspect(&it, h.beside(c))), nil
}

// judgeChange counts a change that may not pass quickly as one to review. That
// nothing changed at all passes is the pins' part, not measured here.
func judgeChange(c *Case, h *house) (verdict, error) {
	near := h.beside(c)
	before, after := item(c.Server, c.Prev), item(c.Server, c.Tool)
	v := verdictOf(definition.Inspect(&after, near))
	if triage := change.Of(&before, &after, near); !triage.Quick {
		v.worst = max(v.worst, gate.Medium)
	}
	return v, nil
}

// surroundings are what stands beside the tools of each server, made once. They
// may be asked from several goroutines.
type surroundings struct {
	mu sync.Mutex
	of map[string]func() *definition.Neighbours
}

// beside is what stands beside c, and c.
func (h *house) beside(c *Case) *definition.Neighbours {
	if shares(c) {
		return h.near.server(address(c), h.items)
	}
	items := []gate.Item{item(c.Server, c.Tool)}
	for _, p := range c.Peers {
		items = append(items, item(p.Server, p.Tool))
	}
	return definition.Near(items)
}

func (s *surroundings) server(name string, items map[string][]gate.Item) *definition.Neighbours {
	s.mu.Lock()
	near := s.of[name]
	if near == nil {
		near = sync.OnceValue(func() *definition.Neighbours { return definition.Near(items[name]) })
		if s.of == nil {
			s.of = map[string]func() *definition.Neighbours{}
		}
		s.of[name] = near
	}
	s.mu.Unlock()
	return near()
}
