package sink

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// SetConfig is what a Set is made of. All of it is required; Sinks may be empty.
type SetConfig struct {
	Dir    string            // of the sinks' positions; made with 0700 when missing
	Key    [sha256.Size]byte // of Positions
	Source Log
	Sinks  []Config
	Record func(context.Context, gate.Event) error // writes an event to the audit log
	Log    *slog.Logger
}

// Set is every sink of one log. Its owner calls Start once and Close in the end; it
// is safe for concurrent use.
type Set struct {
	all    []*sink
	must   []*sink // those that are required
	drain  chan struct{}
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
}

// ErrBehind is the error of a required sink that is too far behind.
var ErrBehind = errors.New("a required copy of the audit log is too far behind")

// NewSet makes the sinks. It reads nothing and asks nobody yet.
func NewSet(c SetConfig) (*Set, error) {
	if c.Dir == "" || c.Key == [sha256.Size]byte{} || c.Source == nil || c.Record == nil || c.Log == nil {
		return nil, errors.New("sink: directory, key, source, record and log are required")
	}
	places := &Positions{Dir: c.Dir, Key: c.Key, Origin: c.Source.Origin()}
	set := &Set{drain: make(chan struct{}), cancel: func() {}}
	for i, one := range c.Sinks {
		if one.Receiver == nil || !GoodName(one.Name) {
			return nil, fmt.Errorf("sink %q: a receiver and a good name are required", one.Name)
		}
		if slices.ContainsFunc(c.Sinks[:i], func(other Config) bool { return other.Name == one.Name }) {
			return nil, fmt.Errorf("sink %q: there are two of this name", one.Name)
		}
		set.all = append(set.all, &sink{
			Config: one, log: c.Source, record: c.Record, said: c.Log, places: places, drain: set.drain,
			limit: maxRecords, next: 1,
		})
		if one.Required {
			set.must = append(set.must, set.all[i])
		}
	}
	if len(c.Sinks) == 0 {
		return set, nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the sinks' directory: %w", err)
	}
	durable.Drop(c.Dir, "*")
	for _, s := range set.all {
		at, _, err := places.load(s.Name) // resume tells of one that counts for nothing
		if err != nil {
			return nil, err
		}
		s.next = at.next
	}
	return set, nil
}

// GoodName tells whether a sink may have this name: it names a file and labels
// metrics.
func GoodName(name string) bool {
	return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`).MatchString(name)
}

// Start begins to deliver, until Close or the end of ctx.
func (s *Set) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	for _, one := range s.all {
		s.wg.Go(func() { one.run(ctx) })
	}
	if len(s.must) > 0 {
		s.wg.Go(func() { s.watch(ctx) })
	}
}

// watch puts on record when required sinks begin and end to refuse calls.
func (s *Set) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.drain:
			return
		case <-tick.C:
			for _, one := range s.must {
				one.judge(ctx)
			}
		}
	}
}

// Close delivers what is on record as long as every receiver takes it and ctx lasts,
// and ends. What is left is delivered after the next start.
func (s *Set) Close(ctx context.Context) {
	s.closed.Do(func() {
		close(s.drain)
		done := make(chan struct{})
		go func() {
			s.wg.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
		s.cancel()
		<-done
	})
}

// Ready is nil while every required sink is close enough, and else wraps ErrBehind
// and names those that are not.
func (s *Set) Ready() error {
	if s == nil {
		return ErrBehind // not opened yet
	}
	if len(s.must) == 0 {
		return nil
	}
	var late []string
	now := time.Now()
	for _, one := range s.must {
		if st := one.status(now); st.Behind {
			one.refused.CompareAndSwap(nil, &st)
			late = append(late, fmt.Sprintf("%s by %d records and %v", st.Name, st.Lag, st.Age.Round(time.Second)))
		}
	}
	if late == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrBehind, strings.Join(late, ", "))
}

// Stats is how every sink does, in the order of the configuration.
func (s *Set) Stats() []Status {
	now := time.Now()
	out := make([]Status, 0, len(s.all))
	for _, one := range s.all {
		out = append(out, one.status(now))
	}
	return out
}
