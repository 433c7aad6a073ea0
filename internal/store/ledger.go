package store

import (
	"fmt"
	"maps"
	"sync"
)

// Ledger knows how often each list in a data directory was changed, by what is on record:
// a file that was changed less often is an older copy, and nothing in it is believed. Any
// number of goroutines may use it.
type Ledger struct {
	record func(list Kept, generation uint64) error

	mu    sync.Mutex // guards the rest
	least map[Kept]uint64
}

// NewLedger makes one that begins with what is on record, and puts on record what is newer;
// nil: nowhere.
func NewLedger(least map[Kept]uint64, record func(list Kept, generation uint64) error) *Ledger {
	l := &Ledger{record: record, least: map[Kept]uint64{}}
	maps.Copy(l.least, least)
	return l
}

// Least is the newest generation of a list that is known; 0: none was written.
func (l *Ledger) Least(list Kept) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.least[list]
}

// Saw takes note of a generation. What cannot be put on record is an error, and not known.
func (l *Ledger) Saw(list Kept, generation uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if generation <= l.least[list] {
		return nil
	}
	if l.record != nil {
		if err := l.record(list, generation); err != nil {
			return fmt.Errorf("recording that %s was written: %w", list, err)
		}
	}
	l.least[list] = generation
	return nil
}
