package audit

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Lines reads the lines of a log from a record on, in order and across segments,
// beside the process that writes it. One goroutine uses it.
type Lines struct {
	dir  string
	seq  uint64 // of the next line
	last bool   // the next segment was there before this one was read to its end
	scan *scanner
	at   Place // of the line that was read last
}

// OpenLines begins at the record with that number; at the oldest that there is when
// it is no longer there, and at the end of the log when it is not there yet. Seq says
// where.
func OpenLines(dir string, seq uint64) (*Lines, error) {
	l := &Lines{dir: dir}
	if err := l.open(max(seq, 1)); err != nil {
		return nil, fmt.Errorf("reading audit log: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

func (l *Lines) open(seq uint64) error {
	all, err := segments(l.dir)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("there is no log in " + l.dir)
	}
	from, first := all[0], uint64(0)
	for i, n := range slices.Backward(all) {
		begins, err := firstSeq(l.dir, n)
		if err != nil {
			return err
		}
		if from, first = n, begins; begins > 0 && (begins <= seq || i == 0) {
			break
		}
	}
	if first == 0 {
		return errors.New("the log has no record")
	}
	if l.scan, err = openScanner(l.dir, from, 0); err != nil {
		return err
	}
	for l.seq = first; l.seq < seq; {
		if _, ok, err := l.step(); err != nil || !ok {
			return err
		}
	}
	return nil
}

// firstSeq is the number of a segment's first record; 0 when it has none yet.
func firstSeq(dir string, n int) (uint64, error) {
	r, err := firstRecord(dir, n)
	return r.Seq, err
}

// firstRecord is a segment's first record, which is never pruned; the zero one when
// there is none yet.
func firstRecord(dir string, n int) (r Record, err error) {
	s, err := openScanner(dir, n, 0)
	if err != nil {
		return r, err
	}
	defer s.file.Close()
	line, err := s.next()
	if errors.Is(err, io.EOF) || errors.Is(err, errPartial) {
		return r, nil
	}
	if err != nil {
		return r, s.ended(err)
	}
	var d decoder
	if err := d.decode(line, &r); err != nil {
		return Record{}, s.fault(0, err)
	}
	return r, nil
}

// Seq is the number of the record that Next reads next, unless that was pruned: then it
// reads the first one behind it that was not.
func (l *Lines) Seq() uint64 { return l.seq }

// Place is where the line stands that Next returned last.
func (l *Lines) Place() Place { return l.at }

// Next returns the next line, without its newline and valid until the next call; ok is
// false when there is none yet. A line may be one that the log takes back: what is on
// record ends at the Size of the log's Stats.
func (l *Lines) Next() (line []byte, ok bool, err error) {
	for {
		line, ok, err := l.step()
		if line != nil || !ok || err != nil {
			return line, ok, err
		}
	}
}

// step is Next, and nil and true where records were pruned: Seq is behind them then.
func (l *Lines) step() (line []byte, ok bool, err error) {
	for {
		line, g, err := l.scan.step()
		switch {
		case err == nil && g == nil:
			l.at = Place{Seq: l.seq, Segment: l.scan.segment, Off: l.scan.off - int64(len(line)) - 1}
			l.seq++
			return line, true, nil
		case err == nil && g.first != l.seq:
			return nil, false, l.scan.fault(l.seq, errGap)
		case err == nil:
			l.seq = g.last() + 1
			return nil, true, nil
		}
		partial := errors.Is(err, errPartial)
		if !partial && !errors.Is(err, io.EOF) {
			return nil, false, l.scan.ended(err)
		}
		if partial && l.last {
			return nil, false, l.scan.ended(err)
		}
		more, err := l.end(partial)
		if err != nil || !more {
			return nil, false, err
		}
	}
}

// end is called at the end of what a segment holds. It tells whether there is more to
// read: in this segment, to which nothing is added once the next one is there, or in
// the next.
func (l *Lines) end(partial bool) (more bool, err error) {
	if l.last {
		next, err := openScanner(l.dir, l.scan.segment+1, 0)
		if err != nil {
			return false, fmt.Errorf("reading audit log: %w", err)
		}
		l.scan.file.Close()
		l.scan, l.last = next, false
		return true, nil
	}
	if partial {
		l.scan.line--
	}
	if err := l.scan.retry(); err != nil {
		return false, fmt.Errorf("reading audit log: %w", err)
	}
	all, err := segments(l.dir)
	if err != nil {
		return false, fmt.Errorf("reading audit log: %w", err)
	}
	l.last = slices.Contains(all, l.scan.segment+1)
	return l.last, nil
}

// Close lets go of the log.
func (l *Lines) Close() error {
	if l.scan == nil {
		return nil
	}
	return l.scan.file.Close()
}
