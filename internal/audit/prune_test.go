package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

const day = 24 * time.Hour

// shortKeep has a class for each of the times of GDP-05.
func shortKeep() audit.Retention {
	return audit.Retention{Keep: map[audit.Class]time.Duration{
		audit.Lists: 7 * day, audit.SignIns: 30 * day, audit.Calls: 184 * day, audit.Events: 366 * day,
	}}
}

// smallSegments is a log whose segments are as small as they may be.
func smallSegments(dir string) audit.Config {
	cfg := config(dir)
	cfg.SegmentBytes = 4 << 10
	return cfg
}

// writeDays writes some records of each class a day, for so many days; then it closes
// the log. It sleeps in the bubble of a test.
func writeDays(t *testing.T, cfg audit.Config, days int) {
	t.Helper()
	for d := range days {
		l := open(t, cfg)
		for i := range 3 {
			writeAll(t, l, fmt.Sprintf("d%d-%d", d, i))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(day)
	}
}

// writeAll writes a record of each class.
func writeAll(t *testing.T, l *audit.Log, id string) {
	t.Helper()
	if err := call(t.Context(), l, id); err != nil {
		t.Fatal(err)
	}
	list := exchange("l" + id)
	list.Call = gate.Call{Message: &gate.Message{Kind: gate.Request, Method: "tools/list"}}
	refused := exchange("s" + id)
	refused.Principal = nil
	out := done()
	out.Intent = false
	turned := gate.Outcome{Verdict: gate.Refuse(gate.CodeBadCredential, "no", "no"), Stage: "identify", Status: "refused"}
	for _, err := range []error{
		l.Outcome(t.Context(), list, out),
		l.Outcome(t.Context(), refused, turned),
		l.Event(t.Context(), gate.Event{Kind: "config.reload", Actor: "uid:0", Status: "ok"}),
		l.Event(t.Context(), gate.Event{Kind: "privacy.hold", Actor: "uid:0", Status: "ok"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// prune opens the log, prunes and closes it.
func prune(t *testing.T, cfg audit.Config, r audit.Retention) []audit.DueSegment {
	t.Helper()
	l := open(t, cfg)
	gone, err := l.Prune(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return gone
}

// lines are the records by their number.
func lines(t *testing.T, dir string) map[uint64]audit.Record {
	t.Helper()
	all := map[uint64]audit.Record{}
	err := audit.Read(context.Background(), dir, audit.Query{}, func(r *audit.Record) error {
		all[r.Seq] = *r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// GDP-05, DUR-44: the clock goes on 7, 30, 184 and 366 days, and what is due goes each
// time and nothing else; the log verifies each time and says how much went.
func TestGDP05OnlyWhatIsDueGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, keep := smallSegments(t.TempDir()), shortKeep()
		writeDays(t, cfg, 12)
		written := lines(t, cfg.Dir)
		began := time.Now().Add(-12 * day)
		for _, days := range []int{7, 30, 184, 366, 400} {
			if at := began.Add(time.Duration(days)*day + 12*time.Hour); at.After(time.Now()) {
				time.Sleep(time.Until(at))
			}
			now := time.Now()
			due, err := audit.Due(t.Context(), cfg.Dir, keep)
			if err != nil {
				t.Fatal(err)
			}
			gone := prune(t, cfg, keep)
			left := lines(t, cfg.Dir)
			missing := uint64(0)
			for seq, r := range written {
				k := keep.Keep[audit.ClassOf(&r)]
				want := k == 0 || now.Sub(r.Time) < k+time.Hour
				if _, got := left[seq]; got != want {
					t.Errorf("day %d: record %d, %s of %s, is there: %v", days, seq, audit.ClassOf(&r), r.Time, got)
				}
				if !want {
					missing++
				}
			}
			rep := verify(t, cfg.Dir)
			if rep.Pruned.Records != missing {
				t.Errorf("day %d: %d records are missing, the report has %+v", days, missing, rep.Pruned)
			}
			if records(due) != records(gone) {
				t.Errorf("day %d: %d were due, %d went", days, records(due), records(gone))
			}
		}
		// Again there is nothing to do, and nothing is said.
		size := verify(t, cfg.Dir).Records
		if gone := prune(t, cfg, keep); len(gone) > 0 {
			t.Errorf("once more: %+v", gone)
		}
		if rep := verify(t, cfg.Dir); rep.Records != size+1 {
			t.Errorf("%d records became %d", size, rep.Records)
		}
	})
}

func records(all []audit.DueSegment) (n uint64) {
	for i := range all {
		n += all[i].Records()
	}
	return n
}

// A pruned log is read, proved and gone on with like any other, without its tree too,
// and every checkpoint that was ever saved still holds.
func TestAPrunedLogIsReadAndProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallSegments(t.TempDir())
		var saved []audit.Checkpoint
		l := open(t, cfg)
		for i := range 40 {
			writeAll(t, l, fmt.Sprint(i))
			c, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			saved = append(saved, c)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		written := lines(t, cfg.Dir)
		time.Sleep(185 * day)
		prune(t, cfg, shortKeep())
		if err := os.Remove(filepath.Join(cfg.Dir, "tree")); err != nil {
			t.Fatal(err)
		}
		if err := open(t, cfg).Close(); err != nil {
			t.Fatal(err)
		}
		left := lines(t, cfg.Dir)
		for _, c := range saved {
			if _, err := audit.Verify(t.Context(), cfg.Dir, audit.Options{Checkpoints: []audit.Checkpoint{c}}); err != nil {
				t.Errorf("the checkpoint of %d: %v", c.Size, err)
			}
		}
		for seq := uint64(1); seq <= uint64(len(written)); seq += 5 {
			_, err := audit.Prove(t.Context(), cfg.Dir, seq)
			if _, there := left[seq]; there != (err == nil) || !there && !errors.Is(err, audit.ErrPruned) {
				t.Errorf("record %d is there: %v, and its proof %v", seq, there, err)
			}
		}
		checkLines(t, cfg.Dir, left)
		var tail []uint64
		err := audit.Tail(t.Context(), cfg.Dir, len(left), false, func(r *audit.Record) error {
			tail = append(tail, r.Seq)
			return nil
		})
		if err != nil || len(tail) != len(left) {
			t.Errorf("tail gives %d of %d (%v)", len(tail), len(left), err)
		}
	})
}

// checkLines reads the log from several records on, line by line.
func checkLines(t *testing.T, dir string, left map[uint64]audit.Record) {
	t.Helper()
	var want []uint64
	for seq := range left {
		want = append(want, seq)
	}
	slices.Sort(want)
	for from := uint64(1); from <= want[len(want)-1]; from += 17 {
		ls, err := audit.OpenLines(dir, from)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for {
			line, ok, err := ls.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			r, err := audit.ParseRecord(line)
			if err != nil || ls.Seq() != r.Seq+1 {
				t.Fatalf("record %d, then %d: %v", r.Seq, ls.Seq(), err)
			}
			got = append(got, r.Seq)
		}
		_ = ls.Close()
		at, _ := slices.BinarySearch(want, from)
		if diff := cmp.Diff(want[at:], got); diff != "" {
			t.Fatalf("from %d (-want +got):\n%s", from, diff)
		}
	}
}

// What is held stays, and what a copy does not have yet, as long as it is waited for.
func TestHeldAndWaitedForStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallSegments(t.TempDir())
		writeDays(t, cfg, 2)
		size := verify(t, cfg.Dir).Records
		time.Sleep(400 * day)
		keep := shortKeep()
		holds := func(held func(*audit.Record) bool) func() (func(*audit.Record) bool, error) {
			return func() (func(*audit.Record) bool, error) { return held, nil }
		}
		keep.Holds = holds(func(*audit.Record) bool { return true })
		if gone := prune(t, cfg, keep); len(gone) > 0 {
			t.Errorf("all is held: %+v", gone)
		}
		keep.Holds = holds(func(r *audit.Record) bool { return r.Seq > 10 })
		keep.Waits = []audit.Wait{{Next: 5}}
		prune(t, cfg, keep)
		for seq, r := range lines(t, cfg.Dir) {
			if seq < 5 && audit.ClassOf(&r) != audit.Lasting {
				t.Errorf("record %d is neither held nor waited for", seq)
			}
		}
		if rep := verify(t, cfg.Dir); rep.Pruned.Records != 3 {
			t.Errorf("gone: %+v", rep.Pruned)
		}
		// A copy is waited for 35 days: events are due for 34, the others for longer.
		keep.Holds, keep.Waits = nil, []audit.Wait{{Next: 5, For: 35 * day}}
		prune(t, cfg, keep)
		for seq, r := range lines(t, cfg.Dir) {
			class := audit.ClassOf(&r)
			if seq <= size && class != audit.Lasting && class != audit.Events {
				t.Errorf("record %d of class %s waits too long", seq, class)
			}
		}
	})
}

// A hold comes before a segment is looked at or after it is pruned, and need not wait
// while Prune rests.
func TestNoHoldComesWhileASegmentIsPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var holding sync.Mutex
		steps, asked := 0, false // asked: for holds, when none could be placed
		cfg := smallSegments(t.TempDir())
		cfg.AtStep(func(step string) {
			free := holding.TryLock()
			if free {
				holding.Unlock()
			}
			if steps++; free || !asked {
				t.Errorf("%s: a hold could be placed", step)
			}
		})
		writeDays(t, cfg, 2)
		time.Sleep(400 * day)
		keep := shortKeep()
		keep.Holding = func(context.Context) (func(), error) {
			holding.Lock()
			return holding.Unlock, nil
		}
		keep.Pause = time.Hour
		keep.Holds = func() (func(*audit.Record) bool, error) {
			if asked = !holding.TryLock(); !asked {
				holding.Unlock()
			}
			return func(*audit.Record) bool { return false }, nil
		}
		l := open(t, cfg)
		ended := make(chan error, 1)
		go func() {
			_, err := l.Prune(t.Context(), keep)
			ended <- err
		}()
		time.Sleep(time.Minute) // it rests after the first segment
		if !holding.TryLock() {
			t.Error("no hold could be placed between two segments")
		} else {
			holding.Unlock()
		}
		if err := <-ended; err != nil || steps < 2*len(audit.Steps()) {
			t.Errorf("%d steps, %v", steps, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Where nobody can say what is held, nothing goes.
func TestUnknownHoldsKeepAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallSegments(t.TempDir())
		writeDays(t, cfg, 2)
		time.Sleep(400 * day)
		keep, unknown := shortKeep(), errors.New("no file")
		keep.Holds = func() (func(*audit.Record) bool, error) { return nil, unknown }
		l := open(t, cfg)
		if gone, err := l.Prune(t.Context(), keep); !errors.Is(err, unknown) || len(gone) > 0 {
			t.Errorf("gone: %+v, %v", gone, err)
		}
		if _, err := audit.Due(t.Context(), cfg.Dir, keep); !errors.Is(err, unknown) {
			t.Errorf("due: %v", err)
		}
		keep = shortKeep()
		keep.Holding = func(context.Context) (func(), error) { return nil, unknown }
		if gone, err := l.Prune(t.Context(), keep); !errors.Is(err, unknown) || len(gone) > 0 {
			t.Errorf("gone while another places a hold: %+v, %v", gone, err)
		}
	})
}

