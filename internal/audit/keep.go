package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"doorward/internal/gate"
)

// watchEvery is how often the log looks whether its file is still its file:
// well below the 5 s in which a removed or cut file must be noticed.
const watchEvery = 2 * time.Second

// keep watches the segment and lets the checkpoint follow. It belongs to the
// Log; Close waits for it.
func (l *Log) keep() {
	defer close(l.done)
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	mark := time.NewTicker(l.cfg.CheckpointEvery)
	defer mark.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-watch.C:
			l.watch()
		case <-mark.C:
			if err := l.checkpoint(context.Background()); err != nil {
				l.cfg.Log.Error("audit checkpoint failed", "error", err)
			}
		}
	}
}

// watch notices a segment that was removed, replaced or cut, and stops the log:
// what is written to such a file is not on record. While it cannot be looked at (its
// directory is closed to this process), nothing is written; when it can, and is what it
// was, the log goes on. After a write failed (a full disk) it writes that the log writes
// again, whoever's record was the first that it took: a gateway that gets no calls because
// it is not ready becomes ready again by it.
func (l *Log) watch() {
	l.mu.Lock()
	s, fatal := l.state, l.fatal
	l.mu.Unlock()
	if percent, err := used(l.cfg.Dir); err == nil { // else what is wrong is seen below
		l.used.Store(int64(percent))
	}
	if fatal != nil {
		return
	}
	hidden, err := l.intact(s)
	if err != nil {
		l.mu.Lock()
		if l.state.segment == s.segment && l.fatal == nil {
			l.fatal = err
			fatal = err
		}
		l.mu.Unlock()
		if fatal != nil {
			l.cfg.Log.Error("audit log stopped", "error", fatal)
		}
		return
	}
	l.mu.Lock()
	was := l.hidden
	l.hidden = hidden
	l.lapsed(hidden)
	l.mu.Unlock()
	switch {
	case hidden == nil:
		l.resume()
	case was == nil:
		l.cfg.Log.Error("audit log waits until its files can be looked at", "error", hidden)
	}
}

// lapsed takes note of why a record was refused; nil: none was. It needs Log.mu.
func (l *Log) lapsed(err error) {
	if l.lapse == nil {
		l.lapse = err
	}
}

// resume puts on record that the log writes again, where it has not for a while.
func (l *Log) resume() {
	l.mu.Lock()
	lapse := l.lapse
	l.lapse = nil // what is refused from here on is told of the next time
	l.mu.Unlock()
	if lapse == nil {
		return
	}
	ev := gate.Event{Kind: "audit.resumed", Actor: "doorward", Detail: lapse.Error(), Status: "ok"}
	if err := l.own(context.Background(), ev); err != nil {
		l.mu.Lock()
		l.lapsed(lapse)
		l.mu.Unlock()
		return
	}
	l.cfg.Log.Info("audit log writes again")
}

// intact tells whether the segment is what the log writes; err says what it is instead.
// hidden says why nobody can tell at the moment.
func (l *Log) intact(s state) (hidden, err error) {
	ours, err := s.file.Stat()
	if errors.Is(err, os.ErrClosed) {
		return nil, nil // rotated meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", segmentName(s.segment), err)
	}
	named, err := os.Lstat(filepath.Join(l.cfg.Dir, segmentName(s.segment)))
	switch {
	case isNotExist(err):
		return nil, fmt.Errorf("looking at %s: %w", segmentName(s.segment), err)
	case err != nil:
		return fmt.Errorf("looking at %s: %w", segmentName(s.segment), err), nil
	case !os.SameFile(ours, named):
		return nil, fmt.Errorf("%s was replaced by another file", segmentName(s.segment))
	case ours.Size() < s.off:
		return nil, fmt.Errorf("%s was cut from %d to %d bytes", segmentName(s.segment), s.off, ours.Size())
	}
	return nil, nil
}

// Checkpoint makes the log durable up to now, signs what it holds, and returns
// that. It needs a moment for each record since the last one.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	if err := l.checkpoint(ctx); err != nil {
		return Checkpoint{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.saved, nil
}

// checkpoint makes the log durable up to now and then says so in a file.
func (l *Log) checkpoint(ctx context.Context) error {
	l.marking.Lock()
	defer l.marking.Unlock()
	return l.mark(ctx)
}

// mark needs Log.marking.
func (l *Log) mark(ctx context.Context) error {
	l.mu.Lock()
	s, saved, fatal := l.state, l.saved, l.fatal
	l.mu.Unlock()
	if fatal != nil || s.seq == saved.Size && l.signed == l.signer.public {
		return fatal
	}
	c, err := l.cover(ctx, s)
	if errors.Is(err, errSyncLost) || errors.Is(err, errRewritten) {
		l.mu.Lock()
		l.fatal = err
		l.mu.Unlock()
	}
	if err != nil {
		return err
	}
	l.points.pass(pointCheckpoint)
	if err := WriteCheckpoint(filepath.Join(l.cfg.Dir, checkpointName), c); err != nil {
		return err
	}
	l.points.pass(pointCheckpoint)
	l.mu.Lock()
	l.saved = c
	l.mu.Unlock()
	l.signed = l.signer.public
	if err := l.remember(c.Size, l.cfg.every); err != nil {
		l.cfg.Log.Warn("what the audit log says is not marked; the next start reads more of it", "error", err)
	}
	return nil
}

// cover syncs the log up to a state, reads back what was written since the last
// checkpoint, and signs the tree of it.
func (l *Log) cover(ctx context.Context, s state) (Checkpoint, error) {
	// A rotation has synced a file that it closed.
	if err := s.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return Checkpoint{}, fmt.Errorf("%w: %w", errSyncLost, err)
	}
	l.points.pass(pointCheckpoint)
	if err := l.tree.extend(ctx, s.seq); err != nil {
		return Checkpoint{}, err
	}
	l.points.pass(pointCheckpoint)
	if l.tree.at.head != s.head {
		return Checkpoint{}, fmt.Errorf("%w: record %d was changed", errRewritten, s.seq)
	}
	root, err := l.tree.root(s.seq)
	if err == nil {
		err = datasync(l.tree.file)
	}
	if err != nil {
		return Checkpoint{}, err
	}
	return l.signer.sign(Checkpoint{Origin: l.origin, Size: s.seq, Root: headText(root)})
}
