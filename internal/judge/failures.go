package judge

import (
	"crypto/sha256"
	"errors"
	"maps"
	"sync"
	"time"
)

// Bounds of what is remembered of questions that were not answered.
const (
	failureLife = 30 * time.Second
	maxFailures = 4096 // beyond it an older one is asked again
)

// ErrRecently says that the judge was asked not long ago, and gave no answer.
var ErrRecently = errors.New("no answer a moment ago")

// failures are the questions that were not answered a moment ago: a judge who is
// down costs whoever lists definitions his time once, not at each look. The zero
// value is ready.
type failures struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func (f *failures) recent(key [sha256.Size]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.until[key]
	if ok && !time.Now().Before(until) {
		delete(f.until, key)
		return false
	}
	return ok
}

func (f *failures) remember(key [sha256.Size]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if len(f.until) >= maxFailures {
		maps.DeleteFunc(f.until, func(_ [sha256.Size]byte, until time.Time) bool { return !now.Before(until) })
	}
	for old := range f.until {
		if len(f.until) < maxFailures {
			break
		}
		delete(f.until, old)
	}
	if f.until == nil {
		f.until = make(map[[sha256.Size]byte]time.Time)
	}
	f.until[key] = now.Add(failureLife)
}

// AskAgain has questions asked again at once that were not answered: an operator
// asks for a new look.
func (f *failures) AskAgain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.until)
}
