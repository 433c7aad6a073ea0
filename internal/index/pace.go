package index

import (
	"context"
	"time"
)

const (
	// slice is how long a Follower works before it rests. One that took longer waited for
	// something else, and counts as a long one.
	slice, longSlice = 2 * time.Millisecond, 20 * time.Millisecond
	// busyGrowth is the growth of a log, in records a second, above which its gateway is
	// busy: its calls come first.
	busyGrowth = 500
	// A Follower rests that many times as long as it worked: half of a processor is its
	// where the gateway is idle, two percent of one where it is busy.
	idleRest, busyRest = 1, 50
)

// pace has a Follower rest after each slice of its work, for longer while the log grows
// fast. Its Follower's goroutine uses it.
type pace struct {
	size   func() uint64 // of the log
	since  time.Time     // when this slice began
	looked time.Time     // when growth was measured
	had    uint64        // the size then
	busy   bool
}

// rest rests if a slice of work was done since it did.
func (p *pace) rest(ctx context.Context) error {
	now := time.Now()
	worked := now.Sub(p.since)
	if worked < slice {
		return ctx.Err()
	}
	if passed := now.Sub(p.looked); passed >= time.Second {
		size := p.size()
		p.busy = !p.looked.IsZero() && float64(size-p.had) > busyGrowth*passed.Seconds()
		p.had, p.looked = size, now
	}
	pause := idleRest * min(worked, longSlice)
	if p.busy {
		pause = busyRest * min(worked, longSlice)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	p.since = time.Now()
	return nil
}
