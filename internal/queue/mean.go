package queue

import "time"

// mean is how long calls took of late: a moving average in which each call counts for an eighth,
// as the round trips of TCP do (RFC 6298, section 2). Until so many have been seen that one odd
// call does not decide it is zero.
type mean struct {
	time time.Duration
	seen int
}

const (
	weight = 8
	enough = 8
)

func (m *mean) add(took time.Duration) {
	if m.seen == 0 {
		m.time = took
	} else {
		m.time += (took - m.time) / weight
	}
	m.seen = min(m.seen+1, enough)
}

func (m *mean) value() time.Duration {
	if m.seen < enough {
		return 0
	}
	return m.time
}
