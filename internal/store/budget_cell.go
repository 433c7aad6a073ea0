package store

import "time"

// spanSlots is how many equal parts the span of a budget has. What was taken counts for
// as long as its part and a whole span after it, so that in no span, wherever it begins,
// more than the budget passes; who takes evenly gets 20/21 of it, and is refused for the
// rest. A token bucket with room for the whole budget, as GCRA is, would let nearly twice
// as much pass in the span after a rest (security case RES-26).
const spanSlots = 20

// ring is one more than a span: the part that is under way is not over.
const ring = spanSlots + 1

// slotWidth is the length of one part, in nanoseconds.
func slotWidth(per time.Duration) int64 { return max((int64(per)+spanSlots-1)/spanSlots, 1) }

// cell is what was taken of one budget in the last span, by its parts.
type cell struct {
	width int64 // of a part, in nanoseconds
	slot  int64 // the newest part that something was taken in, counted from the epoch
	total int64 // of counts
	taken [ring]int64
	fresh *[ring]int64 // what of it is not in the file yet; nil for what is not kept there
}

// advance forgets what has left the span. A clock that went back leaves the newest part
// where it is: what was taken then is not forgotten any sooner.
func (c *cell) advance(now int64) {
	slot := now / c.width
	if slot <= c.slot {
		return
	}
	for n := min(slot-c.slot, ring); n > 0; n-- {
		at := (slot - n + 1) % ring
		c.total -= c.taken[at]
		c.taken[at] = 0
		if c.fresh != nil {
			c.fresh[at] = 0
		}
	}
	c.slot = slot
}

// add takes n in the newest part.
func (c *cell) add(n int64) {
	at := c.slot % ring
	c.taken[at] += n
	c.total += n
	if c.fresh != nil {
		c.fresh[at] += n
	}
}

// until is how long it takes from now, in nanoseconds since the epoch, until n of what
// was taken is forgotten.
func (c *cell) until(n, now int64) time.Duration {
	for slot := max(c.slot-spanSlots, 0); slot <= c.slot; slot++ {
		if n -= c.taken[slot%ring]; n <= 0 {
			return time.Duration((slot+ring)*c.width - now)
		}
	}
	return time.Duration(ring * c.width)
}

// over tells whether nothing of the cell counts any more.
func (c *cell) over(now int64) bool { return now/c.width-c.slot >= ring }
