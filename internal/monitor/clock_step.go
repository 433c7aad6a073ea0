package monitor

import "time"

func clockStep() rule {
	return rule{
		name: "clock_step", text: "the clock of the machine was set, or the machine slept: times of records do not follow each other",
		limit:   once(func(s *Settings) bool { return s.ClockStep }),
		subject: gatewayOf,
	}
}

// maxStep is how far the clock may be from where it should be after half a second
// (DUR-24): NTP slews smaller differences, at most 500 ppm.
const maxStep = 5 * time.Second

// clock looks for steps: Pulse.Ahead at the last look. Its zero value begins.
type clock struct{ ahead time.Duration }

func (c *clock) stepped(ahead time.Duration) bool {
	step := ahead - c.ahead
	c.ahead = ahead
	return step > maxStep || step < -maxStep
}
