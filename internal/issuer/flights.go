package issuer

import (
	"context"
	"errors"
	"sync"
)

var errClosed = errors.New("the issuers are closed")

// flights are the goroutines that work for the set, and end with it.
type flights struct {
	ctx  context.Context //nolint:containedctx // the life of the set, not of a call
	stop context.CancelFunc

	mu     sync.Mutex // guards closed, and that nothing begins after it
	closed bool
	all    sync.WaitGroup
}

func newFlights() *flights {
	f := &flights{}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// begin counts the calling goroutine. It has the context until it calls done.
func (f *flights) begin() (ctx context.Context, done func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, nil, errClosed
	}
	f.all.Add(1)
	return f.ctx, f.all.Done, nil
}

// end ends them and waits for them.
func (f *flights) end() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.all.Wait()
}
