package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
)

// slowFile takes a second to make durable what was written, until it is quick.
type slowFile struct{ segmentFile }

func (f slowFile) Sync() error {
	time.Sleep(time.Second)
	return f.segmentFile.Sync()
}

// TestRES19_ASlowLog has as many calls at once as three writes take wait for a log that takes a second for each write: it
// writes many of them at a time, nobody waits beyond the time of the call, nobody is told that a record is
// durable that is not, and what waits is bounded and gone when they are.
func TestRES19_ASlowLog(t *testing.T) {
	const callers, patience = 2*maxEntries + 100, 2500 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		cfg := faulty(t, &faults{}, Power)
		cfg.SegmentBytes = 4 << 20
		cfg.open = func(dir string, n int, create bool) (segmentFile, error) {
			file, err := openSegment(dir, n, create)
			return slowFile{file}, err
		}
		l, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		began := time.Now()
		var mu sync.Mutex
		acknowledged := map[string]bool{}
		var all sync.WaitGroup
		for n := range callers {
			all.Go(func() {
				id := fmt.Sprint(n)
				err := l.Event(ctx, gate.Event{Kind: "test", Exchange: id})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					acknowledged[id] = true
				case gate.CodeOf(err) != gate.CodeAudit || !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("error %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > patience+time.Second { // who writes for others ends the write
			t.Errorf("the last caller waited %s", took)
		}
		if n := len(acknowledged); n < maxEntries || n == callers {
			t.Errorf("%d of %d records in two writes", n, callers)
		}
		l.mu.Lock()
		if l.bytes != 0 || len(l.queue) != 0 {
			t.Errorf("%d bytes wait in %d records", l.bytes, len(l.queue))
		}
		l.mu.Unlock()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		err = Read(t.Context(), cfg.Dir, Query{Kind: KindEvent}, func(r *Record) error {
			delete(acknowledged, r.Exchange)
			return nil
		})
		if err != nil || len(acknowledged) > 0 {
			t.Errorf("%d were acknowledged and are not on record (%v)", len(acknowledged), err)
		}
	})
}
