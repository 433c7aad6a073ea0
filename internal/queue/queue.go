// Package queue shares the places at one upstream among callers. A call takes a free place at
// once; where there is none it waits, in a line of its caller's own, and the callers take turns.
//
// The turns are deficit round robin (Shreedhar and Varghese, "Efficient Fair Queuing using
// Deficit Round Robin", SIGCOMM 1995) with a cost of one for each call and a quantum of one: what
// a call will cost is known to nobody before it is made. A caller with a thousand calls gets as
// many places as one who makes them one at a time.
//
// How many may wait is bounded. When there is no room, a call of whoever has most that wait gives
// way to one of a caller with fewer (McKenney, "Stochastic Fairness Queueing", INFOCOM 1990), so that
// nobody keeps others out; and within a caller's share, one to the next. It is the oldest (Lakshman,
// Neidhardt and Ott, "The Drop from Front Strategy in TCP and in TCP over ATM", INFOCOM 1996), so that
// under a flood what is served has waited for as long as the flood takes to fill the line, and not
// for as long as the upstream takes to serve it. Who cannot be served in time is told so at once.
//
// Of the places that are configured as many are given out as the upstream bears: see adapt.
//
// upstream calls it, with a Queue for each of its servers. Nobody waits with a lock held, and no
// goroutine waits in a caller's place.
package queue

import (
	"container/heap"
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed is what a queue answers that was closed.
var ErrClosed = errors.New("the queue is closed")

// Queue is the places at one upstream. Any number of goroutines may use it.
type Queue struct {
	mu      sync.Mutex
	adapt   adapt // how many places there are
	room    int   // calls that may wait
	taken   int
	has     map[string]int // of these, by caller, where nobody may have more than half; else nil
	waiting int
	lines   map[string]*callers // those with a call that waits
	turns   list.List           // of *callers: the first is served next
	most    longest             // the same, those with most that wait first
	mean    mean
	closed  bool
}

// callers is the line of one caller's calls.
type callers struct {
	who   string
	line  list.List     // of *waiter, the oldest first
	turn  *list.Element // in turns
	index int           // in most
}

// waiter is one call that waits.
type waiter struct {
	of    *callers
	at    *list.Element // in the line; nil once it was told
	until time.Time
	told  chan error // has room for what it is told, which is once
}

// New makes a queue with so many places at most and room for so many calls that wait. Both are at least
// one; a smaller number counts as one.
func New(places, room int) *Queue {
	q := &Queue{room: max(room, 1), lines: map[string]*callers{}}
	q.adapt.resize(max(places, 1))
	return q
}

// Halve has each caller take half of the places at most, one of them at least. It is for calls that
// last: turns come round when a call ends, and a caller who has all places keeps others waiting for
// as long as the longest lasts. It is called before anybody uses the queue.
func (q *Queue) Halve() { q.has = map[string]int{} }

// may tells whether a caller may have one more place; it needs mu.
func (q *Queue) may(who string) bool {
	return q.has == nil || q.has[who] < q.half()
}

// half is how many places a caller may have where that is the most; it needs mu.
func (q *Queue) half() int { return (q.adapt.places() + 1) / 2 }

// take gives out a place; it needs mu.
func (q *Queue) take(who string) {
	q.taken++
	if q.has != nil {
		q.has[who]++
	}
}

// Place is a place at the upstream, which is given back with Leave. The zero value is none.
type Place struct {
	queue *Queue
	since time.Time
	who   string // where the queue counts the places of callers
	late  bool   // there was none at first
}

// Held tells whether there is a place to give back.
func (p *Place) Held() bool { return p.queue != nil }

// Waited tells whether it had to be waited for.
func (p *Place) Waited() bool { return p.late }

// Try takes a place if one is free and nobody waits for it. It allocates nothing. Where callers have
// half of the places at most there is none: Wait knows who takes it.
func (q *Queue) Try() (Place, bool) {
	q.mu.Lock()
	free := q.has == nil && q.free()
	if free {
		q.taken++
	}
	q.mu.Unlock()
	if !free {
		return Place{}, false
	}
	return Place{queue: q, since: time.Now()}, true
}

// free tells whether a call need not wait; it needs mu. Who waits while there is a place has half of
// them, where that is the most.
func (q *Queue) free() bool {
	return !q.closed && (q.waiting == 0 || q.has != nil) && q.taken < q.adapt.places()
}

// Wait takes a place, and waits for it. ctx ends when the caller leaves, or when the call is too
// late; until is when that is, or zero. The error is a *Refusal, ErrClosed or the cause of ctx.
func (q *Queue) Wait(ctx context.Context, who string, until time.Time) (Place, error) {
	w, err := q.join(who, until)
	if err != nil {
		return Place{}, err
	}
	if err := q.await(ctx, w); err != nil {
		return Place{}, err
	}
	p := Place{queue: q, since: time.Now(), late: w.of != nil}
	if q.has != nil {
		p.who = who
	}
	if ctx.Err() != nil { // it left as its turn came
		p.Leave("")
		return Place{}, context.Cause(ctx)
	}
	return p, nil
}

// await waits until w is told. Calls that hang end never and nobody new may come, so that it looks for
// that itself.
func (q *Queue) await(ctx context.Context, w *waiter) error {
	select {
	case err := <-w.told:
		return err
	default:
	}
	look := time.NewTimer(q.patience())
	defer look.Stop()
	for {
		select {
		case err := <-w.told:
			return err
		case <-look.C:
			look.Reset(q.unstick())
		case <-ctx.Done():
			if q.forsake(w) {
				return context.Cause(ctx)
			}
			return <-w.told
		}
	}
}

// patience is how long after the last end of a call the calls are taken to hang.
func (q *Queue) patience() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return patience(q.mean.value())
}

