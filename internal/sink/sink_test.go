package sink_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/audit"
	"doorward/internal/sink"
)

var errDown = errors.New("it is down")

func down(context.Context) error { return errDown }

// hangs until it is told to give up.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// DUR-08: a receiver that is down for an hour gets everything, in order and once by
// key, across a restart; a required one refuses calls meanwhile, another never.
func TestDUR08DownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		must, may := &memory{}, &memory{}
		required := h.sink("must", must)
		required.Required = true
		h.start(required, h.sink("may", may))
		h.write(10)
		time.Sleep(time.Second)
		h.holds(must.lines())

		must.do(down)
		may.do(down)
		refused := 0
		for minute := range 60 {
			h.write(50)
			time.Sleep(time.Minute)
			if h.set.Ready() != nil {
				refused++
			}
			if minute == 30 { // a restart in between
				h.stop(time.Second)
				h.start(required, h.sink("may", may))
			}
		}
		if refused != 60 {
			t.Errorf("calls were refused in %d of 60 minutes", refused)
		}
		must.do(nil)
		time.Sleep(20 * time.Second)
		if err := h.set.Ready(); err != nil {
			t.Errorf("the required one is back: %v", err)
		}
		may.do(nil)
		time.Sleep(20 * time.Second)
		h.stop(time.Second)
		for name, m := range map[string]*memory{"must": must, "may": may} {
			got := m.lines()
			if kept := once(t, got); len(kept) != len(got) {
				t.Errorf("%s: %d of %d came twice", name, len(got)-len(kept), len(got))
			}
			h.holds(got)
			if uint64(len(got)) != h.log.Stats().Size {
				t.Errorf("%s has %d of %d", name, len(got), h.log.Stats().Size)
			}
		}
		if n := len(h.events("audit.sink_behind")); n < 1 || n > 2 { // once for each start
			t.Errorf("it was said %d times that calls are refused", n)
		}
		h.close()
	})
}

// DUR-07: what errors and what hangs, each alone and both, refuses calls where it is
// required, after its lag and not before, and nowhere else.
func TestDUR07ErrorsAndHangs(t *testing.T) {
	for _, tc := range []struct {
		name      string
		one, two  func(context.Context) error
		oneMust   bool
		wantReady bool
	}{
		{"one errs", down, nil, false, true},
		{"one hangs", hangs, nil, false, true},
		{"both err", down, down, false, true},
		{"one errs, one hangs", down, hangs, false, true},
		{"a required one errs", down, nil, true, false},
		{"a required one hangs", hangs, nil, true, false},
		{"a required one errs, the other hangs", down, hangs, true, false},
		{"the other hangs", nil, hangs, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				one, two := &memory{does: tc.one}, &memory{does: tc.two}
				first := h.sink("one", one)
				first.Required = tc.oneMust
				h.start(first, h.sink("two", two))
				h.write(5)
				time.Sleep(25 * time.Second)
				if err := h.set.Ready(); err != nil {
					t.Errorf("before the lag: %v", err)
				}
				time.Sleep(10 * time.Second)
				err := h.set.Ready()
				if (err == nil) != tc.wantReady || err != nil && !errors.Is(err, sink.ErrBehind) {
					t.Errorf("after the lag: %v", err)
				}
				for i, m := range []*memory{one, two} {
					if failing := m.does != nil; h.set.Stats()[i].Failing != failing || (h.set.Stats()[i].Failures > 0) != failing {
						t.Errorf("sink %d: %+v", i, h.set.Stats()[i])
					}
				}
				one.do(nil)
				two.do(nil)
				time.Sleep(40 * time.Second)
				if err := h.set.Ready(); err != nil {
					t.Errorf("when both are back: %v", err)
				}
				h.holds(one.lines())
				h.holds(two.lines())
				h.close()
			})
		})
	}
}

// A change of state is said and recorded once, however often the try fails.
func TestAChangeIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := &memory{does: down}
		h.start(h.sink("copy", m))
		time.Sleep(10 * time.Minute)
		m.do(nil)
		time.Sleep(time.Minute)
		if n := h.set.Stats()[0].Failures; n < 30 || n > 60 {
			t.Errorf("%d tries in ten minutes", n)
		}
		if failed, again := h.events("audit.sink_failed"), h.events("audit.sink_resumed"); len(failed) != 1 || len(again) != 1 || failed[0] != "copy: it is down" {
			t.Errorf("recorded %q and %q", failed, again)
		}
		if n := strings.Count(h.said.text(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, h.said.text())
		}
		h.close()
	})
}

// How many records it may be behind is a bound of its own.
func TestBehindByRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		c := h.sink("copy", &memory{does: down})
		c.Required, c.Records = true, 100
		h.start(c)
		h.write(50)
		time.Sleep(time.Second)
		if err := h.set.Ready(); err != nil {
			t.Error(err)
		}
		h.write(100)
		if err := h.set.Ready(); !errors.Is(err, sink.ErrBehind) || !strings.Contains(err.Error(), "copy by ") {
			t.Errorf("%v", err)
		}
		h.close()
	})
}

