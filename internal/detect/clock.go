package main

import (
	"math"
	"time"
)

// clock counts how long judging takes, in steps of a quarter of an octave, so
// that it takes the same room for any number of cases.
type clock struct {
	n     int
	steps [160]int // up to 2^40 ns, 18 minutes
}

func (c *clock) add(d time.Duration) {
	step := int(4 * math.Log2(float64(max(d.Nanoseconds(), 1))))
	c.steps[min(step, len(c.steps)-1)]++
	c.n++
}

// quantile is the upper end of the step in which the q-th part ends; 0 of nothing.
func (c *clock) quantile(q float64) time.Duration {
	if c.n == 0 {
		return 0
	}
	left := int(math.Ceil(q * float64(c.n)))
	for step, n := range c.steps {
		if left -= n; left <= 0 {
			return time.Duration(math.Exp2(float64(step+1) / 4))
		}
	}
	return 0
}
