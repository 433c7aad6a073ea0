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
			if err := l.checkpoint(); err != nil {
				l.cfg.Log.Error("audit checkpoint failed", "error", err)
			}
		}
	}
}

// watch notices a segment that was removed, replaced or cut, and stops the log:
// what is written to such a file is not on record. After a write failed (a full
// disk) it tries one record of its own, so that a gateway that gets no calls
// because it is not ready becomes ready again.
func (l *Log) watch() {
	l.mu.Lock()
	s, fatal, bad := l.state, l.fatal, l.bad
	l.mu.Unlock()
	if fatal != nil {
		return
	}
	if err := l.intact(s); err != nil {
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
	if bad != nil {
		ev := gate.Event{Kind: "audit.resumed", Actor: "doorward", Detail: bad.Error(), Status: "ok"}
		if err := l.Event(context.Background(), ev); err == nil {
			l.cfg.Log.Info("audit log writes again")
		}
	}
}

func (l *Log) intact(s state) error {
	ours, err := s.file.Stat()
	if errors.Is(err, os.ErrClosed) {
		return nil // rotated meanwhile
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", segmentName(s.segment), err)
	}
	named, err := os.Lstat(filepath.Join(l.cfg.Dir, segmentName(s.segment)))
	switch {
	case err != nil:
		return fmt.Errorf("looking at %s: %w", segmentName(s.segment), err)
	case !os.SameFile(ours, named):
		return fmt.Errorf("%s was replaced by another file", segmentName(s.segment))
	case ours.Size() < s.off:
		return fmt.Errorf("%s was cut from %d to %d bytes", segmentName(s.segment), s.off, ours.Size())
	}
	return nil
}

// checkpoint makes the log durable up to now and then says so in a file.
func (l *Log) checkpoint() error {
	l.mu.Lock()
	s, saved, fatal := l.state, l.saved, l.fatal
	c := l.at(s)
	l.mu.Unlock()
	if fatal != nil || s.seq == saved.Size {
		return fatal
	}
	// A rotation has synced a file that it closed.
	if err := s.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		err = fmt.Errorf("%w: %w", errSyncLost, err)
		l.mu.Lock()
		l.fatal = err
		l.mu.Unlock()
		return err
	}
	if err := WriteCheckpoint(filepath.Join(l.cfg.Dir, checkpointName), c); err != nil {
		return err
	}
	l.mu.Lock()
	l.saved = c
	l.mu.Unlock()
	return nil
}
