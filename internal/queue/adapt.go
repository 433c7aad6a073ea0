package queue

import (
	"math"
	"time"
)

// adapt says how many of the places are given out, by how long calls take of late. It is the gradient
// of Netflix's concurrency-limits (Gradient2Limit, github.com/Netflix/concurrency-limits), and takes
// what is usual from when few calls were made at once, as Envoy's gradient controller does
// (envoy.filters.http.adaptive_concurrency). A call is measured by others of its kind alone, so that a
// caller who turns to a slow tool does not look like an upstream that became slow.
//
// The number falls while calls take more than tolerance of what is usual, and grows by its square root
// where they do not, slowly, and only where it was reached. It stays between floor and the places that
// are configured. At the floor, what calls take is what is usual: an upstream that became slow by
// itself has all its places again.
type adapt struct {
	floor, most float64
	limit       float64
	kinds       map[string]*usual
	begun       time.Time // of this window; zero: there was none
	last        time.Time // when the upstream ended a call, or all places were given out again
	ratios      float64   // of the window's calls, to what is usual of each
	calls       int
	peak        int // calls at once in it, at most
}

// usual is how long calls of one kind take when few are made at once.
type usual struct {
	time  time.Duration
	seen  int           // windows that it comes from, up to learned
	took  time.Duration // of the calls of this window, together
	calls int
}

const (
	tolerance = 1.5 // as in Gradient2Limit: what calls may take, to what is usual
	smoothing = 0.2 // as there: the part of a change that is made at once
	steepest  = 0.5 // as there: the least that a window leaves of the number, before it is smoothed
	drifting  = 2   // as there: from so much below what is usual on, that was wrong
	drift     = 0.95

	farthest = tolerance / steepest // of one call: more would have one outweigh all others
	learned  = 16                   // windows that what is usual comes from

	window    = 250 * time.Millisecond // at least; Gradient2Limit has a second, for requests that take less
	windowful = 10                     // calls at least, as in Netflix's WindowedLimit

	maxKinds = 256 // known by themselves; the others count as one
	others   = ""  // their kind

	leastFloor = 4 // places that are never withheld
	floorPart  = 8 // nor is this part of them

	quiet = 4 // times as long as calls take, without an end of one: what is known says nothing any more
)

// resize takes in how many places are configured. All of them are given out at first: whoever comes
// before anything is measured must not wait for it.
func (a *adapt) resize(places int) {
	most := float64(places)
	a.floor = min(most, max(leastFloor, math.Floor(most/floorPart)))
	if a.limit == a.most {
		a.limit = most
	}
	a.most = most
	a.limit = min(max(a.limit, a.floor), most)
}

// places is how many are given out.
func (a *adapt) places() int { return int(a.limit) }

// took takes in how long a call took, and where it ends a window what that says. atOnce is how many
// calls were made at once as it ended, it among them.
func (a *adapt) took(kind string, d time.Duration, atOnce int, now time.Time) {
	if a.floor == a.most {
		return
	}
	a.last = now
	if a.calls == 0 {
		a.begun, a.ratios = now, 0
	}
	u := a.of(kind)
	u.took += d
	u.calls++
	if u.seen > 0 {
		a.ratios += min(float64(d)/float64(u.time), farthest)
	} else {
		a.ratios++
	}
	a.calls++
	a.peak = max(a.peak, atOnce)
	if a.calls >= windowful && now.Sub(a.begun) >= window {
		a.judge()
	}
}

// stuck gives out all places again where some are withheld and no call has ended for long: calls that
// hang must not keep others from places that are free. mean is how long calls take. It tells whether
// there are more places now.
func (a *adapt) stuck(mean time.Duration, now time.Time) bool {
	if a.limit == a.most || now.Sub(a.last) < patience(mean) {
		return false
	}
	a.limit, a.last = a.most, now
	return true
}

// patience is for how long no call may end before they are taken to hang. mean is how long calls take.
func patience(mean time.Duration) time.Duration { return max(time.Second, quiet*mean) }

// of is what is known of a kind of call.
func (a *adapt) of(kind string) *usual {
	u := a.kinds[kind]
	if u == nil && len(a.kinds) >= maxKinds {
		kind = others
		u = a.kinds[kind]
	}
	if u == nil {
		if a.kinds == nil {
			a.kinds = make(map[string]*usual)
		}
		u = &usual{}
		a.kinds[kind] = u
	}
	return u
}

// judge ends a window.
func (a *adapt) judge() {
	ratio := a.ratios / float64(a.calls)
	reached := float64(a.peak) >= a.limit-1
	if ratio > tolerance || reached {
		next := a.limit*min(max(tolerance/ratio, steepest), 1) + math.Sqrt(a.limit)
		a.limit = min(max((1-smoothing)*a.limit+smoothing*next, a.floor), a.most)
	}
	few := float64(a.peak) <= a.floor
	for _, u := range a.kinds {
		u.learn(few)
	}
	a.calls, a.peak = 0, 0
}

// learn takes in a window, in which few calls were made at once, or not.
func (u *usual) learn(few bool) {
	if u.calls == 0 {
		return
	}
	took := max(u.took/time.Duration(u.calls), 1)
	u.took, u.calls = 0, 0
	switch {
	case few || u.seen == 0:
		u.seen = min(u.seen+1, learned)
		u.time = max(u.time+(took-u.time)/time.Duration(u.seen), 1)
	case drifting*took < u.time:
		u.time = time.Duration(drift * float64(u.time))
	}
}
