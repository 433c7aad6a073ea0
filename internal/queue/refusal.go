package queue

import "time"

// Reason is why a call may not wait. It is a label of metrics too.
type Reason string

// The reasons.
const (
	Full  Reason = "full"  // no room is left, and nobody has more than the others
	Share Reason = "share" // no room is left, and the caller has its share of it
	Late  Reason = "late"  // its turn would come too late for an answer, or has
)

// Reasons are all of them.
func Reasons() []Reason { return []Reason{Full, Share, Late} }

// Refusal is the error of a call that gets no place and was made nowhere.
type Refusal struct {
	Reason Reason
	Wait   time.Duration // after which to try again: a second at least, a minute at most
}

// Error says why.
func (r *Refusal) Error() string {
	switch r.Reason {
	case Full:
		return "too many calls wait for a place"
	case Share:
		return "too many calls wait for a place, and the caller's share of them do"
	case Late:
		return "the call's turn would come too late"
	}
	return string(r.Reason)
}

// TooLate is the refusal of a call whose time was over while it waited.
func (q *Queue) TooLate() *Refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refusal(Late)
}

// refusal is one, with the time in which those who wait now will have been served; it needs mu.
func (q *Queue) refusal(why Reason) *Refusal {
	return &Refusal{Reason: why, Wait: min(max(q.spell(q.waiting, q.adapt.places()), time.Second), time.Minute)}
}
