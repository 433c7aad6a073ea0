package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/gate"
	"doorward/internal/sink/form"
)

// Bounds of one batch. A sink holds one, and one line beyond it.
const (
	maxRecords = 500
	maxBytes   = 1 << 20
)

const (
	patience   = 10 * time.Second       // for a receiver to take a batch
	pollEvery  = 200 * time.Millisecond // how often a sink that has caught up looks for more
	watchEvery = 500 * time.Millisecond // how often it is looked whether a required sink is too far behind
	firstPause = 250 * time.Millisecond // after a try that failed; doubled each time
	maxPause   = 15 * time.Second
	maxAsked   = time.Minute // of a pause that a receiver asks for
)

// Log is the audit log, as sinks read it.
type Log interface {
	// Origin is its name; with a record's number its key.
	Origin() string
	// Newest is the number of the last record that is on record.
	Newest() uint64
	// Open reads from a record on, or from the oldest that there still is.
	Open(seq uint64) (Lines, error)
}

// Lines are the lines of a log, in order.
type Lines interface {
	// Seq is the number of the next one, unless that was pruned: then Next gives the first
	// behind it that was not.
	Seq() uint64
	// Next returns it, valid until the next call; false: there is none yet.
	Next() (line []byte, ok bool, err error)
	io.Closer
}

// Receiver takes batches. One goroutine uses it.
type Receiver interface {
	// Deliver returns nil when the receiver has taken every record. It ends soon
	// after ctx does. Its error says nothing of a credential, of a record and of what
	// the receiver said.
	Deliver(ctx context.Context, batch []form.Record) error
	io.Closer
}

// Config is what one sink is made of. Name and Receiver are required.
type Config struct {
	Name     string // names its file, too: lower-case letters, digits and hyphens
	Receiver Receiver
	Required bool          // calls are refused while it is too far behind
	Lag      time.Duration // how far: the age of the oldest record that it does not have,
	Records  uint64        // or how many it does not have
}

// sink is one sink at work. Its goroutine alone uses what mu does not guard.
type sink struct {
	Config
	log    Log
	record func(context.Context, gate.Event) error
	said   *slog.Logger
	places *Positions
	drain  <-chan struct{}

	lines   Lines
	opened  time.Time // lines
	at      position
	unsaved bool          // at is ahead of its file
	pending []form.Record // read and not taken yet
	bytes   int           // of their lines
	limit   int           // records a batch; smaller for a receiver that says too many
	gone    missed        // and not on record yet

	mu       sync.Mutex
	next     uint64    // the first record that the receiver does not have
	oldest   time.Time // of that record; zero: there is none, or it was not read yet
	failing  time.Time // since when tries fail; zero: the last did not
	failures uint64    // since the start

	refused atomic.Pointer[Status] // as it was when a call was first refused since the watch looked; nil: none was
	behind  bool                   // as it was last put on record; the Set's watch alone uses it
}

// run delivers until ctx ends, or drain is closed and everything was delivered or a
// try fails.
func (s *sink) run(ctx context.Context) {
	pause := time.Duration(0)
	for tries := 0; s.wait(ctx, pause); {
		n, err := s.step(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			tries++
			s.failed(ctx, err)
			s.stale()
			pause = pauseAfter(tries, err)
		case n == 0:
			tries, pause = 0, pollEvery
		default:
			tries, pause = 0, 0
			s.succeeded(ctx)
		}
		if s.draining() && (err != nil || n == 0) {
			break
		}
	}
	if s.lines != nil {
		s.lines.Close()
	}
	if err := s.Receiver.Close(); err != nil {
		s.said.DebugContext(ctx, "closing an audit sink", "sink", s.Name, "error", err)
	}
}

// wait pauses, and tells whether to go on.
func (s *sink) wait(ctx context.Context, pause time.Duration) bool {
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-s.drain:
		case <-timer.C:
		}
	}
	return ctx.Err() == nil
}

func (s *sink) draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}

// pauseAfter is the pause after so many tries that failed, give or take a fifth, so
// that many gateways do not come back at once.
func pauseAfter(tries int, err error) time.Duration {
	pause := maxPause
	if doublings := tries - 1; doublings < 6 { // 250 ms × 2^6 is above maxPause
		pause = min(maxPause, firstPause<<doublings)
	}
	pause += rand.N(2*pause/5) - pause/5 //nolint:gosec // jitter, not a secret
	var asks interface{ Wait() time.Duration }
	if errors.As(err, &asks) {
		pause = max(pause, min(asks.Wait(), maxAsked))
	}
	return pause
}

// step delivers one batch and returns how many records were in it.
func (s *sink) step(ctx context.Context) (int, error) {
	if s.unsaved {
		if err := s.save(); err != nil {
			return 0, err
		}
	}
	if err := s.fill(ctx); err != nil {
		return 0, err
	}
	if len(s.pending) == 0 {
		s.tell(ctx, true)
		return 0, nil
	}
	batch := s.pending[:min(s.limit, len(s.pending))]
	err := s.deliver(ctx, batch)
	for tooMuch(err) && len(batch) > 1 {
		s.limit = len(batch) / 2
		batch = batch[:s.limit]
		err = s.deliver(ctx, batch)
	}
	if err != nil {
		return 0, err
	}
	s.at = s.at.after(&batch[len(batch)-1])
	s.taken(len(batch))
	s.unsaved = true
	s.tell(ctx, false)
	return len(batch), s.save()
}

