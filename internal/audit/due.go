package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Tally counts records and the bytes of their lines.
type Tally struct {
	Records        uint64
	Bytes          int64
	Oldest, Newest time.Time // zero where there are none
}

func (t *Tally) add(r *Record, size int) {
	t.Records++
	t.Bytes += int64(size)
	if t.Oldest.IsZero() || r.Time.Before(t.Oldest) {
		t.Oldest = r.Time
	}
	if r.Time.After(t.Newest) {
		t.Newest = r.Time
	}
}

// DueSegment is what is due of one segment.
type DueSegment struct {
	Segment     string // file name
	First, Last uint64 // of the records that are due
	Due         map[Class]Tally
	Held        map[Class]Tally // due, and under a legal hold
	Waiting     map[Class]Tally // due, and not in every copy yet
	// Open says that it is the log's last one, which Prune closes first.
	Open bool
}

// Records is how many are due.
func (s *DueSegment) Records() (n uint64) {
	for _, t := range s.Due {
		n += t.Records
	}
	return n
}

// Due tells what is due in a log, by segment, and changes nothing. It may run beside the
// writer. Segments of which nothing is due, held or waiting are left out. With an error, it
// returns what it has found so far.
func Due(ctx context.Context, dir string, t Retention) ([]DueSegment, error) {
	out := []DueSegment{}
	err := t.old(dir, time.Now(), func(n int, last bool) error {
		j, err := t.judge(time.Now())
		if err != nil {
			return err
		}
		j.live = last
		s, err := survey(ctx, dir, n, &j)
		if err == nil && len(s.Due)+len(s.Held)+len(s.Waiting) > 0 {
			s.Open = last
			out = append(out, s.DueSegment)
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("looking for records that are due: %w", err)
	}
	return out, nil
}

// old yields the segments that begin before anything could be due.
func (t *Retention) old(dir string, now time.Time, yield func(n int, last bool) error) error {
	keep, some := t.shortest()
	if !some {
		return nil
	}
	all, err := segments(dir)
	if err != nil {
		return err
	}
	for i, n := range all {
		begun, err := begins(dir, n)
		if err != nil {
			return err
		}
		if begun.IsZero() || now.Sub(begun) < keep+margin {
			continue
		}
		if err := yield(n, i == len(all)-1); err != nil {
			return err
		}
	}
	return nil
}

// begins is the time of a segment's first record; zero when it has none yet.
func begins(dir string, n int) (time.Time, error) {
	r, err := firstRecord(dir, n)
	return r.Time, err
}

// surveyed is what is due of a segment, and what a record has to say of it.
type surveyed struct {
	DueSegment
	set     *prunedSet
	warrant warrant
}

// survey looks at every record of a segment.
func survey(ctx context.Context, dir string, n int, j *judge) (surveyed, error) {
	s := surveyed{DueSegment: DueSegment{Segment: segmentName(n)}, set: newPrunedSet()}
	of := map[Class]*warrantClass{}
	err := j.walk(ctx, dir, n, func(p *piece) error {
		switch p.fate {
		case young:
		case held:
			count(&s.Held, p)
		case waiting:
			count(&s.Waiting, p)
		case due:
			count(&s.Due, p)
			s.set.add(p.rec.Seq, p.leaf)
			c := of[p.class]
			if c == nil {
				c = &warrantClass{class: p.class, keep: j.Keep[p.class]}
				of[p.class] = c
			}
			c.count++
			c.newest = j.newest
		}
		return nil
	})
	s.First, s.Last = s.set.first, s.set.last
	s.warrant = warrant{segment: n, first: s.First, last: s.Last, count: s.set.count, by: s.set.digest()}
	for class := Calls; class < classes; class++ {
		if c := of[class]; c != nil {
			s.warrant.of = append(s.warrant.of, *c)
		}
	}
	return s, err
}

func count(in *map[Class]Tally, p *piece) {
	if *in == nil {
		*in = map[Class]Tally{}
	}
	t := (*in)[p.class]
	t.add(&p.rec, len(p.line)+1)
	(*in)[p.class] = t
}

// piece is a line of a segment and what becomes of it: of a record, or of what stands
// for pruned ones.
type piece struct {
	line  []byte
	gap   *gap // then fate is young, and what is below means nothing
	rec   Record
	leaf  tlog.Hash
	class Class
	fate  fate
}

// walk yields every line of a segment, and fails where one is not what it must be.
func (j *judge) walk(ctx context.Context, dir string, n int, yield func(*piece) error) error {
	s, err := openScanner(dir, n, 0)
	if err != nil {
		return err
	}
	defer s.file.Close()
	var d decoder
	var p piece
	for i := uint64(0); ; i++ {
		if err := cancelled(ctx, i); err != nil {
			return err
		}
		p.fate = young
		p.line, p.gap, err = s.step()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errPartial) && j.live:
			return nil
		case err != nil:
			return s.fault(0, err)
		}
		if p.gap == nil {
			if err := d.decode(p.line, &p.rec); err != nil {
				return s.fault(0, err)
			}
			p.leaf = tlog.RecordHash(p.line)
			p.class, p.fate = j.of(&p.rec)
		}
		if err := yield(&p); err != nil {
			return err
		}
	}
}
