package store

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

// errTaintsFull is that of a home that has no room for another live record.
var errTaintsFull = errors.New("the memory is full")

// taintSet is records by id, which its owner guards.
type taintSet map[string]keptTaint

// put adds records, but for those that it has with a later end, and forgets what
// has ended where it must.
func (s taintSet) put(records []keptTaint) error {
	for _, r := range records {
		if old, known := s[r.id]; known && old.until >= r.until {
			continue
		} else if !known && len(s) >= maxTaints {
			s.sweep(time.Now())
			if len(s) >= maxTaints {
				return errTaintsFull
			}
		}
		s[r.id] = r
	}
	return nil
}

func (s taintSet) sweep(now time.Time) {
	for id, r := range s {
		if r.until <= now.UnixMilli() {
			delete(s, id)
		}
	}
}

func (s taintSet) drop(ids []string) {
	for _, id := range ids {
		delete(s, id)
	}
}

func (s taintSet) find(ids []string) []keptTaint {
	var found []keptTaint
	for _, id := range ids {
		if r, ok := s[id]; ok {
			found = append(found, r)
		}
	}
	return found
}

// taintsMemory is the memory of one process, which ends with it.
type taintsMemory struct {
	mu  sync.Mutex
	set taintSet
}

// NewMemoryTaints begins a memory that ends with the process.
func NewMemoryTaints() (*Taints, error) {
	var key [secretSize]byte
	_, _ = rand.Read(key[:])
	return newTaints(&taintsMemory{set: taintSet{}}, key[:], taintSealing)
}

func (m *taintsMemory) get(_ context.Context, ids []string) ([]keptTaint, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.find(ids), time.Time{}, nil
}

func (m *taintsMemory) put(_ context.Context, records []keptTaint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set.put(records)
}

func (m *taintsMemory) drop(_ context.Context, ids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.drop(ids)
	return nil
}

func (m *taintsMemory) healthy(context.Context) error { return nil }
