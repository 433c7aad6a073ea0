package listen

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestOutboxBounds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limits Limits
		others int64 // bytes that the other outboxes and logs hold
		sizes  []int
		want   []bool // whether the push had room
	}{
		{"messages", Limits{ReplayEvents: 2, ReplayBytes: 100, ReplayTotal: 100}, 0, []int{1, 1, 1}, []bool{true, true, false}},
		{"bytes", Limits{ReplayEvents: 9, ReplayBytes: 10, ReplayTotal: 100}, 0, []int{6, 5, 4}, []bool{true, false, true}},
		{"bytes in all", Limits{ReplayEvents: 9, ReplayBytes: 100, ReplayTotal: 10}, 5, []int{6, 5, 1}, []bool{false, true, false}},
		{"a large one", Limits{ReplayEvents: 9, ReplayBytes: 10, ReplayTotal: 100}, 0, []int{11}, []bool{false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var total atomic.Int64
			total.Store(tc.others)
			o := newOutbox(&tc.limits, &total)
			var got []bool
			for _, n := range tc.sizes {
				err := o.push(make([]byte, n))
				if err != nil && !errors.Is(err, errFull) {
					t.Error(err)
				}
				got = append(got, err == nil)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("room %v, want %v", got, tc.want)
			}
			o.clear()
			if total.Load() != tc.others || !errors.Is(o.push(nil), errGone) {
				t.Errorf("%d bytes are left, of %d", total.Load(), tc.others)
			}
		})
	}
}

// TestOutboxPutWaits: a message of a call is never dropped, waits for room, and
// one is always taken.
func TestOutboxPutWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(&Limits{ReplayEvents: 1, ReplayBytes: 1, ReplayTotal: 1}, new(atomic.Int64))
		if err := o.put(t.Context(), []byte("larger than all")); err != nil {
			t.Fatal(err)
		}
		put := make(chan error, 1)
		go func() { put <- o.put(t.Context(), []byte("second")) }()
		synctest.Wait()
		if len(put) != 0 {
			t.Fatal("there was no room")
		}
		first, _ := o.take()
		synctest.Wait()
		if err := <-put; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { put <- o.put(ctx, []byte("third")) }()
		synctest.Wait()
		cancel()
		if err := <-put; !errors.Is(err, context.Canceled) {
			t.Errorf("a call that ended: %v", err)
		}
		go func() { put <- o.put(t.Context(), []byte("fourth")) }()
		synctest.Wait()
		o.close()
		if err := <-put; !errors.Is(err, errGone) {
			t.Errorf("a client that left: %v", err)
		}
		second, over := o.take()
		if string(first) != "larger than all" || string(second) != "second" || over {
			t.Errorf("took %q and %q, over %v", first, second, over)
		}
		if data, over := o.take(); data != nil || !over {
			t.Errorf("after the end: %q, %v", data, over)
		}
	})
}
