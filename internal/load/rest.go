package load

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	// linger is how long the end of a stream is read whose answer has come.
	linger = 50 * time.Millisecond

	// breath is how long a client waits for that which makes its next request as soon as it has its answer, as within
	// the handshake: a server that ends its streams has done so by then, and the connection is used again.
	breath = time.Millisecond
)

// aside reads the end of a client's last stream, beside its next request.
type aside struct {
	reading sync.WaitGroup
	cancel  context.CancelFunc // nil: nothing was read so far
}

// end cuts off what is read, and waits for that.
func (a *aside) end() {
	if a.cancel != nil {
		a.cancel()
	}
	a.reading.Wait()
}

// rest reads what comes of a stream after its answer, so that the connection is used again: the client waits for
// it until its next operation is due, no longer than it may last, and not when ctx ends. That is no part of the time that the
// answer took, nor makes the next one late. cancel ends the request.
func (c *client) rest(ctx context.Context, body io.ReadCloser, cancel context.CancelFunc) {
	began := time.Now()
	c.aside.end() // so that each client has one such stream
	c.aside.cancel = cancel
	over := make(chan struct{})
	c.aside.reading.Go(func() {
		defer close(over)
		defer cancel()
		defer body.Close()
		late := time.AfterFunc(linger, cancel)
		defer late.Stop()
		_, _ = io.Copy(io.Discard, io.LimitReader(body, maxAnswer))
	})
	due := began.Add(breath)
	if !c.next.IsZero() {
		due = c.next
	}
	patience := time.NewTimer(time.Until(due))
	defer patience.Stop()
	select {
	case <-over:
	case <-patience.C:
	case <-ctx.Done():
	}
	c.resting += time.Since(began)
}
