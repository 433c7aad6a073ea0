package queue_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/queue"
)

// Where a caller has half of the places at most, another need not wait for what one has: not for calls
// that last, and not for those that wait.
func TestHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New(4, 10)
		q.Halve()
		var held []queue.Place
		for range 2 {
			p, err := enter(t.Context(), q, "one", never)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, p)
		}
		var calls sync.WaitGroup
		var served atomic.Int64
		for range 3 {
			calls.Go(func() {
				p, err := enter(t.Context(), q, "one", never)
				if err != nil {
					t.Error(err)
				}
				served.Add(1)
				time.Sleep(service)
				p.Leave("x")
			})
		}
		synctest.Wait()
		depth(t, q, 2, 3)
		for _, who := range []string{"other", "third"} {
			p, err := enter(t.Context(), q, who, time.Now().Add(time.Millisecond))
			if err != nil {
				t.Fatalf("%s waits for %v", who, err)
			}
			held = append(held, p)
		}
		depth(t, q, 4, 3)
		held[2].Leave("x")
		synctest.Wait()
		depth(t, q, 3, 3) // a place is free, and who waits has half
		held[0].Leave("x")
		calls.Wait()
		if served.Load() != 3 {
			t.Errorf("%d of three were served", served.Load())
		}
		held[1].Leave("x")
		held[3].Leave("x")
		depth(t, q, 0, 0)
		alone := queue.New(1, 1)
		alone.Halve()
		if p, err := enter(t.Context(), alone, "one", never); err != nil {
			t.Error(err)
		} else {
			p.Leave("x")
		}
	})
}
