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
	last map[lock.Ref]gate.Digest // the key has no digest
}

func (s *shown) add(e lock.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || len(s.last) >= maxShown {
		s.last = map[lock.Ref]gate.Digest{}
	}
	s.last[lock.Ref{Upstream: e.Upstream, Kind: e.Kind, Name: e.Name}] = e.Digest
}

// same tells whether the definition is the one that was shown last, or none was.
func (s *shown) same(r lock.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest := r.Digest
	r.Digest = gate.Digest{}
	last, ok := s.last[r]
	return !ok || last == digest
}
