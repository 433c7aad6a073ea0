package index

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"doorward/internal/audit"
)

// Read is audit.Read with the index of the log, where there is one and it narrows the
// query. What is wrong with it is logged, and the log is scanned instead.
func Read(ctx context.Context, dir string, q audit.Query, log *slog.Logger, yield func(*audit.Record) error) error {
	s := search{dir: dir, q: q, log: log, yield: yield, left: q.Limit, plan: planOf(&q), runs: audit.Runs{Dir: dir}}
	if !s.plan.narrows() || q.From > 0 || q.To > 0 {
		return audit.Read(ctx, dir, q, yield)
	}
	defer func() { _ = s.runs.Close() }() // it was read only
	err := s.through(ctx)
	if errors.Is(err, audit.ErrStop) {
		return nil
	}
	return err
}

// search is one search under way.
type search struct {
	dir   string
	q     audit.Query
	plan  plan
	log   *slog.Logger
	yield func(*audit.Record) error
	left  int // of the limit
	db    *sql.Tx
	lists *sql.Stmt // the list of an id
	runs  audit.Runs
	found []audit.Record // of one block
	told  bool
}

func (s *search) through(ctx context.Context) error {
	parts, done, err := s.open(ctx)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.tell(err)
		}
		return s.scan(ctx, stretch{})
	}
	defer done()
	all := stretches(parts)
	if s.q.Newest {
		slices.Reverse(all)
	}
	for i := range all {
		if err := s.pass(ctx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// open begins to read the index: the parts that it has, all from one moment.
func (s *search) open(ctx context.Context) (parts []head, done func(), err error) {
	if _, err := os.Lstat(Path(s.dir)); err != nil {
		return nil, nil, err
	}
	first, err := audit.FirstLine(s.dir)
	if err != nil {
		return nil, nil, err
	}
	db, err := openToRead(ctx, Path(s.dir), first)
	if err != nil {
		return nil, nil, err
	}
	done = func() { // it was read only: nothing can be lost
		if s.db != nil {
			_ = s.db.Rollback()
		}
		_ = db.Close()
	}
	if s.db, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		var damaged bool
		if parts, damaged, err = heads(ctx, s.db); damaged {
			s.tell(errDamaged)
		}
	}
	if err == nil {
		s.lists, err = s.db.PrepareContext(ctx, "SELECT data FROM lists WHERE id = ?")
	}
	if err == nil {
		parts, err = s.anchored(ctx, parts)
	}
	if err == nil {
		parts, err = s.pruned(ctx, parts)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return parts, done, nil
}

// anchored leaves out parts at the end until one's last block is in the log. Its records
// name the hash of those before them, so that what the log has before is what it had
// when the index was made.
func (s *search) anchored(ctx context.Context, parts []head) ([]head, error) {
	for len(parts) > 0 {
		h := &parts[len(parts)-1]
		ok, err := anchors(ctx, s.db, &s.runs, h)
		if err != nil || ok {
			return parts, err
		}
		parts = parts[:len(parts)-1]
	}
	return nil, nil
}

// pruned leaves out parts of which records were pruned, where the segment is another file
// since: one that was put back from a backup has those records.
func (s *search) pruned(ctx context.Context, parts []head) (left []head, err error) {
	all, err := others(ctx, s.db, s.dir)
	if err != nil || len(all) == 0 {
		return parts, err
	}
	for i := range parts {
		if !slices.ContainsFunc(all, func(o segment) bool { return reaches(parts, i, o.number) }) {
			left = append(left, parts[i])
		}
	}
	return left, nil
}

// anchors tells whether the last block of a part is where it was.
func anchors(ctx context.Context, db reads, runs *audit.Runs, h *head) (bool, error) {
	if h.blocks == 0 {
		return false, nil
	}
	blocks, err := blocksOf(ctx, db, h)
	if err == nil {
		err = runs.Check(&blocks[len(blocks)-1].Run)
	}
	if errors.Is(err, errDamaged) || errors.Is(err, audit.ErrMoved) {
		return false, nil
	}
	return err == nil, err
}

// tell says once what is wrong with the index.
func (s *search) tell(err error) {
	if !s.told {
		s.told = true
		s.log.Warn("the search index cannot be used as it is, and the log was read where it could not (doorward audit index rebuild)", "error", err)
	}
}

// stretch is a part, or what lies between two: all records of numbers from first to next
// (exclusive; 0: to the end).
type stretch struct {
	first, next uint64
	known       audit.Place
	part        *head
}

// stretches are all of a log.
func stretches(parts []head) (all []stretch) {
	at := uint64(1)
	var known audit.Place
	for i := range parts {
		h := &parts[i]
		if h.first > at {
			all = append(all, stretch{first: at, next: h.first, known: known})
		}
		all = append(all, stretch{first: h.first, next: h.next, part: h})
		at = h.next
		if h.last.Segment > 0 {
			known = h.last
		}
	}
	return append(all, stretch{first: at, known: known})
}

// scan reads a stretch as audit.Read does.
func (s *search) scan(ctx context.Context, of stretch) error {
	q := s.q
	q.From, q.To, q.Known, q.Limit = of.first, of.next, of.known, s.left
	stopped := false
	err := audit.Read(ctx, s.dir, q, func(r *audit.Record) error {
		err := s.give(r)
		stopped = errors.Is(err, audit.ErrStop)
		return err
	})
	if err == nil && stopped {
		return audit.ErrStop
	}
	return err
}

// give hands out a record that matches.
func (s *search) give(r *audit.Record) error {
	if err := s.yield(r); err != nil {
		return err
	}
	if s.left--; s.left == 0 {
		return audit.ErrStop
	}
	return nil
}

// pass goes through a stretch.
func (s *search) pass(ctx context.Context, of *stretch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if of.part == nil {
		return s.scan(ctx, *of)
	}
	if of.part.blocks == 0 || !s.meets(of.part.oldest, of.part.newest) {
		return nil
	}
	blocks, wanted, err := s.candidates(ctx, of.part)
	if err != nil {
		return s.instead(ctx, *of, err)
	}
	if s.q.Newest {
		slices.Reverse(blocks)
	}
	for i := range blocks {
		b := &blocks[i]
		err := s.block(b, wanted)
		if !errors.Is(err, audit.ErrMoved) {
			if err != nil {
				return err
			}
			continue
		}
		if s.q.Newest {
			of.next = b.end
		} else {
			of.first = b.seq
		}
		return s.instead(ctx, *of, err)
	}
	return nil
}

// instead scans what the index cannot say of a stretch.
func (s *search) instead(ctx context.Context, of stretch, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.tell(err)
	of.known = audit.Place{}
	return s.scan(ctx, of)
}

// meets tells whether a time is in that of the query.
func (s *search) meets(oldest, newest int64) bool {
	return (s.q.Since.IsZero() || newest >= nanos(s.q.Since)) && (s.q.Until.IsZero() || oldest <= nanos(s.q.Until))
}

// candidates are the blocks of a part in which a record may match, and which records.
func (s *search) candidates(ctx context.Context, h *head) ([]block, set, error) {
	records, in := full(h.records), full(h.blocks)
	for _, group := range s.plan.groups {
		one := newSet(h.records)
		for _, t := range group {
			if err := s.look(ctx, h, 0, t, one); err != nil {
				return nil, nil, err
			}
		}
		if records.and(one); records.empty() {
			return nil, nil, nil
		}
	}
	for _, t := range s.plan.grams {
		one := newSet(h.blocks)
		if err := s.look(ctx, h, buckets, t, one); err != nil {
			return nil, nil, err
		}
		if in.and(one); in.empty() {
			return nil, nil, nil
		}
	}
	all, err := blocksOf(ctx, s.db, h)
	if err != nil {
		return nil, nil, err
	}
	var blocks []block
	for i := range all {
		b := &all[i]
		if in.has(i) && s.meets(b.oldest, b.newest) && records.any(b.start, b.start+b.records) {
			blocks = append(blocks, *b)
		}
	}
	return blocks, records, nil
}

// look adds where a term of a part is to a set.
func (s *search) look(ctx context.Context, h *head, list int, t term, in set) error {
	id := idOf(h.first, list+int(t>>bucketLow))
	var data []byte
	err := s.lists.QueryRowContext(ctx, id).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return errDamaged
	}
	if err == nil {
		data, err = unsealed(id, data)
	}
	if err != nil {
		return err
	}
	return listed(data, t, in)
}

// block yields the records of a block that match. None is yielded after ErrMoved.
func (s *search) block(b *block, wanted set) error {
	s.found = s.found[:0]
	err := s.runs.Read(&b.Run, func(n int) bool { return n < b.records && wanted.has(b.start+n) }, func(r *audit.Record) error {
		if s.q.Match(r) {
			s.found = append(s.found, *r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.q.Newest {
		slices.Reverse(s.found)
	}
	for i := range s.found {
		if err := s.give(&s.found[i]); err != nil {
			return err
		}
	}
	return nil
}
