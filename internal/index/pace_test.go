package index

import (
	"testing"
	"testing/synctest"
	"time"
)

// The faster a log grows, the longer its index rests; before anything was measured it
// rests for long.
func TestPace(t *testing.T) {
	for _, tc := range []struct {
		growth uint64 // a second
		share  time.Duration
	}{{0, 1}, {50, 1}, {150, 4}, {1500, 4}, {2500, 100}, {50000, 100}} {
		synctest.Test(t, func(t *testing.T) {
			var size uint64
			p := pace{size: func() uint64 { return size }}
			for i := range 3 {
				began := time.Now()
				if err := p.rest(t.Context()); err != nil { // what was before it was no work
					t.Fatal(err)
				}
				if i == 0 && time.Since(began) != busyRest*longSlice {
					t.Errorf("at first it rests %v", time.Since(began))
				}
				time.Sleep(2 * time.Second)
				size += uint64(time.Since(began).Seconds() * float64(tc.growth))
			}
			began := time.Now()
			if err := p.rest(t.Context()); err != nil || time.Since(began) != tc.share*longSlice {
				t.Errorf("at %d records a second it rests %v, %v", tc.growth, time.Since(began), err)
			}
			time.Sleep(slice / 2)
			began = time.Now()
			if err := p.rest(t.Context()); err != nil || time.Since(began) != 0 {
				t.Errorf("after half a slice it rests %v, %v", time.Since(began), err)
			}
		})
	}
}
