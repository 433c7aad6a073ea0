//go:build linux

package stress_test

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// offer is what one principal asks of a gateway: calls that are due at random times, on
// average so many a second, whether those before are answered or not.
type offer struct {
	g    *gateway
	name string
	key  string
	rate float64 // calls a second

	mu    sync.Mutex
	free  []*client // connections without a call
	sent  int
	took  []time.Duration // of the calls that were answered while it lasted
	after int             // calls that were answered when it was over
	shed  int
}

// during offers calls for so long, and waits for the answers.
func (o *offer) during(t *testing.T, d time.Duration) {
	chance := rand.New(rand.NewPCG(1, uint64(o.name[len(o.name)-1]))) // the same in each run
	o.sent, o.took, o.after, o.shed = 0, nil, 0, 0
	var calls sync.WaitGroup
	end := time.Now().Add(d)
	for due := time.Now(); ; o.sent++ {
		due = due.Add(time.Duration(chance.ExpFloat64() * float64(time.Second) / o.rate))
		if due.After(end) {
			break
		}
		<-time.After(time.Until(due))
		canary := o.name + "/" + strconv.Itoa(o.sent)
		calls.Go(func() { o.call(t, canary, due, end) })
	}
	calls.Wait()
}

// call makes one call, on a connection that has no other. It is answered, or told that there
// is no room.
func (o *offer) call(t *testing.T, canary string, due, end time.Time) {
	c, err := o.connection()
	if err != nil {
		t.Error(err)
		return
	}
	r, err := c.call("1", "echo", canary)
	now := time.Now()
	if err != nil {
		c.close()
		t.Errorf("%s: %v", canary, err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free = append(o.free, c)
	switch {
	case r.text() == canary && now.After(end):
		o.after++
	case r.text() == canary:
		o.took = append(o.took, now.Sub(due))
	case r.shed():
		o.shed++
	default:
		t.Errorf("%s: %d %s, Retry-After %q", canary, r.status, r.raw, r.retry)
	}
}

// shed says whether the answer is that of a call that was carried out nowhere for want of
// room, as docs/reference/refusals.md has it, with when to come back.
func (r *reply) shed() bool {
	wait, err := strconv.Atoi(r.retry)
	code := r.refusal()
	return r.status == http.StatusServiceUnavailable && err == nil && wait > 0 && (code == "upstream.queue" || code == "gateway.overload")
}

// connection is one that nobody calls on.
func (o *offer) connection() (*client, error) {
	o.mu.Lock()
	if last := len(o.free) - 1; last >= 0 {
		c := o.free[last]
		o.free = o.free[:last]
		o.mu.Unlock()
		return c, nil
	}
	o.mu.Unlock()
	c := o.g.client(o.name, o.key, stateless, "web")
	return c, c.open()
}

func (o *offer) close() {
	for _, c := range o.free {
		c.close()
	}
}

// answered is the part of its calls that were.
func (o *offer) answered() float64 { return float64(len(o.took)+o.after) / float64(max(o.sent, 1)) }

// together has several offer calls at the same time, and returns how many of them were
// answered a second and how long 99 of 100 of those took at most, while it lasted.
func together(t *testing.T, d time.Duration, all ...*offer) (rate float64, p99 time.Duration) {
	t.Helper()
	var wg sync.WaitGroup
	for _, o := range all {
		wg.Go(func() { o.during(t, d) })
	}
	wg.Wait()
	var took []time.Duration
	for _, o := range all {
		took = append(took, o.took...)
	}
	if len(took) == 0 {
		t.Fatal("no call was answered")
	}
	slices.Sort(took)
	return float64(len(took)) / d.Seconds(), took[(len(took)-1)*99/100]
}
