package index

import (
	"context"
	"errors"
	"log/slog"

	"doorward/internal/audit"
)

// Once opens the index, makes every part of so many records that can be made, and closes
// it. It does not rest.
func (f *Follower) Once(ctx context.Context, full int) error {
	first, err := audit.FirstLine(f.log.Dir)
	if err != nil {
		return err
	}
	db, _, err := openToWrite(ctx, Path(f.log.Dir), first)
	if err != nil {
		return err
	}
	f.full = full
	k := keeping{Follower: f, db: db, runs: audit.Runs{Dir: f.log.Dir}}
	if err = k.fit(ctx); err == nil {
		err = k.pass(ctx)
	}
	return errors.Join(err, k.runs.Close(), db.Close())
}

// Whole has parts made that are not full, up to a record.
func (f *Follower) Whole(seq uint64) { f.whole.Store(seq) }

// Parts are where the parts of an index begin and end.
func Parts(ctx context.Context, dir string) (out [][2]uint64, err error) {
	first, err := audit.FirstLine(dir)
	if err != nil {
		return nil, err
	}
	db, err := openToRead(ctx, Path(dir), first)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // it was read only
	all, _, err := heads(ctx, db)
	for i := range all {
		out = append(out, [2]uint64{all[i].first, all[i].next})
	}
	return out, err
}

// Candidates are how many records an index would have read for a query.
func Candidates(ctx context.Context, dir string, q audit.Query) (n int, err error) {
	s := search{dir: dir, q: q, log: slog.New(slog.DiscardHandler), plan: planOf(&q), runs: audit.Runs{Dir: dir}}
	parts, done, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	for i := range parts {
		blocks, wanted, err := s.candidates(ctx, &parts[i])
		if err != nil {
			return 0, err
		}
		for _, b := range blocks {
			for j := range b.records {
				if wanted.has(b.start + j) {
					n++
				}
			}
		}
	}
	return n, s.runs.Close()
}
