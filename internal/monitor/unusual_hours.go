package monitor

import (
	"math/bits"
	"time"
)

func unusualHours() rule {
	return rule{
		name: "unusual_hours", text: "a principal is active at an hour of the day at which it never was",
		limit: once(func(s *Settings) bool { return s.UnusualHours }), subject: principalOf,
	}
}

const hoursOfDay = 24

// hourBit is the hour of the day in UTC, so that no change of the clocks moves it.
func hourBit(t time.Time) uint32 { return 1 << t.UTC().Hour() }

// newHour tells of an hour that the principal was never active at, nor at the one
// before or after: people come early and stay late.
func newHour(p *profile, e *Event, _ *Key) int64 {
	now := hourBit(e.At)
	near := now | now<<1 | now>>1 | now>>(hoursOfDay-1) | now<<(hoursOfDay-1)
	if bits.OnesCount32(p.Hours&near) > 0 {
		return 0
	}
	return 1
}
