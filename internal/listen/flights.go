package listen

import (
	"context"
	"sync"
)

// flights are calls that something else than their connection can end. The zero
// value is ready.
type flights struct {
	mu   sync.Mutex
	over bool
	of   map[any]context.CancelFunc // by the call, or by the connection that has it
}

// join adds a call; one that comes too late is cancelled at once.
func (f *flights) join(call any, cancel context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		cancel()
		return
	}
	if f.of == nil {
		f.of = make(map[any]context.CancelFunc)
	}
	f.of[call] = cancel
}

func (f *flights) leave(call any) {
	f.mu.Lock()
	delete(f.of, call)
	f.mu.Unlock()
}

func (f *flights) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.of) == 0
}

// stop cancels every call, and those to come.
func (f *flights) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	for _, cancel := range f.of {
		cancel()
	}
}
