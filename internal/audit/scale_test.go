package audit_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"doorward/internal/audit"
)

// What a large log must hold to (security cases DUR-09 and DUR-19).
const (
	writers     = 64
	commitP99   = 10 * time.Millisecond
	verifyRate  = 200_000   // records a second on one core
	verifyBytes = 256 << 20 // of the heap
)

// 64 writers share one chain without a gap, and what they leave is verified as it is
// read: in bounded memory. A start reads no more of it than its end. There are
// AUDIT_RECORDS records, or 6,000; where the variable is set, times and rates are held
// against their bounds as well, which a machine that does other things does not keep.
func TestDUR09_DUR19_ManyRecords(t *testing.T) {
	cfg := config(t.TempDir())
	timed := os.Getenv("AUDIT_RECORDS") != ""
	each := max(1, wanted(t, "AUDIT_RECORDS", 6000)/2/writers)
	l := open(t, cfg)
	began := time.Now()
	took := crowd(t, l, each)
	wrote := time.Since(began)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d records by %d writers in %s, %.0f a second; p99 of a record %s", 2*len(took), writers, wrote.Round(time.Millisecond),
		float64(2*len(took))/wrote.Seconds(), p99)
	if timed && p99 > commitP99 {
		t.Errorf("p99 of a record is %s, more than %s", p99, commitP99)
	}

	began = time.Now()
	if err := open(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("a start and an end take %s", time.Since(began).Round(time.Millisecond))

	rep, rate, heap := measured(t, cfg.Dir)
	t.Logf("verified %d records of %d bytes, %.0f a second, with %d MiB of heap", rep.Records, rep.Bytes, rate, heap>>20)
	starts := uint64(2 + rep.Segments - 1)
	if want := uint64(2*writers*each) + starts; rep.Records != want || rep.Unanswered != 0 {
		t.Errorf("%d records, %d without an outcome; want %d", rep.Records, rep.Unanswered, want)
	}
	if heap > verifyBytes || timed && rate < verifyRate {
		t.Errorf("verified at %.0f records a second with %d bytes of heap", rate, heap)
	}
}

// crowd has writers make so many calls each, and tells how long each record took.
func crowd(t *testing.T, l *audit.Log, each int) []time.Duration {
	t.Helper()
	all := make([][]time.Duration, writers)
	var wg sync.WaitGroup
	for w := range all {
		wg.Go(func() {
			for i := range each {
				began := time.Now()
				if err := call(context.Background(), l, fmt.Sprintf("w%d-%d", w, i)); err != nil {
					t.Error(err)
					return
				}
				all[w] = append(all[w], time.Since(began)/2)
			}
		})
	}
	wg.Wait()
	return slices.Concat(all...)
}

// measured verifies a log; rate is how many records a second, and heap the most that was
// in use meanwhile.
func measured(t *testing.T, dir string) (rep audit.Report, rate float64, heap uint64) {
	t.Helper()
	look := func(uint64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = max(heap, m.HeapInuse)
	}
	runtime.GC()
	began := time.Now()
	rep, err := audit.Verify(t.Context(), dir, audit.Options{Progress: look})
	if err != nil {
		t.Fatal(err)
	}
	rate = float64(rep.Records) / time.Since(began).Seconds()
	look(0)
	return rep, rate, heap
}
