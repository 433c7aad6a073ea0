package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"doorward/internal/audit"
)

const (
	// lookEvery is how often a Follower looks for what is new: as often as the log makes
	// a checkpoint, behind which nothing is indexed.
	lookEvery = 10 * time.Second
	// retryAfter is the rest after an error, againAfter that after an index that was
	// damaged.
	retryAfter, againAfter = time.Minute, time.Second
)

// errAsked ends an index because an operator asks for another.
var errAsked = errors.New("an operator asked")

// Log is the log that an index is of. Its functions must be there.
type Log struct {
	Dir string
	// Size is how many records it has, and Covered how many of them a checkpoint covers:
	// those are on the disk for good.
	Size, Covered func() uint64
}

// Follower keeps the index of one log, which its process writes. Run does.
type Follower struct {
	log   Log
	out   *slog.Logger
	anew  chan chan<- struct{} // asks for an index to be thrown away, and is told that it was
	ended chan struct{}        // Run has ended
	whole atomic.Uint64        // the record up to which parts that are not full are made, too
	full  int                  // records of a full part
	pace  pace
}

// NewFollower makes the Follower of a log.
func NewFollower(log Log, out *slog.Logger) *Follower {
	return &Follower{log: log, out: out, anew: make(chan chan<- struct{}, 1), ended: make(chan struct{}), full: partRecords, pace: pace{size: log.Size}}
}

// Rebuild has Run throw the index away, which is done when it returns, and make it anew of
// every record up to the one that it returns: the last that a checkpoint covers.
func (f *Follower) Rebuild(ctx context.Context) (uint64, error) {
	covered := f.log.Covered()
	f.whole.Store(covered)
	gone := make(chan struct{}, 1)
	select {
	case f.anew <- gone:
	case <-f.ended:
		return 0, context.Canceled
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-gone:
		return covered, nil
	case <-f.ended:
		return 0, context.Canceled
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Run follows the log until ctx ends. It is called once.
func (f *Follower) Run(ctx context.Context) {
	defer close(f.ended)
	for {
		err := f.follow(ctx)
		rest := retryAfter
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errAsked):
			f.out.InfoContext(ctx, "the search index is made anew, as an operator asked")
			continue
		case isDamage(err):
			f.out.WarnContext(ctx, "the search index is damaged, is thrown away and made anew", "error", err)
			f.remove(ctx)
			rest = againAfter
		default:
			f.out.WarnContext(ctx, "the search index cannot be kept; searches read the log instead", "error", err)
		}
		if gone := f.wait(ctx, rest); gone != nil {
			f.remove(ctx)
			gone <- struct{}{}
		}
	}
}

// remove takes the index away, so that it is made anew.
func (f *Follower) remove(ctx context.Context) {
	if err := Remove(Path(f.log.Dir)); err != nil {
		f.out.WarnContext(ctx, "the search index cannot be removed", "error", err)
	}
}

// follow keeps one file until an error, or errAsked.
func (f *Follower) follow(ctx context.Context) error {
	first, err := audit.FirstLine(f.log.Dir)
	if err != nil {
		return err
	}
	db, removed, err := openToWrite(ctx, Path(f.log.Dir), first)
	if removed != nil {
		f.out.WarnContext(ctx, "the search index could not be used, was thrown away and is made anew", "reason", removed)
	}
	if err != nil {
		return err
	}
	k := keeping{Follower: f, db: db, runs: audit.Runs{Dir: f.log.Dir}}
	gone, err := k.keep(ctx)
	err = errors.Join(err, k.runs.Close(), db.Close())
	if gone != nil {
		f.remove(ctx)
		gone <- struct{}{}
		return errors.Join(err, errAsked)
	}
	return err
}

// wait rests, until somebody asks for another index.
func (f *Follower) wait(ctx context.Context, d time.Duration) (gone chan<- struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case gone = <-f.anew:
	}
	return gone
}

// keeping is one open index.
type keeping struct {
	*Follower
	db   *sql.DB
	runs audit.Runs
}

