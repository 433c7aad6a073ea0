package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// A log that an earlier format began is read to its end; one of a later format
// is refused, for it may hold what this program does not know.
func TestFormats(t *testing.T) {
	for format, ok := range map[int]bool{1: true, 2: true, 3: true, 6: true, 7: true, 8: true, audit.Format: true, audit.Format + 1: false} {
		dir := t.TempDir()
		r := audit.Record{Seq: 1, Time: time.Unix(1, 0), Kind: audit.KindStart, Event: "process", Format: format, Origin: "log"}
		if err := os.WriteFile(filepath.Join(dir, "audit-00000001.jsonl"), append(r.AppendJSON(nil), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		if rep, err := audit.Verify(t.Context(), dir, audit.Options{}); (err == nil && rep.Fault == nil) != ok {
			t.Errorf("format %d: %v, %v", format, rep.Fault, err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 1)
	for path, want := range map[string]os.FileMode{
		cfg.Dir: 0o700, cfg.KeyFile: 0o600,
		filepath.Join(cfg.Dir, "audit-00000001.jsonl"): 0o600,
		filepath.Join(cfg.Dir, "checkpoint"):           0o600,
		filepath.Join(cfg.Dir, "lock"):                 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestConcurrentCallersShareOneChain(t *testing.T) {
	for _, d := range []audit.Durability{audit.Process, audit.Power} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Durability, cfg.SegmentBytes = d, 64<<10
			l := open(t, cfg)
			const callers, each = 64, 20
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := range each {
						if err := call(t.Context(), l, fmt.Sprintf("x%d-%d", c, i)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			rep := verify(t, cfg.Dir)
			if starts := uint64(rep.Segments); rep.Records != 2*callers*each+starts || rep.Unanswered != 0 || rep.Segments < 2 {
				t.Errorf("report = %+v", rep)
			}
			if rep.Proven != rep.Records {
				t.Errorf("after Close the checkpoint covers %d of %d records", rep.Proven, rep.Records)
			}
		})
	}
}

func TestACallerThatGivesUpDoesNotStopOthers(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	ctx := t.Context()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	var wg sync.WaitGroup
	for c := range 32 {
		wg.Go(func() {
			for i := range 50 {
				if c%2 == 0 {
					_ = l.Intent(gone, exchange("gone"))
				} else if err := call(ctx, l, fmt.Sprintf("x%d-%d", c, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, cfg.Dir)
	if got := len(read(t, cfg.Dir, audit.Query{Kind: audit.KindOutcome})); got != 16*50 {
		t.Errorf("got %d outcomes, want %d", got, 16*50)
	}
}

func TestClosedLogRefuses(t *testing.T) {
	l := open(t, config(t.TempDir()))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), l, "x"); gate.CodeOf(err) != gate.CodeAudit {
		t.Errorf("after Close: %v, want code %s", err, gate.CodeAudit)
	}
	if l.Healthy() == nil {
		t.Error("a closed log says it is healthy")
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
