package store

import (
	"sync"
	"time"

	"doorward/internal/gate"
)

// maxSpent bounds the budgets that are known to be spent, about 1 MB.
const maxSpent = 10_000

// spentBudgets are the budgets that were refused lately, and until when: who goes on
// asking costs no round trip. It only ever repeats a refusal that still holds.
type spentBudgets struct {
	names *MemoryBudgets // makes them

	mu    sync.Mutex
	until map[cellName]refusedBudget
}

// refusedBudget is the answer that a budget got.
type refusedBudget struct {
	at   time.Time // when the cost will be there
	cost int64
	most int64 // a reload can write more, and then it no longer holds
	left int64
}

func newSpentBudgets() *spentBudgets {
	return &spentBudgets{names: NewMemoryBudgets(), until: map[cellName]refusedBudget{}}
}

// refuses tells whether one of the budgets is known not to have its cost, and says so of it.
func (s *spentBudgets) refuses(all []gate.Budget, standing []gate.Standing) (refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.until) == 0 {
		return false
	}
	now := time.Now()
	for i := range all {
		r, known := s.until[s.names.name(&all[i])]
		if wait := r.at.Sub(now); known && wait > 0 && all[i].Cost >= r.cost && all[i].Most <= r.most {
			standing[i] = gate.Standing{Left: min(r.left, all[i].Most), Wait: wait, Next: wait}
			refused = true
		}
	}
	return refused
}

// note remembers a refusal.
func (s *spentBudgets) note(all []gate.Budget, standing []gate.Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for i := range all {
		if standing[i].Wait <= 0 {
			continue
		}
		s.makeRoom(now)
		s.until[s.names.name(&all[i])] = refusedBudget{at: now.Add(standing[i].Wait), cost: all[i].Cost, most: all[i].Most, left: standing[i].Left}
	}
}

// makeRoom forgets one that is over, or at the bound any: it is then asked about again.
func (s *spentBudgets) makeRoom(now time.Time) {
	for name, r := range s.until { // it begins anywhere
		if len(s.until) >= maxSpent || !r.at.After(now) {
			delete(s.until, name)
		}
		return
	}
}
