package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// Place is where a record stands.
type Place struct {
	Seq     uint64
	Segment int   // from 1; 0: not known
	Off     int64 // of its line
}

// span is the records of numbers from (inclusive) to to (exclusive; 0: to the end). at
// is the number of the line that comes next; 0: not known yet.
type span struct{ at, from, to uint64 }

// among leaves out segments in which nothing is that the query's numbers ask for.
func (q *Query) among(dir string, all []int) ([]int, error) {
	if q.To > 0 {
		for i, n := range slices.Backward(all) {
			first, err := firstSeq(dir, n)
			if err != nil {
				return nil, err
			}
			if first > 0 && first < q.To {
				break
			}
			all = all[:i]
		}
	}
	if q.From <= 1 {
		return all, nil
	}
	if at, ok := slices.BinarySearch(all, q.Known.Segment); ok {
		return all[at:], nil
	}
	for i, n := range slices.Backward(all) {
		first, err := firstSeq(dir, n)
		if err != nil {
			return nil, err
		}
		if first > 0 && first <= q.From {
			return all[i:], nil
		}
	}
	return all, nil
}

// begin opens a segment, at the place that the query knows if it is in this one and the
// record is there. at is its number; 0: the segment is read from its start.
func (q *Query) begin(dir string, n int) (s *scanner, at uint64, err error) {
	if k := q.Known; k.Segment == n && k.Seq <= q.From && k.Off > 0 {
		if recordIs(dir, k) {
			s, err = openScanner(dir, n, k.Off)
			return s, k.Seq, err
		}
	}
	s, err = openScanner(dir, n, 0)
	return s, 0, err
}

// recordIs tells whether that record stands in that place.
func recordIs(dir string, k Place) bool {
	s, err := openScanner(dir, k.Segment, k.Off-1)
	if err != nil {
		return false
	}
	defer s.file.Close()
	if end, err := s.in.ReadByte(); err != nil || end != '\n' { // of the line before
		return false
	}
	line, _, err := s.step()
	var d decoder
	var r Record
	return err == nil && line != nil && d.decode(line, &r) == nil && r.Seq == k.Seq
}

// Segment is a file of a log.
type Segment struct {
	Number int
	Path   string
}

// Segments lists those of a log, ascending. The last one grows.
func Segments(dir string) ([]Segment, error) {
	all, err := segments(dir)
	if err != nil {
		return nil, fmt.Errorf("reading audit log: %w", err)
	}
	out := make([]Segment, len(all))
	for i, n := range all {
		out[i] = Segment{Number: n, Path: filepath.Join(dir, segmentName(n))}
	}
	return out, nil
}

// FirstLine is the SHA-256 of a log's first line, which is never pruned: it tells one log
// from another.
func FirstLine(dir string) (sum [32]byte, err error) {
	all, err := segments(dir)
	if err == nil && len(all) == 0 {
		err = errors.New("there is no log in " + dir)
	}
	if err != nil {
		return sum, fmt.Errorf("reading audit log: %w", err)
	}
	s, err := openScanner(dir, all[0], 0)
	if err != nil {
		return sum, fmt.Errorf("reading audit log: %w", err)
	}
	defer s.file.Close()
	line, err := s.next()
	if err != nil {
		return sum, s.fault(1, err)
	}
	return sha256.Sum256(line), nil
}