// The zero Set, and one whose log cannot be read, refuse.
func TestWhatIsNotThereRefuses(t *testing.T) {
	var none *sink.Set
	if !errors.Is(none.Ready(), sink.ErrBehind) {
		t.Error("a set that was never made is ready")
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		c := h.sink("copy", &memory{})
		c.Required = true
		h.start(c)
		time.Sleep(time.Second)
		h.stop(time.Second)
		if err := os.WriteFile(filepath.Join(h.logDir(), "audit-00000002.jsonl"), []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.start(c)
		h.write(5)
		time.Sleep(45 * time.Second)
		if !errors.Is(h.set.Ready(), sink.ErrBehind) {
			t.Error("a log that cannot be read is no lag")
		}
		h.stop(time.Second)
		_ = h.log.Close()
	})
}

// A batch is at most 500 records, and of long ones 1 MiB and one line.
func TestBatchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.write(1700)
		m := &memory{}
		h.start(h.sink("copy", m))
		time.Sleep(2 * time.Second)
		h.holds(m.lines())
		if m.most != 500 {
			t.Errorf("a batch of %d", m.most)
		}
		h.close()
	})
}

type tooLarge struct{ error }

func (tooLarge) StatusCode() int { return 413 }

// A receiver that says that a batch is too large for it gets smaller ones.
func TestSmallerBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.write(300)
		m := &memory{}
		tries := 0
		m.do(func(context.Context) error {
			if tries++; tries <= 6 {
				return tooLarge{errDown}
			}
			return nil
		})
		h.start(h.sink("copy", m))
		time.Sleep(5 * time.Second)
		h.holds(m.lines())
		if h.set.Stats()[0].Failures != 0 {
			t.Error("that counts as a failure")
		}
		h.close()
	})
}

type busy struct{ error }

func (busy) Wait() time.Duration { return 40 * time.Second }

func TestAPauseThatIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := &memory{does: func(context.Context) error { return busy{errDown} }}
		h.start(h.sink("copy", m))
		time.Sleep(3 * time.Minute)
		if n := h.set.Stats()[0].Failures; n < 4 || n > 5 {
			t.Errorf("%d tries in three minutes", n)
		}
		h.close()
	})
}

// What is on record when the gateway stops is delivered before it ends; a receiver
// that hangs does not hold it up.
func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		good, bad := &memory{}, &memory{does: hangs}
		h.start(h.sink("good", good), h.sink("bad", bad))
		time.Sleep(time.Second)
		h.write(1200)
		began := time.Now()
		h.stop(5 * time.Second)
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		if got := good.lines(); len(got) < 1200 {
			t.Errorf("%d were delivered", len(got))
		}
		h.holds(good.lines())
		if good.closed != 1 || bad.closed != 1 {
			t.Errorf("closed %d and %d times", good.closed, bad.closed)
		}
		_ = h.log.Close()
	})
}

// What the receiver got last must be in the log: where it is not, everything is sent
// again, and that is on record.
func TestALogThatLostRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := &memory{}
		h.start(h.sink("copy", m))
		h.write(20)
		time.Sleep(time.Second)
		h.stop(time.Second)
		_ = h.log.Close()
		before := m.lines()
		segment := filepath.Join(h.logDir(), "audit-00000001.jsonl")
		text, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		kept := strings.Join(strings.SplitAfter(string(text), "\n")[:10], "")
		if err := errors.Join(os.WriteFile(segment, []byte(kept), 0o600), os.Remove(filepath.Join(h.logDir(), "checkpoint"))); err != nil {
			t.Fatal(err)
		}
		h.openLog()
		h.write(30)
		h.start(h.sink("copy", m))
		time.Sleep(time.Second)
		h.stop(time.Second)
		if got := h.events("audit.sink_diverged"); len(got) != 1 {
			t.Errorf("recorded: %q", got)
		}
		h.holds(m.lines()[len(before):])
		h.close()
	})
}

// Records that are no longer in the log are missed, and that is on record.
func TestAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.write(1000)
		if err := os.Remove(filepath.Join(h.logDir(), "audit-00000001.jsonl")); err != nil {
			t.Fatal(err)
		}
		m := &memory{}
		h.start(h.sink("copy", m))
		time.Sleep(time.Second)
		if got := h.events("audit.sink_gap"); len(got) != 1 || !strings.HasPrefix(got[0], "copy: records 1 to ") {
			t.Errorf("recorded: %q", got)
		}
		if len(m.lines()) < 100 {
			t.Errorf("%d were delivered", len(m.lines()))
		}
		h.stop(time.Second)
		_ = h.log.Close()
	})
}

