package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// Where Prune may die; tests ask for it.
const (
	stepRecorded = "recorded" // what goes is on record
	stepDurable  = "durable"  // and covered by a checkpoint
	stepWriting  = "writing"  // a part of the new segment is written
	stepWritten  = "written"  // it is whole, and the old one still in its place
	stepReplaced = "replaced"
)

// ErrPruning means that the log is being pruned.
var ErrPruning = errors.New("the audit log is being pruned already")

// eventRotate begins a segment, so that what is due of the one before can be pruned.
const eventRotate = "audit.rotate"

// Prune removes what is due from the segments that are closed, oldest first, and says
// so on record before: a record for each segment. What stays is as it was, and provable
// as before. After a crash the log verifies, and the next Prune finishes. It returns
// what was removed so far also with an error. ErrPruning means that another one runs.
func (l *Log) Prune(ctx context.Context, t Retention) (done []DueSegment, err error) {
	if !l.pruning.TryLock() {
		return nil, ErrPruning
	}
	defer l.pruning.Unlock()
	if _, some := t.shortest(); !some {
		return nil, nil
	}
	now := time.Now()
	if err := l.turn(ctx, &t, now); err != nil {
		return nil, fmt.Errorf("pruning the audit log: %w", err)
	}
	open := l.lastSegment()
	if err := l.checkpoint(ctx); err != nil { // everything that is closed is in the tree, then
		return nil, err
	}
	err = t.old(l.cfg.Dir, now, func(n int, _ bool) error {
		if n >= open {
			return nil
		}
		s, err := l.pruneOne(ctx, n, &t, now)
		if err != nil || s.set.count == 0 {
			return err
		}
		done = append(done, s.DueSegment)
		return rest(ctx, t.Pause)
	})
	if err != nil {
		return done, fmt.Errorf("pruning the audit log: %w", err)
	}
	return done, nil
}

// pruneOne prunes a segment of what is due of it, if anything is.
func (l *Log) pruneOne(ctx context.Context, n int, t *Retention, now time.Time) (s surveyed, err error) {
	if t.Holding != nil {
		free, err := t.Holding(ctx)
		if err != nil {
			return s, err
		}
		defer free()
	}
	j, err := t.judge(now)
	if err != nil {
		return s, err
	}
	again := j
	if s, err = survey(ctx, l.cfg.Dir, n, &j); err != nil || s.set.count == 0 {
		return s, err
	}
	return s, l.pruneSegment(ctx, n, &s, &again)
}

func rest(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// lastSegment is the segment with the last record.
func (l *Log) lastSegment() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.off == 0 {
		return l.state.segment - 1
	}
	return l.state.segment
}

// turn begins a segment when records of the last one are due.
func (l *Log) turn(ctx context.Context, t *Retention, now time.Time) error {
	n := l.lastSegment()
	begun, err := begins(l.cfg.Dir, n)
	if keep, _ := t.shortest(); err != nil || now.Sub(begun) < keep+margin {
		return err
	}
	j, err := t.judge(now)
	if err != nil {
		return err
	}
	j.live = true
	s, err := survey(ctx, l.cfg.Dir, n, &j)
	if err != nil || s.set.count == 0 {
		return err
	}
	l.writer.turn.Store(true)
	return l.own(ctx, gate.Event{Kind: eventRotate, Actor: "doorward", Status: "ok", Detail: "records of " + segmentName(n) + " are due to be pruned"})
}