// unstick gives out all places where the calls that have one hang, and tells when to look again.
func (q *Queue) unstick() time.Duration {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.adapt.stuck(q.mean.value(), now) {
		q.serve(now)
	}
	return patience(q.mean.value())
}

// join puts a call in its caller's line, or refuses it.
func (q *Queue) join(who string, until time.Time) (*waiter, error) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &waiter{until: until, told: make(chan error, 1)}
	if q.adapt.stuck(q.mean.value(), now) {
		q.serve(now)
	}
	if q.free() && q.may(who) {
		q.take(who)
		w.told <- nil
		return w, nil
	}
	if q.closed {
		return nil, ErrClosed
	}
	of := q.lines[who]
	if q.late(of, now, until) {
		return nil, q.refusal(Late)
	}
	if q.waiting >= q.room {
		if err := q.makeRoom(of); err != nil {
			return nil, err
		}
	}
	if of == nil {
		of = &callers{who: who}
		of.turn = q.turns.PushBack(of)
		q.lines[who] = of
		heap.Push(&q.most, of)
	}
	w.of, w.at = of, of.line.PushBack(w)
	heap.Fix(&q.most, of.index)
	q.waiting++
	return w, nil
}

// makeRoom has the oldest call of a line give way to one that joins; it needs mu. It is the line of
// whoever has most, where the caller has at least two fewer, and else the caller's own.
func (q *Queue) makeRoom(of *callers) *Refusal {
	own := 0
	if of != nil {
		own = of.line.Len()
	}
	why := Share
	if own == q.waiting || own == 0 {
		why = Full
	}
	gives := of
	if top := q.most[0]; top.line.Len() > own+1 {
		gives, why = top, Share
	} else if own < 2 { // in a line of its own it would lose its turn to itself
		return q.refusal(why)
	}
	q.tell(gives.line.Front().Value.(*waiter), q.refusal(why)) //nolint:forcetypeassert // join says what is in a line
	return nil
}

