package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/queue"
)

// service is how long a call takes at the upstream of these tests.
const service = 100 * time.Millisecond

// never is the deadline of a call that has none.
var never time.Time

// enter takes a place as upstream does.
func enter(ctx context.Context, q *queue.Queue, who string, until time.Time) (queue.Place, error) {
	if p, ok := q.Try(); ok {
		return p, nil
	}
	return q.Wait(ctx, who, until)
}

// reason is why a call was refused; empty when it was not.
func reason(err error) queue.Reason {
	r, ok := errors.AsType[*queue.Refusal](err)
	if !ok {
		return ""
	}
	return r.Reason
}

// depth fails unless so many have a place and so many wait.
func depth(tb testing.TB, q *queue.Queue, taken, waiting int) {
	tb.Helper()
	if a, b := q.Depth(); a != taken || b != waiting {
		tb.Fatalf("%d have a place and %d wait, want %d and %d", a, b, taken, waiting)
	}
}

// One caller makes up to 10,000 calls at once, and goes on with 100 for as long as the other makes 20,
// one at a time: each of those waits for a few of the flood's calls, and none is refused.
func TestTEN08_FloodingNeighbour(t *testing.T) {
	for _, tc := range []struct{ places, room, calls int }{{1, 64, 1_000}, {8, 8, 1_000}, {64, 10_000, 10_000}} {
		t.Run(fmt.Sprintf("%d places, room for %d", tc.places, tc.room), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := queue.New(tc.places, tc.room)
				ctx, stop := context.WithCancel(t.Context())
				var flood sync.WaitGroup
				var served, refused atomic.Int64
				for n := range tc.calls {
					flood.Go(func() {
						for again := true; again && ctx.Err() == nil; again = n < 100 {
							p, err := enter(ctx, q, "flood", never)
							if err != nil {
								refused.Add(1)
								time.Sleep(service / 2)
								continue
							}
							served.Add(1)
							time.Sleep(service)
							p.Leave("call")
						}
					})
				}
				synctest.Wait()
				for n := range 20 {
					begun := time.Now()
					p, err := enter(ctx, q, "neighbour", begun.Add(30*time.Second))
					if err != nil {
						t.Fatalf("call %d of the neighbour: %v", n, err)
					}
					if waited := time.Since(begun); waited > 3*service {
						t.Errorf("call %d of the neighbour waited %v", n, waited)
					}
					time.Sleep(service)
					p.Leave("call")
				}
				stop()
				flood.Wait()
				if served.Load() < int64(20*tc.places) || refused.Load() == 0 {
					t.Errorf("of the flood, %d were served and %d refused", served.Load(), refused.Load())
				}
				depth(t, q, 0, 0)
			})
		})
	}
}

// Callers with much and with little that waits take turns, and the calls of each stay in order.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(1, 64)
		holds, _ := q.Try()
		var order []string
		var all sync.WaitGroup
		for _, who := range []string{"a", "a", "a", "b", "a", "c", "b"} {
			all.Go(func() {
				p, err := q.Wait(t.Context(), who, never)
				if err != nil {
					t.Error(err)
				}
				order = append(order, who)
				p.Leave("call")
			})
			synctest.Wait()
		}
		holds.Leave("call")
		all.Wait()
		if got := fmt.Sprint(order); got != "[a b c a b a a]" {
			t.Errorf("served %s", got)
		}
	})
}

