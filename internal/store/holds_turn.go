package store

import (
	"context"
	"fmt"
	"os"
	"time"
)

// turnEvery is how often whoever waits for the turn looks whether it is free.
const turnEvery = 10 * time.Millisecond

// Turn is had by one at a time, of all processes on the data directory: by whoever places
// a hold, and by whoever takes records or keys that no hold is on. It is waited for until
// ctx ends; free gives it back. Who waits comes before whoever has just had it. The
// kernel drops it with the process.
func (h *Holds) Turn(ctx context.Context) (free func(), err error) {
	next, err := lockWithin(ctx, h.next)
	if err != nil {
		return nil, fmt.Errorf("waiting for the legal holds: %w", err)
	}
	defer next.Close()
	turn, err := lockWithin(ctx, h.turn)
	if err != nil {
		return nil, fmt.Errorf("waiting for the legal holds: %w", err)
	}
	return func() { _ = turn.Close() }, nil
}

// lockWithin is lockFile for as long as ctx lasts.
func lockWithin(ctx context.Context, path string) (*os.File, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	for {
		locked, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if locked {
			return f, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another process has %s: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}