// What is on record of holds is known after a restart.
func TestHoldsAreOnRecord(t *testing.T) {
	cfg := config(t.TempDir())
	l := open(t, cfg)
	for _, e := range []gate.Event{
		{Kind: audit.EventHold, Detail: "h_1 why", Status: "begun"},
		{Kind: audit.EventHold, Detail: "h_2 why", Status: "begun"},
		{Kind: audit.EventHold, Detail: "h_3 why", Status: "begun"},
		{Kind: audit.EventHold, Detail: "h_3 why", Status: "failed"},
		{Kind: audit.EventRelease, Detail: "h_1 why", Status: "begun"},
		{Kind: audit.EventRelease, Detail: "h_2 why", Status: "begun"},
		{Kind: audit.EventRelease, Detail: "h_2 why", Status: "failed"},
	} {
		if err := l.Event(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{"h_2": true}
	if diff := cmp.Diff(want, l.Holds()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, open(t, cfg).Holds()); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}

// The last segment is closed when something in it is due, however small it is.
func TestALogThatNeverGrewIsPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir())
		writeDays(t, cfg, 1)
		time.Sleep(400 * day)
		due, err := audit.Due(t.Context(), cfg.Dir, shortKeep())
		if err != nil || len(due) != 1 || !due[0].Open {
			t.Fatalf("due: %+v, %v", due, err)
		}
		gone := prune(t, cfg, shortKeep())
		if rep := verify(t, cfg.Dir); records(gone) != 15 || rep.Pruned.Records != 15 || rep.Segments != 2 {
			t.Errorf("gone: %+v; report: %+v", gone, rep)
		}
	})
}

