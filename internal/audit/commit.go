package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"doorward/internal/gate"
)

// Bounds of the queue and of one write. A batch is written by whoever finds the
// log idle; the next one is then led by the first who waited, so that nobody
// works for others longer than one write.
const (
	maxQueue   = 8192
	maxQueued  = 64 << 20 // bytes of the lines that wait
	maxBatch   = 1 << 20
	maxEntries = 1024
	// maxSpare is the longest line whose memory an entry keeps for the next one:
	// room for 32 KiB of sealed arguments.
	maxSpare = 64 << 10
	minSpare = 1 << 10
)

// entry is one record on its way. The caller owns it except while it is queued.
type entry struct {
	rec  Record
	line []byte // encoded, with gaps
	gaps gaps
	keeper
	role chan role // capacity 1: a leader never waits for a follower
	err  error
	// settled: role has been sent. Guarded by Log.mu.
	settled bool
}

// role is what a waiting caller is told.
type role uint8

const (
	follow role = iota // your record is written, or err says why not
	lead               // write yours and those that wait
)

func newEntry(k keeper) *entry {
	return &entry{keeper: k, role: make(chan role, 1), line: make([]byte, 0, minSpare)}
}

// write encodes one record and waits until it is durable.
func (l *Log) write(ctx context.Context, fill func(*entry) error) error {
	e := l.pool.Get().(*entry) //nolint:forcetypeassert // the pool holds nothing else
	e.rec, e.err, e.settled = Record{Time: time.Now()}, nil, false
	back, err := true, fill(e)
	if err == nil {
		e.line, e.gaps = appendRecord(e.line[:0], &e.rec)
		back, err = l.submit(ctx, e)
	}
	if back {
		e.rec = Record{} // keeps no caller's text alive
		e.note.begin(nil)
		if cap(e.line) > maxSpare {
			e.line = make([]byte, 0, minSpare)
		}
		l.pool.Put(e)
	}
	if err == nil {
		return nil
	}
	return &gate.Error{Code: gate.CodeAudit, Public: "the audit log cannot be written", Op: "recording", Err: err}
}

// submit leads or follows. back tells whether the entry is the caller's again.
func (l *Log) submit(ctx context.Context, e *entry) (back bool, err error) {
	l.mu.Lock()
	switch {
	case l.fatal != nil:
		err = l.fatal
	case l.hidden != nil:
		err = l.hidden
	case l.stop:
		err = errClosed
	case len(l.queue) >= maxQueue, l.bytes+len(e.line) > maxQueued:
		err = errTooMany
	case l.busy:
		l.queue = append(l.queue, e)
		l.bytes += len(e.line)
		l.mu.Unlock()
		return l.await(ctx, e)
	default:
		l.busy = true
		l.mu.Unlock()
		return true, l.lead(e)
	}
	l.mu.Unlock()
	return true, err
}

func (l *Log) await(ctx context.Context, e *entry) (back bool, err error) {
	select {
	case r := <-e.role:
		return true, l.act(r, e)
	case <-ctx.Done():
	}
	l.mu.Lock()
	if e.settled {
		l.mu.Unlock()
		return true, l.act(<-e.role, e)
	}
	// Either it still waits, and is taken back, or a leader is writing it, and
	// may keep it: a record that nobody waits for harms nobody.
	at := slices.Index(l.queue, e)
	if at >= 0 {
		l.unqueue(at, at+1)
	}
	l.mu.Unlock()
	return at >= 0, ctx.Err()
}

// unqueue takes out those that no longer wait. It needs Log.mu.
func (l *Log) unqueue(from, to int) {
	for _, e := range l.queue[from:to] {
		l.bytes -= len(e.line)
	}
	l.queue = slices.Delete(l.queue, from, to)
}

func (l *Log) act(r role, e *entry) error {
	if r == lead {
		return l.lead(e)
	}
	return e.err
}

// lead writes e and, with it, the first of those that wait; then it tells them
// and hands the lead on. Only the leader touches l.writer.
func (l *Log) lead(e *entry) error {
	w := &l.writer
	w.batch = append(w.batch[:0], e)
	l.mu.Lock()
	size := len(e.line)
	n := 0
	for n < len(l.queue) && n < maxEntries && size+len(l.queue[n].line) < maxBatch/2 {
		size += len(l.queue[n].line)
		n++
	}
	w.batch = append(w.batch, l.queue[:n]...)
	l.unqueue(0, n)
	fatal := l.fatal
	l.mu.Unlock()

	err := fatal
	if err == nil {
		err = w.commit()
	}

	l.mu.Lock()
	l.state, l.bad = w.state, err
	l.lapsed(err)
	if errors.Is(err, errSyncLost) && l.fatal == nil {
		l.fatal = err
	}
	for _, f := range w.batch[1:] {
		f.err = err
		f.tell(follow)
	}
	clear(w.batch) // before the next leader is told: from then on it is theirs
	switch {
	case len(l.queue) > 0:
		next := l.queue[0]
		l.unqueue(0, 1)
		next.tell(lead)
	default:
		l.busy = false
		if l.stop {
			close(l.idle)
		}
	}
	l.mu.Unlock()
	return err
}

// tell needs Log.mu.
func (e *entry) tell(r role) {
	e.settled = true
	e.role <- r
}

// Stats is what metrics and readiness read.
type Stats struct {
	Records uint64        // written since Open
	Bytes   uint64        // written since Open
	Size    uint64        // records in the log
	Queue   int           // records that wait
	Lag     time.Duration // age of the write in flight; 0 when there is none
	Behind  uint64        // records that no checkpoint covers yet
	Segment int           // number of the current segment
	// DiskUsed is how full the disk is that the log is on, in percent, as it was seen
	// last; 0 before that, and where the system does not say.
	DiskUsed int
	Err      error // why the last record was refused; nil when it was not
}

// Stats returns the log's state.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{
		Records: l.state.records, Bytes: l.state.bytes, Size: l.state.seq, Queue: len(l.queue),
		Behind: l.state.seq - min(l.saved.Size, l.state.seq), Segment: l.state.segment, Err: l.bad, DiskUsed: int(l.used.Load()),
	}
	switch {
	case l.fatal != nil:
		s.Err = l.fatal
	case l.hidden != nil:
		s.Err = l.hidden
	}
	if began := l.writing.Load(); began != 0 {
		s.Lag = max(0, time.Since(l.began)-time.Duration(began))
	}
	return s
}

// stalled is how long a write may take before the log counts as unhealthy.
const stalled = 5 * time.Second

// Healthy tells whether records can be written, for readiness.
func (l *Log) Healthy() error {
	s := l.Stats()
	switch {
	case s.Err != nil:
		return s.Err
	case s.Lag > stalled:
		return fmt.Errorf("a write to the audit log hangs since %s", s.Lag.Round(time.Second))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop {
		return errClosed
	}
	return nil
}
