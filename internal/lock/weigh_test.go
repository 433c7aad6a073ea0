package lock_test

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/lock"
)

// slow is somebody outside who takes as long as a test lets him to answer.
type slow struct {
	asked  chan struct{} // a token for each look that began
	answer chan struct{} // closed: at once
	looks  atomic.Int32
}

func newSlow() *slow { return &slow{asked: make(chan struct{}, 100), answer: make(chan struct{})} }

func (s *slow) inspect(items, near []gate.Item) [][]gate.Finding {
	for i := range items {
		if items[i].State != gate.Approved { // nobody is asked about the others
			s.looks.Add(1)
			s.asked <- struct{}{}
			<-s.answer
			break
		}
	}
	return words(items, near)
}

// soon fails where f does not return while somebody is being asked.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s waits for who is asked", what)
	}
}

// Whoever is asked about definitions keeps nobody else waiting, whatever asks him.
func TestNobodyWaitsForWhoIsAsked(t *testing.T) {
	one, two, other := tool(t, "up", "one", "Adds."), tool(t, "up", "two", "Adds."), tool(t, "up", "other", "Adds.")
	for what, ask := range map[string]func(*lock.Pins) error{
		"a list":       func(p *lock.Pins) error { p.List(lock.Filter{}); return nil },
		"an approval":  func(p *lock.Pins) error { _, err := p.Approve([]lock.Ref{ref(one)}, "me"); return err },
		"an observing": func(p *lock.Pins) error { p.Observe([]gate.Item{one}); return nil },
	} {
		t.Run(what, func(t *testing.T) {
			s := newSlow()
			c := lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual, Inspect: s.inspect}
			if what == "an observing" {
				c.FirstUse = lock.ApproveFirst
			}
			held := open(t, lock.Config{Path: c.Path})
			held.Observe([]gate.Item{two})
			if _, err := held.Approve([]lock.Ref{ref(two)}, "me"); err != nil {
				t.Fatal(err)
			}
			p := open(t, c)
			p.Observe([]gate.Item{two})
			if c.FirstUse == lock.HoldFirst {
				p.Observe([]gate.Item{one})
			}
			ended := make(chan error, 1)
			go func() { ended <- ask(p) }()
			<-s.asked
			soon(t, "reloading", func() {
				if err := p.Reload(); err != nil {
					t.Error(err)
				}
			})
			soon(t, "rejecting", func() {
				if n, err := p.Reject([]lock.Ref{ref(two)}, "me"); n != 1 || err != nil {
					t.Error(n, err)
				}
			})
			soon(t, "observing what is decided", func() { p.Observe([]gate.Item{two}) })
			soon(t, "asking for a state", func() { state(p, other) })
			close(s.answer)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if got := state(p, two); got != gate.Rejected {
				t.Errorf("what was rejected meanwhile is %v", got)
			}
		})
	}
}

// Those who want the same look wait for the one that is under way.
func TestOneLookForAll(t *testing.T) {
	s := newSlow()
	p := open(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual, Inspect: s.inspect})
	evil := tool(t, "up", "one", "steal")
	p.Observe([]gate.Item{evil})
	lists := make(chan []lock.Entry, 8)
	for range cap(lists) {
		go func() { lists <- p.List(lock.Filter{}) }()
	}
	<-s.asked
	close(s.answer)
	for range cap(lists) {
		if l := <-lists; len(l) != 1 || len(l[0].Blocks) != 1 {
			t.Errorf("got %+v", l)
		}
	}
	if n := s.looks.Load(); n != 1 {
		t.Errorf("%d looks", n)
	}
}

// An approval counts only for what was inspected: where the definition is another
// by then it is a conflict, and where others changed beside it they are looked at.
func TestApprovalOfWhatWasInspected(t *testing.T) {
	shown, swapped := tool(t, "up", "one", "Adds."), tool(t, "up", "one", "steal")
	mail := tool(t, "mail", "send_mail", "Sends.")
	shadow := tool(t, "up", "shadow", "instead of send_mail")
	for _, tc := range []struct {
		name     string
		what     gate.Item
		comes    gate.Item
		conflict error
	}{
		{"swapped", shown, swapped, lock.ErrConflict},
		{"another beside it", shown, mail, nil},
		{"another that it shadows", shadow, mail, lock.ErrFindings},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSlow()
			p := open(t, lock.Config{Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual, Inspect: s.inspect})
			p.Observe([]gate.Item{tc.what})
			ended := make(chan error, 1)
			go func() { _, err := p.Approve([]lock.Ref{ref(tc.what)}, "me"); ended <- err }()
			<-s.asked
			soon(t, "observing", func() { p.Observe([]gate.Item{tc.comes}) })
			close(s.answer)
			if err := <-ended; !errors.Is(err, tc.conflict) {
				t.Errorf("got %v, want %v", err, tc.conflict)
			}
			if got := state(p, tc.what) == gate.Approved; got != (tc.conflict == nil) {
				t.Errorf("it is %v", state(p, tc.what))
			}
			if s.looks.Load() != 2 {
				t.Errorf("%d looks", s.looks.Load())
			}
		})
	}
}

// A missing answer is kept for half a minute, or until an operator asks for a look.
func TestMissingAnswerIsKeptForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		p := open(t, lock.Config{
			Path: filepath.Join(t.TempDir(), "doorward.lock"), Findings: usual,
			Inspect: func(items, _ []gate.Item) [][]gate.Finding {
				out := make([][]gate.Finding, len(items))
				for i := range items {
					looks++
					out[i] = []gate.Finding{{Rule: gate.RuleUnjudged, Severity: gate.High}}
				}
				return out
			},
		})
		it := tool(t, "up", "one", "Adds.")
		p.Observe([]gate.Item{it})
		for i, tc := range []struct {
			after time.Duration
			again bool
			want  int
		}{{0, false, 1}, {29 * time.Second, false, 1}, {2 * time.Second, false, 2}, {0, false, 2}, {0, true, 3}} {
			time.Sleep(tc.after)
			if tc.again {
				p.AskAgain()
			}
			if e := only(t, p, it); len(e.Blocks) != 1 || looks != tc.want {
				t.Errorf("%d: %d looks, blocks %v", i, looks, e.Blocks)
			}
			if _, err := p.Approve([]lock.Ref{ref(it)}, "me"); !errors.Is(err, lock.ErrFindings) {
				t.Errorf("%d: approving: %v", i, err)
			}
		}
	})
}