// late tells whether a call that joins now would not get a place in time, by how long calls took
// of late; it needs mu. Before it comes what its caller has waiting, and as many turns of each
// other. Who has nothing waiting may wait, whatever others' calls took: a caller whose own are slow
// must not have others turned away.
func (q *Queue) late(of *callers, now, until time.Time) bool {
	if until.IsZero() {
		return false
	}
	if !until.After(now) {
		return true
	}
	if of == nil {
		return false
	}
	own, others := of.line.Len(), len(q.lines)-1
	wait := q.spell(min(q.waiting, own+others*(own+1))+1, q.adapt.places())
	if q.has != nil {
		wait = max(wait, q.spell(own+1, q.half()))
	}
	return wait > until.Sub(now)
}

// spell is how long it takes until n of so many places become free, one after the other; it needs mu.
func (q *Queue) spell(n, places int) time.Duration {
	return time.Duration(float64(q.mean.value()) * float64(n) / float64(places))
}

// tell takes a call out of its line and tells it how that came; it needs mu.
func (q *Queue) tell(w *waiter, err error) {
	of := w.of
	of.line.Remove(w.at)
	w.at = nil
	q.waiting--
	if of.line.Len() == 0 {
		q.turns.Remove(of.turn)
		delete(q.lines, of.who)
		heap.Remove(&q.most, of.index)
	} else {
		heap.Fix(&q.most, of.index)
	}
	w.told <- err
}

// forsake takes a call out that nobody waits for any more; false when it was told already.
func (q *Queue) forsake(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.at == nil {
		return false
	}
	q.tell(w, ErrClosed) // nobody hears it
	return true
}

// Leave gives the place back, and has the next served. kind is what kind of call it was, such as the
// tool's name, of few in all; empty where the time since says nothing about the upstream, as of a call
// that waited for a person. A zero Place is left alone.
func (p *Place) Leave(kind string) {
	q := p.queue
	if q == nil {
		return
	}
	p.queue = nil
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if kind != "" {
		took := now.Sub(p.since)
		q.mean.add(took)
		q.adapt.took(kind, took, q.taken, now)
	}
	q.taken--
	if q.has != nil {
		if q.has[p.who]--; q.has[p.who] == 0 {
			delete(q.has, p.who)
		}
	}
	q.serve(now)
}

// Ended notes that the upstream ended a call whose kind Leave is not told, such as one that it failed at
// once: calls that end do not hang.
func (q *Queue) Ended() {
	now := time.Now()
	q.mu.Lock()
	q.adapt.last = now
	q.mu.Unlock()
}

// serve gives free places to those whose turn it is; it needs mu. Who is too late gets none.
func (q *Queue) serve(now time.Time) {
	for q.taken < q.adapt.places() {
		of := q.next()
		if of == nil {
			return
		}
		w := of.line.Front().Value.(*waiter) //nolint:forcetypeassert // as above
		if !w.until.IsZero() && !w.until.After(now) {
			q.tell(w, q.refusal(Late))
			continue
		}
		q.turns.MoveToBack(of.turn)
		q.take(of.who)
		q.tell(w, nil)
	}
}

// next is whose turn it is, of those who may have a place; nil for nobody. It needs mu.
func (q *Queue) next() *callers {
	for at := q.turns.Front(); at != nil; at = at.Next() {
		if of := at.Value.(*callers); q.may(of.who) { //nolint:forcetypeassert // join says what is in it
			return of
		}
	}
	return nil
}

// Resize changes how many places there are at most and how many calls may wait. Who waits already goes on
// waiting, and who has a place keeps it.
func (q *Queue) Resize(places, room int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.adapt.resize(max(places, 1))
	q.room = max(room, 1)
	q.serve(time.Now())
}

// Close answers everybody who waits, and everybody who comes, with ErrClosed. Who has a place
// keeps it.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for q.waiting > 0 {
		of := q.turns.Front().Value.(*callers)             //nolint:forcetypeassert // join says what is in it
		q.tell(of.line.Front().Value.(*waiter), ErrClosed) //nolint:forcetypeassert // as above
	}
}

// Places is how many there are now, of those that are configured.
func (q *Queue) Places() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.adapt.places()
}

// Depth is how many calls have a place, and how many wait for one.
func (q *Queue) Depth() (taken, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken, q.waiting
}