// What was pruned while a receiver was away is missed, and what was not is delivered.
func TestPrunedWhileItWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := &memory{}
		h.start(h.sink("copy", m))
		h.write(100)
		time.Sleep(time.Second)
		m.do(down)
		before := len(m.lines())
		h.write(600)
		time.Sleep(3 * time.Hour)
		gone, err := h.log.Prune(t.Context(), audit.Retention{Keep: map[audit.Class]time.Duration{audit.Events: time.Hour}})
		if err != nil || len(gone) < 2 {
			t.Fatalf("pruned: %+v, %v", gone, err)
		}
		time.Sleep(2 * time.Hour)
		m.do(nil)
		time.Sleep(2 * time.Minute)
		h.stop(time.Second)
		if events := h.events("audit.sink_gap"); len(events) != 1 {
			t.Errorf("recorded: %q", events)
		}
		got := m.lines()
		last, err := audit.ParseRecord([]byte(got[before-1]))
		if err != nil {
			t.Fatal(err)
		}
		kept := slices.DeleteFunc(h.lines(), func(line string) bool {
			r, err := audit.ParseRecord([]byte(line))
			return err != nil || r.Seq <= last.Seq
		})
		if len(kept) < 5 || !slices.Equal(got[before:], kept) {
			t.Errorf("delivered since: %d, want %d", len(got)-before, len(kept))
		}
		_ = h.log.Close()
	})
}

func TestBadPositions(t *testing.T) {
	for _, text := range []string{"", "x", "0 \n", "1  01 ab\n", "1  -1 ab\n", "1  1 2 ab\n", "-1 \n", "2", "2 ab", "02 ab\n", "2 ab\n\n", "1 ", "1  ab", strings.Repeat("1", 200)} {
		h := newHouse(t)
		dir := filepath.Join(h.logDir(), "sinks")
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "copy"), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		_, err := sink.NewSet(sink.SetConfig{Dir: dir, Key: positionsKey, Source: source{h}, Sinks: []sink.Config{h.sink("copy", &memory{})}, Record: h.log.Event, Log: discard()})
		if err == nil {
			t.Errorf("%q is a position", text)
		}
		_ = h.log.Close()
	}
}

func TestBadSets(t *testing.T) {
	h := newHouse(t)
	defer func() { _ = h.log.Close() }()
	good := sink.SetConfig{Dir: t.TempDir(), Key: positionsKey, Source: source{h}, Record: h.log.Event, Log: discard()}
	for i, change := range []func(*sink.SetConfig){
		func(c *sink.SetConfig) { c.Dir = "" },
		func(c *sink.SetConfig) { c.Key = [sha256.Size]byte{} },
		func(c *sink.SetConfig) { c.Source = nil },
		func(c *sink.SetConfig) { c.Record = nil },
		func(c *sink.SetConfig) { c.Log = nil },
		func(c *sink.SetConfig) { c.Sinks = []sink.Config{{Name: "a"}} },
		func(c *sink.SetConfig) { c.Sinks = []sink.Config{h.sink("", &memory{})} },
		func(c *sink.SetConfig) { c.Sinks = []sink.Config{h.sink("../x", &memory{})} },
		func(c *sink.SetConfig) { c.Sinks = []sink.Config{h.sink("a", &memory{}), h.sink("a", &memory{})} },
	} {
		c := good
		change(&c)
		if _, err := sink.NewSet(c); err == nil {
			t.Errorf("%d is taken", i)
		}
	}
	if set, err := sink.NewSet(good); err != nil || set.Ready() != nil || len(set.Stats()) != 0 {
		t.Errorf("no sinks: %v", err)
	}
}

// A position that cannot be written is a failure, and nothing is delivered again
// and again because of it.
func TestThePositionCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m := &memory{}
		h.start(h.sink("copy", m))
		time.Sleep(time.Second)
		dir := filepath.Join(h.logDir(), "sinks")
		if err := os.Rename(dir, dir+"-away"); err != nil {
			t.Fatal(err)
		}
		h.write(1)
		time.Sleep(time.Minute)
		if st := h.set.Stats()[0]; !st.Failing {
			t.Errorf("%+v", st)
		}
		if err := os.Rename(dir+"-away", dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if st := h.set.Stats()[0]; st.Failing || st.Lag != 0 {
			t.Errorf("%+v", st)
		}
		h.holds(m.lines())
		if got, _ := os.ReadFile(filepath.Join(dir, "copy")); !strings.HasPrefix(string(got), fmt.Sprint(len(m.lines())+1)+" ") {
			t.Errorf("the position is %q", got)
		}
		h.close()
	})
}

// A sink that was too far behind for a moment between two looks of the watch has refused calls:
// that they began and ended to be is on record.
func TestBehindForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		c := h.sink("copy", &memory{})
		c.Required, c.Records = true, 100
		h.start(c)
		time.Sleep(1050 * time.Millisecond) // the watch looks twice a second, the sink five times
		h.write(150)
		if err := h.set.Ready(); !errors.Is(err, sink.ErrBehind) {
			t.Errorf("%v", err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := h.set.Ready(); err != nil {
			t.Errorf("it has all of them: %v", err)
		}
		time.Sleep(10 * time.Second)
		behind, again := h.events("audit.sink_behind"), h.events("audit.sink_caught_up")
		if len(behind) != 1 || !strings.HasPrefix(behind[0], "copy: 15") || len(again) != 1 {
			t.Errorf("recorded %q and %q", behind, again)
		}
		h.close()
	})
}
