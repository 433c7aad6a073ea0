package anchor_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/anchor"
	"doorward/internal/gate"
)

// paper is a log and a place without a disk, for tests of time.
type paper struct {
	mu     sync.Mutex
	size   uint64
	fails  bool
	last   string        // note of another log
	slow   time.Duration // that it takes to find out
	taken  []uint64
	events []string
	start  time.Time
	at     []time.Duration // of the events
}

func (p *paper) set(size uint64, fails bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size, p.fails = size, fails
}

// Newest implements anchor.Log.
func (p *paper) Newest(context.Context) (anchor.Checkpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := strings.Repeat("i", int(p.size))
	return anchor.Checkpoint{Origin: "log", Size: p.size, Note: "log\n" + text + "\nroot\n\n\u2014 log sig\n"}, nil
}

// Consistency implements anchor.Log.
func (p *paper) Consistency(context.Context, uint64, anchor.Checkpoint) ([]string, error) {
	return nil, nil
}

// Compare implements anchor.Log.
func (p *paper) Compare(ctx context.Context, _ string) (uint64, bool, error) {
	select {
	case <-time.After(p.slow):
		return 7, false, nil
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// Take implements anchor.Place.
func (p *paper) Take(_ context.Context, c anchor.Checkpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails {
		return errors.New("it is away")
	}
	p.taken = append(p.taken, c.Size)
	return nil
}

// Last implements anchor.Place.
func (p *paper) Last(context.Context, string) (string, error) { return p.last, nil }

func (p *paper) record(_ context.Context, e gate.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e.Kind)
	p.at = append(p.at, time.Since(p.start).Round(time.Second))
	return nil
}

func (p *paper) keeper(t *testing.T, every time.Duration) *anchor.Keeper {
	t.Helper()
	k, err := anchor.New(anchor.Config{
		Log: p, Anchors: []anchor.Anchor{{Name: "paper", Place: p, Every: every}}, Every: 10 * time.Second, AlertAfter: 10 * time.Minute,
		Record: p.record, Said: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = k.Begin(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Failure is on record once, told once after its time, and its end is on record; what
// came meanwhile is taken then.
func TestFailuresAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{size: 1, start: time.Now()}
		k := p.keeper(t, 0)
		k.Start(t.Context())
		time.Sleep(15 * time.Second)
		p.set(2, true)
		time.Sleep(time.Hour)
		if st := k.Stats()[0]; !st.Failing || st.Failures < 50 || st.Failures > 90 {
			t.Errorf("stands %+v after an hour", st)
		}
		p.set(3, false)
		time.Sleep(2 * time.Minute)
		p.set(4, false)
		k.Close(t.Context())
		if !slices.Equal(p.taken, []uint64{1, 3, 4}) {
			t.Errorf("taken %v", p.taken)
		}
		if !slices.Equal(p.events, []string{"audit.anchor_failed", "audit.anchor_behind", "audit.anchor_resumed"}) {
			t.Errorf("told %v", p.events)
		}
		if behind := p.at[1] - p.at[0]; behind < 10*time.Minute || behind > 10*time.Minute+2*time.Second {
			t.Errorf("told after %v", behind)
		}
	})
}

// An anchor gets no more than it asked for, nothing twice, and the end of the log.
func TestAnAnchorHasATimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{size: 1, start: time.Now()}
		k := p.keeper(t, time.Minute)
		k.Start(t.Context())
		for n := range uint64(30) {
			p.set(n+1, false)
			time.Sleep(10 * time.Second)
		}
		time.Sleep(5 * time.Minute)
		p.set(99, false)
		k.Close(t.Context())
		k.Close(t.Context())
		if n := len(p.taken); n < 6 || n > 8 || p.taken[n-1] != 99 || p.taken[n-2] != 30 {
			t.Errorf("taken %v", p.taken)
		}
	})
}

// A log that is so long that comparing it takes minutes does not pass for that.
func TestALongComparison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paper{size: 9, last: "another", slow: time.Hour}
		k, err := anchor.New(anchor.Config{
			Log: p, Anchors: []anchor.Anchor{{Name: "paper", Place: p}}, Every: time.Second, AlertAfter: time.Second,
			Record: p.record, Said: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := errors.AsType[*anchor.Misfit](k.Begin(t.Context())); !ok || m.Seen != 7 || m.Have != 9 {
			t.Errorf("began: %v", m)
		}
		if len(p.taken) > 0 {
			t.Errorf("taken %v", p.taken)
		}
	})
}

// A witness that is away is no reason for an alert while enough others cosign.
func TestAQuorum(t *testing.T) {
	for name, tc := range map[string]struct {
		quorum int
		kept   bool
	}{"one of two": {1, true}, "both": {2, false}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			up, down := h.station("up.example.com"), h.station("down.example.com")
			down.Down(true)
			h.write(3, "call")
			k := begin(t, h, anchor.Config{Witnesses: []*anchor.Witness{up.client(t), down.client(t)}, Quorum: tc.quorum})
			c, err := k.Now(t.Context())
			if err != nil || strings.Count(c.Note, "\u2014 ") != 2 || (h.kept == c.Note) != tc.kept {
				t.Errorf("a note %q, kept %q: %v", c.Note, h.kept, err)
			}
			down.Down(false)
			c, err = k.Now(t.Context())
			if err != nil || strings.Count(c.Note, "\u2014 ") != 3 || h.kept != c.Note {
				t.Errorf("a note %q, kept %q: %v", c.Note, h.kept, err)
			}
			before := up.Asked() + down.Asked()
			if _, err := k.Now(t.Context()); err != nil || up.Asked()+down.Asked() != before {
				t.Errorf("asked again for what is cosigned: %v", err)
			}
		})
	}
}

func TestKeepersThatCannotBe(t *testing.T) {
	p := &paper{}
	good := anchor.Config{Log: p, Every: time.Second, AlertAfter: time.Second, Record: p.record, Said: slog.New(slog.DiscardHandler)}
	if _, err := anchor.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *anchor.Config){
		"no log":               func(c *anchor.Config) { c.Log = nil },
		"no time":              func(c *anchor.Config) { c.Every = 0 },
		"no record":            func(c *anchor.Config) { c.Record = nil },
		"a quorum of nobody":   func(c *anchor.Config) { c.Quorum = 1 },
		"nobody":               func(c *anchor.Config) { c.Witnesses, c.Quorum = []*anchor.Witness{nil}, 1 },
		"no place":             func(c *anchor.Config) { c.Anchors = []anchor.Anchor{{Name: "a"}} },
		"two of the same name": func(c *anchor.Config) { c.Anchors = []anchor.Anchor{{Name: "a", Place: p}, {Name: "a", Place: p}} },
	} {
		c := good
		change(&c)
		if _, err := anchor.New(c); err == nil {
			t.Errorf("%s: a keeper was made", name)
		}
	}
}