// A record that somebody changed is evidence: its segment is not pruned.
func TestWhatWasChangedIsNotPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallSegments(t.TempDir())
		writeDays(t, cfg, 4)
		path := filepath.Join(cfg.Dir, "audit-00000001.jsonl")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), `"upstream":"files"`, `"upstream":"filez"`, 1)
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(400 * day)
		l := open(t, cfg)
		if _, err := l.Prune(t.Context(), shortKeep()); err == nil || !strings.Contains(err.Error(), "was changed") {
			t.Errorf("pruning gives %v", err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != changed {
			t.Errorf("the segment is another now (%v)", err)
		}
	})
}

// pruneUntilKilled is the life of the child of TestKilledWhilePruning: it stands still at
// a step.
func pruneUntilKilled(dir, step string) {
	cfg := smallSegments(dir)
	cfg.AtStep(func(at string) {
		if at == step {
			fmt.Println(at)
			select {}
		}
	})
	l, err := audit.Open(cfg)
	if err == nil {
		_, err = l.Prune(context.Background(), shortKeep())
	}
	panic(fmt.Sprint("it was not killed: ", err))
}

// One prunes at a time; the other is told and does not wait.
func TestTwoDoNotPruneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallSegments(t.TempDir())
		writeDays(t, cfg, 1)
		time.Sleep(400 * day)
		l := open(t, cfg)
		keep, inner := shortKeep(), error(nil)
		keep.Holds = func() (func(*audit.Record) bool, error) {
			_, inner = l.Prune(t.Context(), shortKeep())
			return func(*audit.Record) bool { return false }, nil
		}
		if _, err := l.Prune(t.Context(), keep); err != nil || !errors.Is(inner, audit.ErrPruning) {
			t.Errorf("one: %v, the other: %v", err, inner)
		}
	})
}