// Without room, the oldest call of whoever has most gives way to those with fewer, or a caller's own to
// the next, and nobody else.
func TestRoom(t *testing.T) {
	for _, tc := range []struct {
		name  string
		waits string // whose calls wait, in order; the queue has room for four
		next  string // whose comes then
		gives int    // which of the five is refused
		want  queue.Reason
	}{
		{"a caller alone has all of it", "aaaa", "a", 0, queue.Full},
		{"one with fewer gets in", "aaaa", "b", 0, queue.Share},
		{"one with two fewer gets in", "baaa", "b", 1, queue.Share},
		{"one with its share gives way to itself", "baba", "a", 1, queue.Share},
		{"but for one call, which would lose its turn", "aabc", "b", 4, queue.Share},
		{"a new one gets in while any has two", "baac", "d", 1, queue.Share},
		{"and not where each has one", "abcd", "e", 4, queue.Full},
		{"nor the next of anybody there", "abcd", "a", 4, queue.Share},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := queue.New(1, 4)
				holds, _ := q.Try()
				refused := make(map[int]queue.Reason)
				var all sync.WaitGroup
				for n, who := range tc.waits + tc.next {
					all.Go(func() {
						p, err := q.Wait(t.Context(), string(who), never)
						if !errors.Is(err, queue.ErrClosed) {
							refused[n] = reason(err)
						}
						p.Leave("")
					})
					synctest.Wait()
				}
				depth(t, q, 1, 4)
				if len(refused) != 1 || refused[tc.gives] != tc.want {
					t.Errorf("refused: %v, want %d for %q", refused, tc.gives, tc.want)
				}
				q.Close()
				all.Wait()
				holds.Leave("")
				depth(t, q, 0, 0)
			})
		})
	}
}

// TestRES18_AFloodHasFewWait has one caller make five times as many calls as the upstream can do,
// whatever becomes of those before: a call that is served has waited for as long as the flood takes to
// fill the room, a fifth of what the upstream takes to empty it.
func TestRES18_AFloodHasFewWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places, room = 4, 64 // 40 calls a second
		q := queue.New(places, room)
		var calls sync.WaitGroup
		var served atomic.Int64
		began := time.Now()
		for time.Since(began) < 30*time.Second {
			calls.Go(func() {
				came := time.Now()
				p, err := enter(t.Context(), q, "flood", never)
				if err != nil {
					return
				}
				if waited, over := time.Since(came), time.Since(began) > 30*time.Second; waited > 500*time.Millisecond && !over {
					t.Errorf("waited %v", waited)
				}
				served.Add(1)
				time.Sleep(service)
				p.Leave("call")
			})
			time.Sleep(5 * time.Millisecond)
		}
		calls.Wait()
		if n := served.Load(); n < 30*40 {
			t.Errorf("%d calls were served, of 1,200 that the upstream can do", n)
		}
	})
}

// Who will get no place in time is told at once, where it is known how long calls take, unless
// nothing of his waits; and who comes to be too late gets no place.
func TestDeadlines(t *testing.T) {
	for _, tc := range []struct {
		own   bool // one of the caller's waits already
		until time.Duration
		want  bool
	}{
		{false, -1, false},
		{false, 1, true},
		{false, time.Minute, true},
		{true, service, false},
		{true, 2*service - 1, false},
		{true, 2 * service, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New(1, 64)
			for range 8 { // it learns how long a call takes
				p, _ := q.Try()
				time.Sleep(service)
				p.Leave("call")
			}
			_, _ = q.Try()
			ctx, gone := context.WithCancel(t.Context())
			var all sync.WaitGroup
			before := 0
			if tc.own {
				before = 1
				all.Go(func() { _, _ = q.Wait(ctx, "a", never) })
				synctest.Wait()
			}
			var err error
			all.Go(func() { _, err = q.Wait(ctx, "a", time.Now().Add(tc.until)) })
			synctest.Wait()
			if _, waiting := q.Depth(); (waiting == before+1) != tc.want {
				t.Errorf("%v before it is too late, %d of its own before: %d wait", tc.until, before, waiting)
			}
			gone()
			all.Wait()
			if !tc.want && reason(err) != queue.Late {
				t.Errorf("%v before it is too late: %v", tc.until, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(1, 64)
		holds, _ := q.Try()
		late := make(chan error)
		go func() {
			_, err := q.Wait(t.Context(), "a", time.Now().Add(5*service))
			late <- err
		}()
		synctest.Wait()
		depth(t, q, 1, 1)
		time.Sleep(6 * service)
		holds.Leave("call")
		if err := <-late; reason(err) != queue.Late {
			t.Errorf("a call whose turn came too late: %v", err)
		}
		depth(t, q, 0, 0)
	})
}

// A refusal says when those who wait now will have been served.
func TestRefusalSaysWhenToComeBack(t *testing.T) {
	for _, tc := range []struct {
		took, want time.Duration
	}{{time.Millisecond, time.Second}, {10 * time.Second, 20 * time.Second}, {time.Hour, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New(2, 4)
			for range 8 {
				p, _ := q.Try()
				time.Sleep(tc.took)
				p.Leave("call")
			}
			for range 2 {
				_, _ = q.Try()
			}
			for n := range 4 {
				go func() { _, _ = q.Wait(t.Context(), fmt.Sprint(n), never) }()
			}
			synctest.Wait()
			_, err := q.Wait(t.Context(), "late", never)
			if r, ok := errors.AsType[*queue.Refusal](err); !ok || r.Wait != tc.want {
				t.Errorf("calls that take %v: %+v", tc.took, r)
			}
			q.Close()
		})
	}
}

// Whoever leaves is not served, also when that is as its turn comes: a thousand do, and no place
// is lost.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(3, 1000)
		var all sync.WaitGroup
		var served, left atomic.Int64
		for n := range 1000 {
			all.Go(func() {
				// Deadlines that meet the ends of calls, and some that do not.
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%30+1)*service/2)
				defer cancel()
				p, err := enter(ctx, q, fmt.Sprint(n%7), never)
				if err != nil {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("call %d: %v", n, err)
					}
					left.Add(1)
					return
				}
				if ctx.Err() != nil {
					t.Errorf("call %d was served after it had left", n)
				}
				served.Add(1)
				time.Sleep(service)
				p.Leave("call")
			})
		}
		all.Wait()
		if served.Load()+left.Load() != 1000 || served.Load() < 3*10 {
			t.Errorf("%d were served, %d left", served.Load(), left.Load())
		}
		depth(t, q, 0, 0)
		for range 3 {
			if _, ok := q.Try(); !ok {
				t.Error("a place was lost")
			}
		}
	})
}

