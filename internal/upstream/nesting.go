package upstream

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxNested is how deep calls may be nested in questions for the client's model: a call that no such
// question led to is the first (security case RES-31).
const maxNested = 3

// Bounds of the questions for clients' models that are known.
const (
	maxSampled  = maxAsks         // of one session, or one principal without: of more, the oldest is forgotten
	maxSamplers = maxChannels     // sessions and principals that have any
	sampledWait = 2 * time.Minute // where no session tells that a question is over: its client may have dropped it
)

// origin is where a call stands among the questions, in the count of all that were asked.
type origin struct {
	began uint64 // questions that had been asked when the call came
	first uint64 // the first that was asked during it; 0 before that, and it names the call
}

// work is what tells the calls of one stateless client from those of another with the same principal:
// the trace that it says they are of, or without one what it came with. The zero value is a session's.
type work struct {
	trace      [16]byte
	credential string
	client     [32]byte // SHA-256 of clientInfo
	from       netip.Addr
}

// sampled is a question for a client's model (sampling/createMessage) that is open.
type sampled struct {
	id       string // in a session the token that the client sees, else the beginning of the requestState, or empty
	bound    [32]byte
	upstream string
	work     work
	of       origin    // the call
	opened   uint64    // which question it is, from 1
	expiry   time.Time // zero in a session
}

// within tells whether, by time, the question was asked during a call that o led to: one that came while o was open.
func (q *sampled) within(o *sampled) bool { return q.of.first != o.of.first && q.of.began >= o.opened }

// nestings are the questions for clients' models that are open, for the depth of what is called meanwhile.
// Nothing in MCP says which question a call comes of, so that time tells: see nest.depth.
type nestings struct {
	asked atomic.Uint64
	some  atomic.Int64 // how many are open, for who need not look

	mu sync.Mutex
	of map[owner]*nest
}

// nest are those of one session, or one principal without: oldest first, at most maxSampled.
type nest struct {
	open  []sampled
	shown map[work]int // calls that were shown to be no part of a question's answer that they came during; see answered
}

// ask adds a question; false when there is no room. The call's origin has its name afterwards.
func (n *nestings) ask(whose owner, call *origin, q sampled) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.of[whose]
	if k == nil {
		if len(n.of) >= maxSamplers {
			n.prune(time.Now())
		}
		if len(n.of) >= maxSamplers {
			return false
		}
		if n.of == nil {
			n.of = map[owner]*nest{}
		}
		k = &nest{}
		n.of[whose] = k
	}
	q.opened = n.asked.Add(1)
	if call.first == 0 {
		call.first = q.opened
	}
	q.of = *call
	k.open = append(k.open, q)
	n.some.Add(1)
	if len(k.open) > maxSampled {
		n.remove(whose, k, 0)
	}
	return true
}

// remove needs mu.
func (n *nestings) remove(whose owner, k *nest, i int) {
	gone := k.open[i].work
	k.open = slices.Delete(k.open, i, i+1)
	n.some.Add(-1)
	if !slices.ContainsFunc(k.open, func(q sampled) bool { return q.work == gone }) {
		delete(k.shown, gone)
	}
	if len(k.open) == 0 {
		delete(n.of, whose)
	}
}

// answered takes out the newest question that match finds, which its client has answered, and tells of which
// call it was. What came while the last question of a call was open, and is still asking, is not what that answer waited for:
// the client is at more than one thing.
func (n *nestings) answered(whose owner, match func(*sampled) bool) (of origin, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k, i := n.find(whose, match)
	if k == nil {
		return origin{}, false
	}
	q := k.open[i]
	last := !slices.ContainsFunc(k.open, func(o sampled) bool { return o.of.first == q.of.first && o.opened != q.opened })
	beside := slices.ContainsFunc(k.open, func(o sampled) bool { return o.work == q.work && o.within(&q) })
	if last && beside {
		if k.shown == nil {
			k.shown = map[work]int{}
		}
		k.shown[q.work]++
	}
	n.remove(whose, k, i)
	return q.of, true
}

// over takes out a question that is not open any more, whoever ended it.
func (n *nestings) over(whose owner, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k, i := n.find(whose, func(q *sampled) bool { return q.id == id }); k != nil {
		n.remove(whose, k, i)
	}
}

// forget takes out what a call has asked.
func (n *nestings) forget(whose owner, of *origin) {
	if n.some.Load() == 0 { // most calls ask nothing, and each of a session comes here
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for of.first != 0 {
		k, i := n.find(whose, func(q *sampled) bool { return q.of.first == of.first })
		if k == nil {
			return
		}
		n.remove(whose, k, i)
	}
}

// find is the newest that match finds; it needs mu.
func (n *nestings) find(whose owner, match func(*sampled) bool) (*nest, int) {
	k := n.of[whose]
	if k == nil {
		return nil, 0
	}
	for i, q := range slices.Backward(k.open) {
		if match(&q) {
			return k, i
		}
	}
	return nil, 0
}

// tooDeep tells whether a call of the upstream that comes now is deeper than maxNested, and for how long at
// most: 0 where that is not known.
func (n *nestings) tooDeep(whose owner, at work, upstream string) (deep bool, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.pruneOne(whose, now)
	k := n.of[whose]
	if k == nil || !k.tooDeep(at, upstream) {
		return false, 0
	}
	for i := range k.open {
		if q := &k.open[i]; q.work == at && !q.expiry.IsZero() {
			return true, q.expiry.Sub(now)
		}
	}
	return true, 0
}

// asks tells whether the call has a question open.
func (k *nest) asks(of origin) bool {
	return k != nil && of.first != 0 && slices.ContainsFunc(k.open, func(q sampled) bool { return q.of.first == of.first })
}

// tooDeep: a call is one deeper than the deepest call whose question is open when it comes. It is refused
// where that is more than maxNested, its upstream is one of those that ask already, and the calls that ask are
// more than maxNested for each thing that the client is known to be at: each call that came while nothing was
// asked, and each that was shown to be none of the others'.
func (k *nest) tooDeep(at work, upstream string) bool {
	var depths [maxSampled]int
	deepest, calls, things, again := 0, 0, k.shown[at], false
	for i := range k.open {
		q := &k.open[i]
		if q.work != at {
			continue
		}
		depth, more := 1, false
		for j := range k.open[:i] {
			switch o := &k.open[j]; {
			case o.work != at:
			case o.of.first == q.of.first:
				more = true
			case q.within(o):
				depth = max(depth, depths[j]+1)
			}
		}
		depths[i] = depth
		deepest = max(deepest, depth)
		again = again || q.upstream == upstream
		if !more {
			calls++
			if depth == 1 {
				things++
			}
		}
	}
	return again && deepest >= maxNested && calls >= maxNested*things
}

// prune needs mu.
func (n *nestings) prune(now time.Time) {
	for whose := range n.of {
		n.pruneOne(whose, now)
	}
}

// pruneOne forgets questions that nobody may be at any more; it needs mu.
func (n *nestings) pruneOne(whose owner, now time.Time) {
	k := n.of[whose]
	if k == nil {
		return
	}
	for i := len(k.open) - 1; i >= 0; i-- {
		if q := &k.open[i]; !q.expiry.IsZero() && now.After(q.expiry) {
			n.remove(whose, k, i)
		}
	}
}

// expire is prune for the pool's sweep.
func (n *nestings) expire(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.prune(now)
}
