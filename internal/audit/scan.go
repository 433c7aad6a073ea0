package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Fault is the first thing that is wrong with a log. It is an error.
type Fault struct {
	Segment string // file name
	Line    int    // from 1; 0 when it concerns the whole segment
	Seq     uint64 // the record that was expected there
	What    string
}

// Error names the place and what is wrong there.
func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s (record %d)", f.Segment, f.What, f.Seq)
	}
	return fmt.Sprintf("%s:%d: %s (record %d)", f.Segment, f.Line, f.What, f.Seq)
}

// scanner streams the lines of one segment.
type scanner struct {
	file    *os.File
	in      *bufio.Reader
	segment int
	line    int   // number of the last line
	off     int64 // after the last whole line
	pruned  gap   // that step returned
}

var (
	errPartial = errors.New("incomplete record at the end")
	errTooLong = errors.New("line too long")
)

func openScanner(dir string, n int, off int64) (*scanner, error) {
	f, err := readSegment(dir, n)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return &scanner{file: f, in: bufio.NewReaderSize(f, maxLine), segment: n, off: off}, nil
}

// next returns the line of a record without its newline, valid until the next call;
// io.EOF at a clean end, errPartial when bytes without a newline remain. It passes
// over what stands for pruned records.
func (s *scanner) next() ([]byte, error) {
	for {
		line, g, err := s.step()
		if g == nil {
			return line, err
		}
	}
}

// step returns the next line, as next does; with the pruned records that it stands for,
// if it does.
func (s *scanner) step() (line []byte, g *gap, err error) {
	line, err = s.raw()
	if err != nil || !isGap(line) {
		return line, nil, err
	}
	if err := s.pruned.parse(line); err != nil {
		return nil, nil, err
	}
	return line, &s.pruned, nil
}

func (s *scanner) raw() ([]byte, error) {
	line, err := s.in.ReadSlice('\n')
	switch {
	case err == nil:
		s.line++
		s.off += int64(len(line))
		if len(line) > maxLine {
			return nil, errTooLong
		}
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		s.line++
		return nil, errTooLong
	case errors.Is(err, io.EOF) && len(line) > 0:
		s.line++
		return nil, errPartial
	}
	return nil, err
}

// retry goes back to the end of the last whole line, to see what was written
// since.
func (s *scanner) retry() error {
	if _, err := s.file.Seek(s.off, io.SeekStart); err != nil {
		return err
	}
	s.in.Reset(s.file)
	return nil
}

func (s *scanner) fault(seq uint64, err error) *Fault {
	return &Fault{Segment: segmentName(s.segment), Line: s.line, Seq: seq, What: err.Error()}
}

// cancelled looks at ctx once in a while: it takes a lock.
func cancelled(ctx context.Context, n uint64) error {
	if n%1024 != 0 {
		return nil
	}
	return ctx.Err()
}
