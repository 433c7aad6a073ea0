package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// The events of start records.
const (
	startProcess = "process"
	startSegment = "segment"
)

// writer puts batches at the end of the chain. One goroutine at a time uses it:
// Open, then whoever leads.
type writer struct {
	cfg     *Config
	origin  string
	state   state
	batch   []*entry
	buf     []byte
	line    []byte    // of a segment's start record
	dirty   bool      // the file may hold bytes beyond state.off
	began   time.Time // see Log.began
	writing *atomic.Int64
	last    time.Time   // of the last record that was there
	turn    atomic.Bool // the next batch begins a segment, whatever room there is
	points  failpoints
}

// resume finds where the log ends and opens its last segment, without the
// incomplete record that a crash may have left; repaired is its length.
func (w *writer) resume(covered Checkpoint) (repaired int64, err error) {
	all, err := segments(w.cfg.Dir)
	if err != nil {
		return 0, err
	}
	t := tail{}
	for i, n := range slices.Backward(all) {
		if t, err = readTail(w.cfg.Dir, n); err != nil {
			return 0, err
		}
		if i == len(all)-1 {
			w.state.segment, w.state.off, repaired = n, t.whole, t.torn
		} else if t.torn > 0 {
			return 0, fmt.Errorf("%s: an incomplete record, and a later segment exists", segmentName(n))
		}
		if t.hole && covered.Size == 0 {
			return 0, &Fault{Segment: segmentName(n), Seq: t.last.Seq + 1, What: errHole.Error()}
		}
		if t.whole > 0 {
			w.state.seq, w.state.head, w.last = t.last.Seq, t.head, t.last.Time
			break
		}
	}
	if err := w.reconcile(covered); err != nil {
		return 0, err
	}
	create := len(all) == 0
	if create {
		w.state.segment = 1
	}
	if w.state.file, err = w.cfg.open(w.cfg.Dir, w.state.segment, create); err != nil {
		return 0, err
	}
	if repaired > 0 {
		if err := errors.Join(w.state.file.Truncate(w.state.off), w.state.file.Sync()); err != nil {
			w.state.file.Close()
			return 0, err
		}
	}
	return repaired, nil
}

// reconcile compares the end of the log with the checkpoint beside it. The log
// is synced before a checkpoint is written, so no crash can put it behind.
func (w *writer) reconcile(c Checkpoint) error {
	if c.Size > w.state.seq || c.Head != "" && c.Size == w.state.seq && c.Head != headText(w.state.head) {
		return fmt.Errorf("%w (checkpoint: %d records, log: %d)", ErrCutTail, c.Size, w.state.seq)
	}
	return nil
}

// commit writes the batch with one write. On any error none of it counts.
func (w *writer) commit() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errSyncLost, p)
		}
	}()
	if w.dirty {
		if err := w.state.file.Truncate(w.state.off); err != nil {
			return fmt.Errorf("dropping an incomplete record: %w", err)
		}
		w.dirty = false
	}
	size := 0
	for _, e := range w.batch {
		size += len(e.line) + 24 // seq, newline
	}
	next := w.state
	w.buf = w.buf[:0]
	if next.off > 0 && (next.off+int64(size) > w.cfg.SegmentBytes || w.turn.Load()) {
		if err := w.rotate(); err != nil {
			return err
		}
		w.turn.Store(false)
		next = w.state
	}
	if next.off == 0 && next.seq > 0 {
		w.startSegment(&next)
	}
	for _, e := range w.batch {
		w.chain(&next, e.line, e.gaps)
	}
	if err := w.put(); err != nil {
		return err
	}
	next.off += int64(len(w.buf))
	next.bytes += uint64(len(w.buf))
	w.state = next
	if cap(w.buf) > maxBatch {
		w.buf = nil
	}
	return nil
}

// put writes the buffer at the end and, if so configured, syncs it.
func (w *writer) put() error {
	w.writing.Store(int64(time.Since(w.began)) + 1)
	defer w.writing.Store(0)
	n, err := w.state.file.WriteAt(w.buf, w.state.off)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		if w.state.file.Truncate(w.state.off) != nil {
			w.dirty = true // tried again before the next record
		}
		return fmt.Errorf("writing %s: %w", segmentName(w.state.segment), err)
	}
	w.points.pass(pointWritten)
	if w.cfg.Durability != Power {
		return nil
	}
	return w.sync()
}

// sync makes the segment durable. After a failed sync the kernel may have
// dropped the pages and forgotten: trying again would report a success that is
// none, so it is final (PostgreSQL, data_sync_retry).
func (w *writer) sync() error {
	if err := w.state.file.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errSyncLost, err)
	}
	return nil
}

// chain appends a line to the buffer with its place in the chain filled in.
func (w *writer) chain(s *state, line []byte, g gaps) {
	from := len(w.buf)
	w.buf = append(w.buf, line[:g.seq]...)
	hex.Encode(w.buf[from+g.prev:], s.head[:])
	s.seq++
	s.records++
	w.buf = strconv.AppendUint(w.buf, s.seq, 10)
	w.buf = append(w.buf, line[g.seq:]...)
	s.head = sha256.Sum256(w.buf[from:])
	w.buf = append(w.buf, '\n')
}

// rotate makes the current segment durable and begins the next.
func (w *writer) rotate() error {
	if err := w.sync(); err != nil {
		return err
	}
	w.points.pass(pointRotation)
	f, err := w.cfg.open(w.cfg.Dir, w.state.segment+1, true)
	if err != nil {
		return fmt.Errorf("beginning a segment: %w", err)
	}
	w.points.pass(pointRotation)
	old := w.state.file
	w.state.file, w.state.off = f, 0
	w.state.segment++
	if err := old.Close(); err != nil {
		return fmt.Errorf("closing a segment: %w", err) // synced: nothing is lost
	}
	return nil
}

func (w *writer) startSegment(next *state) {
	r := Record{Time: time.Now(), Kind: KindStart, Event: startSegment, Format: Format, Origin: clip(w.origin, maxShort)}
	var g gaps
	w.line, g = appendRecord(w.line[:0], &r)
	w.chain(next, w.line, g)
}