// keep goes on until somebody asks for another index, which is told through gone, or an
// error.
func (k *keeping) keep(ctx context.Context) (gone chan<- struct{}, err error) {
	if err := k.fit(ctx); err != nil {
		return nil, err
	}
	for gone == nil {
		if err := k.pass(ctx); err != nil {
			return nil, err
		}
		if gone = k.wait(ctx, lookEvery); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return gone, nil
}

// fit drops parts at the end that are not of the log: it was put back from a backup.
func (k *keeping) fit(ctx context.Context) error {
	all, damaged, err := heads(ctx, k.db)
	if err == nil && damaged {
		err = errDamaged
	}
	for i := len(all) - 1; err == nil && i >= 0; i-- {
		var ok bool
		if ok, err = anchors(ctx, k.db, &k.runs, &all[i]); err != nil || ok {
			return err
		}
		err = drop(ctx, k.db, all[i].first)
	}
	return err
}

// pass makes every part that can be made now.
func (k *keeping) pass(ctx context.Context) error {
	if err := k.runs.Close(); err != nil { // a segment may be another file by now
		return err
	}
	if err := k.changed(ctx); err != nil {
		return err
	}
	for {
		hole, ok, err := k.hole(ctx)
		if err != nil || !ok {
			return err
		}
		j := job{dir: k.log.Dir, from: hole.first, to: hole.next, full: k.full, rest: k.pace.rest}
		p, err := j.build(ctx)
		if err != nil {
			return err
		}
		if p.next <= hole.first {
			return fmt.Errorf("the log has no record %d", hole.first)
		}
		if err := put(ctx, k.db, p); err != nil {
			return fmt.Errorf("writing the search index: %w", err)
		}
		if len(k.anew) > 0 {
			return nil
		}
	}
}

// hole is the first stretch that a part can be made of: between two parts, or at the end
// once a part is full there.
func (k *keeping) hole(ctx context.Context) (stretch, bool, error) {
	all, damaged, err := heads(ctx, k.db)
	if err == nil && damaged {
		err = errDamaged
	}
	if err != nil {
		return stretch{}, false, err
	}
	end := k.log.Covered() + 1
	for _, s := range stretches(all) {
		switch {
		case s.part != nil:
		case s.next != 0:
			return s, true, nil
		case s.first+uint64(k.full) <= end: //nolint:gosec // more than none
			s.next = end
			return s, true, nil
		case s.first <= k.whole.Load():
			s.next = min(end, k.whole.Load()+1)
			return s, s.first < s.next, nil
		}
	}
	return stretch{}, false, nil
}

// changed drops the parts of segments that were written anew since, because records in
// them were pruned, or put back.
func (k *keeping) changed(ctx context.Context) error {
	all, err := others(ctx, k.db, k.log.Dir)
	if err != nil {
		return err
	}
	dropped := false
	for i := range all {
		gone, err := k.compare(ctx, &all[i])
		if err != nil {
			return err
		}
		dropped = dropped || gone
	}
	if !dropped {
		return nil
	}
	// Pages as they were before are in no file then.
	_, err = k.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// compare holds the parts of a segment against it. Those of which records were pruned do
// not say what is there in place of them, and go.
func (k *keeping) compare(ctx context.Context, s *segment) (dropped bool, err error) {
	all, _, err := heads(ctx, k.db)
	if err != nil {
		return false, err
	}
	for i := range all {
		ok := !reaches(all, i, s.number)
		if ok && all[i].last.Segment == s.number {
			ok, err = k.stands(ctx, &all[i])
		}
		if err == nil && !ok {
			dropped = true
			err = drop(ctx, k.db, all[i].first)
		}
		if err != nil {
			return dropped, err
		}
	}
	if s.last {
		_, err = k.db.ExecContext(ctx, "DELETE FROM segments WHERE number = ?", s.number)
		return dropped, err
	}
	_, err = k.db.ExecContext(ctx, "INSERT OR REPLACE INTO segments (number, size, changed) VALUES (?, ?, ?)", s.number, s.size, s.changed)
	return dropped, err
}

// stands tells whether every block of a part is where it was.
func (k *keeping) stands(ctx context.Context, h *head) (bool, error) {
	blocks, err := blocksOf(ctx, k.db, h)
	if err != nil {
		return false, err
	}
	for i := range blocks {
		if err := k.runs.Check(&blocks[i].Run); errors.Is(err, audit.ErrMoved) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if err := k.pace.rest(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}
