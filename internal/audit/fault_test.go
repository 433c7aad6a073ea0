package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"doorward/internal/gate"
)

var errDisk = errors.New("disk")

// faultyFile fails the n-th operation of one kind, counted over all segments.
type faultyFile struct {
	segmentFile
	f *faults
}

type faults struct {
	writes, syncs, truncates          atomic.Int64
	failWrite, failSync, failTruncate int64 // 0: never
	short                             bool  // the failing write leaves half of it
	full                              atomic.Bool
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if n := f.f.writes.Add(1); n == f.f.failWrite || f.f.full.Load() {
		if f.f.short {
			n, _ := f.segmentFile.WriteAt(p[:len(p)/2], off)
			return n, errDisk
		}
		return 0, errDisk
	}
	return f.segmentFile.WriteAt(p, off)
}

func (f *faultyFile) Sync() error {
	if f.f.syncs.Add(1) == f.f.failSync {
		return errDisk
	}
	return f.segmentFile.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if f.f.truncates.Add(1) == f.f.failTruncate {
		return errDisk
	}
	return f.segmentFile.Truncate(size)
}

func faulty(t *testing.T, f *faults, d Durability) Config {
	t.Helper()
	dir := t.TempDir()
	return Config{
		Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "key"), Durability: d, SegmentBytes: 4 << 10,
		open: func(dir string, n int, create bool) (segmentFile, error) {
			file, err := openSegment(dir, n, create)
			if err != nil {
				return nil, err
			}
			return &faultyFile{file, f}, nil
		},
	}
}

// lastFault is up to which operation each is made to fail: CRASH_FAULTS, which
// `make crash` sets, or the 20th.
func lastFault(t *testing.T) int64 {
	t.Helper()
	text := os.Getenv("CRASH_FAULTS")
	if text == "" {
		return 20
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		t.Fatalf("CRASH_FAULTS = %q", text)
	}
	return n
}

// The oracle: what was acknowledged is on record and the log verifies after a
// restart, whichever operation fails (DUR-05).
func TestDUR05_AcknowledgedIsDurableWhateverFails(t *testing.T) {
	for n, last := int64(1), lastFault(t); n <= last; n++ {
		for name, f := range map[string]*faults{
			"write":            {failWrite: n},
			"short write":      {failWrite: n, short: true},
			"write and repair": {failWrite: n, short: true, failTruncate: 1},
			"sync":             {failSync: n},
		} {
			for _, d := range []Durability{Process, Power} {
				t.Run(fmt.Sprintf("%s %d %d", name, n, d), func(t *testing.T) { oracle(t, faulty(t, f, d), max(10, int(n))) })
			}
			*f = faults{failWrite: f.failWrite, failSync: f.failSync, failTruncate: f.failTruncate, short: f.short}
		}
	}
}

func oracle(t *testing.T, cfg Config, each int) {
	t.Helper()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	if l, err := Open(cfg); err == nil {
		var wg sync.WaitGroup
		for c := range 4 {
			wg.Go(func() {
				for i := range each {
					id := fmt.Sprintf("%d-%d", c, i)
					err := l.Event(context.Background(), gate.Event{Kind: "test", Exchange: id})
					if err == nil {
						mu.Lock()
						acknowledged[id] = true
						mu.Unlock()
					} else if gate.CodeOf(err) != gate.CodeAudit {
						t.Errorf("code = %s", gate.CodeOf(err))
					}
				}
			})
		}
		wg.Wait()
		_ = l.Close() // may say that the disk is bad
	}
	cfg.open = nil
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), cfg.Dir, Options{}); err != nil {
		t.Error(err)
	}
	err = Read(t.Context(), cfg.Dir, Query{Kind: KindEvent}, func(r *Record) error {
		delete(acknowledged, r.Exchange)
		return nil
	})
	if err != nil || len(acknowledged) > 0 {
		t.Errorf("acknowledged and not on record: %v (%v)", acknowledged, err)
	}
}

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	f := &faults{short: true}
	cfg := faulty(t, f, Process)
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	event := func() error { return l.Event(context.Background(), gate.Event{Kind: "test"}) }
	if err := event(); err != nil {
		t.Fatal(err)
	}
	f.full.Store(true)
	for range 3 {
		if err := event(); !errors.Is(err, errDisk) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	if l.Healthy() == nil {
		t.Error("healthy with a full disk")
	}
	f.full.Store(false)
	l.watch() // nobody calls while the gateway is not ready
	if err := l.Healthy(); err != nil {
		t.Errorf("after space came back: %v", err)
	}
	if err := errors.Join(event(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := Verify(t.Context(), cfg.Dir, Options{}); err != nil {
		t.Error(err)
	}
}

// A failed sync is final, also when the next one would succeed (K8).
func TestAFailedSyncIsFinal(t *testing.T) {
	f := &faults{}
	l, err := Open(faulty(t, f, Power))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // says that the disk is bad
	f.failSync = f.syncs.Load() + 1
	for range 3 {
		if err := l.Event(context.Background(), gate.Event{Kind: "test"}); !errors.Is(err, errSyncLost) {
			t.Errorf("got %v", err)
		}
	}
	l.watch()
	if !errors.Is(l.Healthy(), errSyncLost) {
		t.Errorf("Healthy = %v", l.Healthy())
	}
}

// A checkpoint that syncs a segment which a rotation has synced and closed must be able
// to tell that from a disk that fails.
func TestSyncOfAClosedSegment(t *testing.T) {
	f, err := openSegment(t.TempDir(), 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Sync = %v", err)
	}
}