// More places serve those who wait at once; fewer wait for calls to end; nobody is lost.
func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(1, 2)
		holds, _ := q.Try()
		places := make(chan queue.Place, 8)
		wait := func() {
			go func() {
				p, err := q.Wait(t.Context(), "a", never)
				if err != nil {
					t.Error(err)
				}
				places <- p
			}()
			synctest.Wait()
		}
		wait()
		wait()
		depth(t, q, 1, 2)
		q.Resize(1, 4)
		wait()
		depth(t, q, 1, 3)
		q.Resize(3, 4)
		synctest.Wait()
		depth(t, q, 3, 1)
		q.Resize(1, 1)
		holds.Leave("call")
		p := <-places
		p.Leave("call")
		depth(t, q, 1, 1)
		p = <-places
		p.Leave("call")
		synctest.Wait()
		depth(t, q, 1, 0)
		p = <-places
		p.Leave("call")
		depth(t, q, 0, 0)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(1, 8)
		holds, _ := q.Try()
		told := make(chan error, 3)
		for n := range 3 {
			go func() {
				_, err := q.Wait(t.Context(), fmt.Sprint(n%2), never)
				told <- err
			}()
		}
		synctest.Wait()
		q.Close()
		for range 3 {
			if err := <-told; !errors.Is(err, queue.ErrClosed) {
				t.Errorf("who waits is told %v", err)
			}
		}
		holds.Leave("call")
		if _, ok := q.Try(); ok {
			t.Error("a closed queue gave a place")
		}
		if _, err := q.Wait(t.Context(), "a", never); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("who comes is told %v", err)
		}
	})
}

// A place is given back once, however often it is left.
func TestLeaveTwice(t *testing.T) {
	q := queue.New(1, 1)
	p, _ := q.Try()
	p.Leave("call")
	p.Leave("call")
	depth(t, q, 0, 0)
}

// A free place costs no allocation.
func TestFreePlaceAllocatesNothing(t *testing.T) {
	q := queue.New(64, 64)
	if n := testing.AllocsPerRun(100, func() {
		p, _ := q.Try()
		p.Leave("call")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTry(b *testing.B) {
	q := queue.New(64, 64)
	for b.Loop() {
		p, _ := q.Try()
		p.Leave("call")
	}
}

// A call that waits behind one that holds the one place, and gets it.
func BenchmarkWait(b *testing.B) {
	q := queue.New(1, 64)
	for b.Loop() {
		holds, _ := q.Try()
		done := make(chan struct{})
		go func() {
			p, _ := q.Wait(b.Context(), "a", never)
			p.Leave("call")
			close(done)
		}()
		holds.Leave("call")
		<-done
	}
}
