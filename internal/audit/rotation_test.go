package audit_test

import (
	"fmt"
	"sync"
	"testing"
)

// A checkpoint that comes while a segment is rotated away and closed is made all the
// same, and does not stop the log.
func TestCheckpointsBesideRotations(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 1 // a few records, at least
	l := open(t, cfg)
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			for i := range 100 {
				if err := call(t.Context(), l, fmt.Sprintf("%d-%d", c, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if _, err := l.Checkpoint(t.Context()); err != nil {
			t.Error(err)
			break
		}
	}
	<-done
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, cfg.Dir); rep.Records != 800+uint64(rep.Segments) || rep.Proven != rep.Records {
		t.Errorf("report = %+v", rep)
	}
}
