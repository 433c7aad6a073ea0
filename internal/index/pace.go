package index

import (
	"context"
	"time"
)

const (
	// slice is how long a Follower works before it rests. One that took longer waited for
	// something else, and counts as a long one.
	slice, longSlice = 2 * time.Millisecond, 20 * time.Millisecond
	// Growth of a log, in records a second: up to quietGrowth its gateway does next to
	// nothing, above busyGrowth its calls need the processors.
	quietGrowth, busyGrowth = 100, 2000
	// A Follower rests that many times as long as it worked: it takes half of a processor,
	// a fifth, or a hundredth.
	quietRest, calmRest, busyRest = 1, 4, 100
)

// pace has a Follower rest after each slice of its work, for longer while the log grows
// fast. Its Follower's goroutine uses it.
type pace struct {
	size   func() uint64 // of the log
	since  time.Time     // when this slice began
	looked time.Time     // when growth was measured
	had    uint64        // the size then
	times  time.Duration // of its work it rests
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
		p.times = busyRest // where nothing was measured yet, too
		if !p.looked.IsZero() {
			p.times = restOf(float64(size-p.had) / passed.Seconds())
		}
		p.had, p.looked = size, now
	}
	timer := time.NewTimer(p.times * min(worked, longSlice))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	p.since = time.Now()
	return nil
}

func restOf(growth float64) time.Duration {
	switch {
	case growth <= quietGrowth:
		return quietRest
	case growth <= busyGrowth:
		return calmRest
	}
	return busyRest
}