// pruneSegment writes a segment anew without what was surveyed, once that is on record.
func (l *Log) pruneSegment(ctx context.Context, n int, s *surveyed, again *judge) error {
	if err := l.unchanged(ctx, n); err != nil {
		return err
	}
	e := gate.Event{Kind: eventPruned, Actor: "doorward", Status: "ok", Detail: s.warrant.text()}
	if err := l.own(ctx, e); err != nil {
		return err
	}
	l.step(stepRecorded)
	if err := l.checkpoint(ctx); err != nil {
		return err
	}
	l.step(stepDurable)
	path := filepath.Join(l.cfg.Dir, segmentName(n))
	err := durable.ReplaceFrom(path, func(f *os.File) error {
		out := rewriting{to: bufio.NewWriterSize(f, 1<<20), by: s.warrant.by, set: newPrunedSet()}
		if err := again.walk(ctx, l.cfg.Dir, n, out.take); err != nil {
			return err
		}
		l.step(stepWriting)
		if err := out.end(); err != nil {
			return err
		}
		l.step(stepWritten)
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %s anew: %w", segmentName(n), err)
	}
	l.step(stepReplaced)
	return nil
}

func (l *Log) step(name string) {
	if l.cfg.step != nil {
		l.cfg.step(name)
	}
}

// unchanged holds a segment against the tree: what somebody changed is evidence, and is
// not pruned.
func (l *Log) unchanged(ctx context.Context, n int) error {
	s, err := openScanner(l.cfg.Dir, n, 0)
	if err != nil {
		return err
	}
	defer s.file.Close()
	first, err := firstSeq(l.cfg.Dir, n)
	if err != nil {
		return err
	}
	var leaf tlog.Hash
	hold := func(seq uint64, hash tlog.Hash) error {
		at := tlog.StoredHashIndex(0, int64(seq)-1) //nolint:gosec // a log's size fits
		if _, err := l.tree.file.ReadAt(leaf[:], at*tlog.HashSize); err != nil {
			return fmt.Errorf("reading the tree: %w", err)
		}
		if leaf != hash {
			return fmt.Errorf("%w: record %d was changed", errRewritten, seq)
		}
		return nil
	}
	for seq := first; ; {
		if err := cancelled(ctx, seq); err != nil {
			return err
		}
		line, g, err := s.step()
		switch {
		case errors.Is(err, io.EOF):
			return l.ends(n, seq)
		case err != nil:
			return s.fault(seq, err)
		case g == nil:
			err = hold(seq, tlog.RecordHash(line))
			seq++
		case g.first != seq:
			err = errGap
		default:
			for _, hash := range g.hashes {
				if err = hold(seq, hash); err != nil {
					break
				}
				seq++
			}
		}
		if err != nil {
			return s.fault(seq, err)
		}
	}
}

// ends tells whether the segment after n begins with that record.
func (l *Log) ends(n int, seq uint64) error {
	next, err := firstSeq(l.cfg.Dir, n+1)
	if err == nil && next != seq {
		err = fmt.Errorf("%w: %s ends before record %d, and the next segment begins with %d", errRewritten, segmentName(n), seq, next)
	}
	return err
}

// rewriting writes a segment without what is due.
type rewriting struct {
	to      *bufio.Writer
	by      [32]byte
	set     *prunedSet
	pending gap
	line    []byte
}

func (w *rewriting) take(p *piece) error {
	if p.gap == nil && p.fate == due {
		if len(w.pending.hashes) == maxGap || len(w.pending.hashes) > 0 && w.pending.last()+1 != p.rec.Seq {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if len(w.pending.hashes) == 0 {
			w.pending.first, w.pending.by = p.rec.Seq, w.by
		}
		w.pending.hashes = append(w.pending.hashes, p.leaf)
		w.set.add(p.rec.Seq, p.leaf)
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.to.Write(p.line)
	if err == nil {
		err = w.to.WriteByte('\n')
	}
	return err
}

func (w *rewriting) flush() error {
	if len(w.pending.hashes) == 0 {
		return nil
	}
	w.line = append(w.pending.append(w.line[:0]), '\n')
	w.pending.hashes = w.pending.hashes[:0]
	_, err := w.to.Write(w.line)
	return err
}

// end fails when what was left out is not what is on record.
func (w *rewriting) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.set.digest() != w.by {
		return fmt.Errorf("%w: while it was pruned", errRewritten)
	}
	return w.to.Flush()
}