func (s *sink) deliver(ctx context.Context, batch []form.Record) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.Receiver.Deliver(ctx, batch)
}

// tooMuch tells whether a receiver says that a batch is too large for it (RFC 9110,
// section 15.5.14).
func tooMuch(err error) bool {
	var answered interface{ StatusCode() int }
	const contentTooLarge = 413
	return errors.As(err, &answered) && answered.StatusCode() == contentTooLarge
}

// taken forgets the first n pending records.
func (s *sink) taken(n int) {
	for i := range n {
		s.bytes -= len(s.pending[i].Line)
	}
	s.pending = append([]form.Record(nil), s.pending[n:]...) // what was taken is not kept alive
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.oldest = s.at.next, time.Time{}
	if len(s.pending) > 0 {
		s.oldest = s.pending[0].Time
	}
}

func (s *sink) save() error {
	if err := s.places.save(s.Name, s.at); err != nil {
		return err
	}
	s.unsaved = false
	return nil
}

// fill reads what is on record until a batch is full.
func (s *sink) fill(ctx context.Context) error {
	if s.lines == nil {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	newest := s.log.Newest()
	for len(s.pending) < maxRecords && s.bytes < maxBytes && s.lines.Seq() <= newest {
		ok, err := s.read()
		if err != nil {
			s.letGo()
			return err
		}
		if !ok {
			return nil
		}
	}
	return nil
}

// read reads one record; false: there is none yet.
func (s *sink) read() (bool, error) {
	want := s.lines.Seq()
	line, ok, err := s.lines.Next()
	if err != nil || !ok {
		return false, err
	}
	r, err := form.Parse(s.log.Origin(), bytes.Clone(line))
	if err != nil {
		return false, err
	}
	if r.Seq < want || r.Seq+1 != s.lines.Seq() {
		return false, fmt.Errorf("the audit log has record %d in the place of record %d", r.Seq, want)
	}
	if r.Seq > want {
		s.missed(&s.at, want, r.Seq-1)
	}
	s.pending = append(s.pending, r)
	s.bytes += len(r.Line)
	if len(s.pending) == 1 {
		s.mu.Lock()
		s.oldest = r.Time
		s.mu.Unlock()
	}
	return true, nil
}

// open finds the record to go on from.
func (s *sink) open(ctx context.Context) error {
	at, err := s.resume(ctx)
	if err != nil {
		return err
	}
	lines, err := s.log.Open(at.next)
	if err != nil {
		return err
	}
	if from := lines.Seq(); from > at.next {
		s.missed(&at, at.next, from-1)
		at.next = from
	}
	s.lines, s.opened, s.at = lines, time.Now(), at
	s.mu.Lock()
	s.next = at.next
	s.mu.Unlock()
	return nil
}

// resume is where the sink was. Where its position is not one that this gateway wrote,
// or the log does not hold what the receiver got last, because it has lost records (a loss of
// power, with durability: process) or was changed, everything is sent again, and whoever
// keeps both has the evidence.
func (s *sink) resume(ctx context.Context) (position, error) {
	at, ok, err := s.places.load(s.Name)
	switch {
	case err != nil:
		return at, err
	case !ok:
		newest := s.log.Newest()
		why := "its position was not written by this gateway for this log, and which records before %d it has is not known; every one that the log still has is sent again"
		return s.again(ctx, "audit.sink_distrusted", fmt.Sprintf(why, newest+1), newest)
	case at.next == 1:
		return at, nil
	}
	lines, err := s.log.Open(at.next - 1)
	if err != nil {
		return at, err
	}
	defer lines.Close()
	if lines.Seq() >= at.next {
		return at, nil // no longer there, or the last one delivered is the oldest that is gone
	}
	if lines.Seq() == at.next-1 {
		line, ok, err := lines.Next()
		if err != nil {
			return at, err
		}
		if ok {
			if r, err := form.Parse(s.log.Origin(), line); err == nil && r.Digest() == at.head {
				return at, nil
			}
		}
	}
	return s.again(ctx, "audit.sink_diverged", fmt.Sprintf("the log does not hold record %d as it was delivered; every record is sent again", at.next-1), 0)
}

// again begins with the first record, and puts on record why, once: from then on that is
// the position. What it has of the records up to doubt is not known.
func (s *sink) again(ctx context.Context, kind, why string, doubt uint64) (position, error) {
	err := s.record(context.WithoutCancel(ctx), gate.Event{Kind: kind, Actor: "doorward", Status: "failed", Detail: s.Name + ": " + why})
	if err != nil {
		return position{}, fmt.Errorf("recording that %s begins anew: %w", s.Name, err)
	}
	at := first()
	at.doubt = doubt
	return at, s.places.save(s.Name, at)
}
