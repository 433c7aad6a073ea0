package listen

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// errFull says that no message fits now.
var errFull = errors.New("the client has not read what was sent before")

// outbox holds what waits to be written to a client's connection: at most
// Limits.ReplayEvents messages and ReplayBytes bytes, but always one message,
// and within ReplayTotal, which it shares with the sessions' event logs. One
// goroutine takes, any number puts.
type outbox struct {
	limits *Limits
	total  *atomic.Int64 // bytes in all logs and outboxes

	mu    sync.Mutex
	queue [][]byte
	bytes int
	over  bool
	room  chan struct{} // closed when there may be room again; nil when nobody waits
	wake  chan struct{} // there is something to take, or nothing more will come
}

func newOutbox(limits *Limits, total *atomic.Int64) *outbox {
	return &outbox{limits: limits, total: total, wake: make(chan struct{}, 1)}
}

// put adds a message of an exchange, and waits for room until ctx ends. The
// error says that the client is gone.
func (o *outbox) put(ctx context.Context, data []byte) error {
	for {
		room, err := o.try(data, true)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// push adds a message that belongs to no exchange, or returns errFull.
func (o *outbox) push(data []byte) error {
	_, err := o.try(data, false)
	return err
}

// try adds a message. Without room it returns what to wait for, to a caller who
// waits, and errFull to another.
func (o *outbox) try(data []byte, waits bool) (room <-chan struct{}, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.over:
		return nil, errGone
	case o.fits(len(data)) || waits && len(o.queue) == 0:
		o.queue = append(o.queue, data)
		o.bytes += len(data)
		o.total.Add(int64(len(data)))
		o.signal()
		return nil, nil
	case !waits:
		return nil, errFull
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, nil
}

func (o *outbox) fits(n int) bool {
	return len(o.queue) < o.limits.ReplayEvents && o.bytes+n <= o.limits.ReplayBytes &&
		o.total.Load()+int64(n) <= o.limits.ReplayTotal
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default: // it has not looked yet
	}
}

// take returns the next message, nil when there is none now, and whether none
// will come any more.
func (o *outbox) take() (data []byte, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return nil, o.over
	}
	data, o.queue = o.queue[0], o.queue[1:]
	o.bytes -= len(data)
	o.total.Add(-int64(len(data)))
	o.release()
	return data, false
}

// release lets those who wait for room look again. Called with the lock.
func (o *outbox) release() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// close takes no more; what is there can still be taken.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.release()
	o.signal()
}

// clear drops what is there, and closes.
func (o *outbox) clear() {
	o.close()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total.Add(-int64(o.bytes))
	o.queue, o.bytes = nil, 0
}
