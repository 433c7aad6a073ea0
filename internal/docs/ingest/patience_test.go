package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/docs"
	"doorward/internal/docs/ingest"
)

// scripted answers with one error after the other, then with vectors.
type scripted struct {
	mu    sync.Mutex
	errs  []error
	asked []time.Duration // since the start
	start time.Time
}

func (*scripted) Model() docs.Model { return docs.Model{Kind: "test", Name: "test", Dimensions: 1} }
func (*scripted) Most() int         { return 8 }
func (*scripted) Close() error      { return nil }

func (s *scripted) Embed(_ context.Context, t docs.Texts) ([][]float32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Since(s.start))
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return nil, err
	}
	all := make([][]float32, len(t.All))
	for i := range all {
		all[i] = []float32{1}
	}
	return all, nil
}

func TestTheEmbedderIsLeftAloneWhenItAsks(t *testing.T) {
	later := func(d time.Duration) error { return &docs.LaterError{After: d, Err: errors.New("429")} }
	broken := errors.New("broken")
	for _, tc := range []struct {
		name     string
		errs     []error
		ok       bool
		asked    int
		min, max time.Duration // until the last question
	}{
		{"at once", nil, true, 1, 0, 0},
		{"as long as it says", []error{later(40 * time.Second)}, true, 2, 40 * time.Second, 44*time.Second + 1},
		{"longer each time", []error{later(0), later(0), later(0)}, true, 4, 3500 * time.Millisecond, 7 * time.Second},
		{"not for ever", []error{later(10 * time.Minute), later(10 * time.Minute)}, false, 2, 10 * time.Minute, 11*time.Minute + 1},
		{"not for hours", []error{later(5 * time.Hour)}, false, 1, 0, 0},
		{"a fault that passes", []error{broken, broken, broken}, true, 4, 3500 * time.Millisecond, 7 * time.Second},
		{"a fault that stays", []error{broken, broken, broken, broken, broken}, false, 4, 3500 * time.Millisecond, 7 * time.Second},
		{"a mismatch", []error{&docs.MismatchError{}}, false, 1, 0, 0},
		{"no key", []error{fmt.Errorf("asking: %w", docs.ErrNoKey)}, false, 1, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &scripted{errs: tc.errs, start: time.Now()}
				_, err := ingest.Patiently(t.Context(), e, []string{"a"})
				if (err == nil) != tc.ok || len(e.asked) != tc.asked {
					t.Fatalf("%v after %d questions", err, len(e.asked))
				}
				if last := e.asked[len(e.asked)-1]; last < tc.min || last > tc.max {
					t.Errorf("asked last after %s, want %s to %s", last, tc.min, tc.max)
				}
			})
		})
	}
}

func TestWaitingEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errStopped)
		defer cancel()
		start := time.Now()
		e := &scripted{errs: []error{&docs.LaterError{After: time.Minute, Err: errors.New("429")}}, start: start}
		if _, err := ingest.Patiently(ctx, e, []string{"a"}); !errors.Is(err, errStopped) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
