package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gate"
)

// What waits to be written is bounded in bytes, and is counted right whoever
// gives up.
func TestTheQueueIsBoundedInBytes(t *testing.T) {
	l := &Log{busy: true} // somebody leads, and never comes back
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	e := newEntry(keeper{})
	e.line = []byte(strings.Repeat("a", maxLine))
	l.bytes = maxQueued - maxLine + 1
	if _, err := l.submit(gone, e); !errors.Is(err, errTooMany) {
		t.Errorf("beyond the bound: %v", err)
	}
	l.bytes--
	if back, err := l.submit(gone, e); !back || !errors.Is(err, context.Canceled) {
		t.Errorf("within the bound: %v, %v", back, err)
	}
	if l.bytes != maxQueued-maxLine || len(l.queue) != 0 {
		t.Errorf("%d bytes wait in %d records", l.bytes, len(l.queue))
	}
}

func TestNothingWaitsAfterTheLastRecord(t *testing.T) {
	l, err := Open(faulty(t, &faults{failWrite: 7}, Process))
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			for i := range 50 {
				ctx := gone
				if c%2 == 0 {
					ctx = context.Background()
				}
				_ = l.Event(ctx, gate.Event{Kind: "test", Exchange: fmt.Sprintf("%d-%d", c, i)}) // some fail
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l.bytes != 0 || len(l.queue) != 0 {
		t.Errorf("%d bytes wait in %d records", l.bytes, len(l.queue))
	}
}
