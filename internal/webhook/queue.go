package webhook

import (
	"slices"
	"time"
)

// maxQueue is how many notices may wait.
const maxQueue = 1_000

// letter is a notice on its way.
type letter struct {
	Notice
	id    string
	body  []byte
	seq   uint64    // of its arrival
	due   time.Time // when it is tried next; zero: at once
	tries int
}

// queue holds letters in the order of their arrival. Its caller guards it.
type queue struct {
	all []*letter
	seq uint64
}

// add takes a letter in, a new one at the end, and one that comes back where it was.
// It returns the oldest, which has to go when there are too many; nil when none has.
func (q *queue) add(l *letter) (dropped *letter) {
	if l.seq == 0 {
		q.seq++
		l.seq = q.seq
	}
	at, _ := slices.BinarySearchFunc(q.all, l.seq, func(o *letter, seq uint64) int {
		if o.seq < seq {
			return -1
		}
		return 1
	})
	q.all = slices.Insert(q.all, at, l)
	if len(q.all) <= maxQueue {
		return nil
	}
	dropped = q.all[0]
	q.all = slices.Delete(q.all, 0, 1)
	return dropped
}

// take returns the letter that is due first, out of the queue; or nil, and how long
// until one is, negative when there is none.
func (q *queue) take(now time.Time) (*letter, time.Duration) {
	first := -1
	for i, l := range q.all {
		if first < 0 || l.due.Before(q.all[first].due) {
			first = i
		}
	}
	if first < 0 {
		return nil, -1
	}
	l := q.all[first]
	if wait := l.due.Sub(now); wait > 0 {
		return nil, wait
	}
	q.all = slices.Delete(q.all, first, first+1)
	return l, 0
}
