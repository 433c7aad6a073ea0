package app

import (
	"sync"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// maxShown bounds what is remembered of reviews.
const maxShown = 50_000

// shown remembers which definition a person was shown last, so that a decision
// cannot be about another: a server may change between the look and the yes
// (security case PIN-21).
type shown struct {
	mu   sync.Mutex
	last map[item]gate.Digest
}

// item is whose definition was shown.
type item struct {
	upstream string
	kind     gate.ItemKind
	name     string
}

func (s *shown) add(e lock.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || len(s.last) >= maxShown {
		s.last = map[item]gate.Digest{}
	}
	s.last[item{e.Upstream, e.Kind, e.Name}] = e.Digest
}

// same tells whether the definition is the one that was shown last, or none was.
func (s *shown) same(r lock.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.last[item{r.Upstream, r.Kind, r.Name}]
	return !ok || last == r.Digest
}
