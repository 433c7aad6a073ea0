package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxRun is the most bytes of a Run.
const MaxRun = 2 * maxLine

// Run is where records that follow each other stand in one segment.
type Run struct {
	Segment  int
	Off, Len int64
	// Sum is the SHA-256 of the records' lines, each with its newline: what may stand
	// for pruned records between them is left out.
	Sum [32]byte
}

// ErrMoved means that other records stand where a Run was, or none.
var ErrMoved = errors.New("the records are not where they were")

// Runs reads runs of a log. One goroutine uses it; the zero value but for Dir is ready.
type Runs struct {
	Dir     string
	file    *os.File
	segment int
	buf     []byte
	d       decoder
}

// Read holds a run against its digest, and then yields those of its records that are
// wanted by their place in it, from 0. The record must not be kept by reference.
func (r *Runs) Read(run *Run, want func(n int) bool, yield func(*Record) error) error {
	if err := r.load(run); err != nil {
		return err
	}
	var rec Record
	n := 0
	for line := range bytes.Lines(r.buf) {
		if isGap(line) {
			continue
		}
		if want(n) {
			if err := r.d.decode(line[:len(line)-1], &rec); err != nil {
				return fmt.Errorf("reading audit log: %s: %w", segmentName(run.Segment), err)
			}
			if err := yield(&rec); err != nil {
				return err
			}
		}
		n++
	}
	return nil
}

// Check tells whether a run is where it was: ErrMoved when not.
func (r *Runs) Check(run *Run) error { return r.load(run) }

// load reads a run into buf.
func (r *Runs) load(run *Run) error {
	if run.Len <= 0 || run.Len > MaxRun || run.Off < 0 {
		return ErrMoved
	}
	if r.file == nil || r.segment != run.Segment {
		if err := r.Close(); err != nil {
			return err
		}
		f, err := readSegment(r.Dir, run.Segment)
		if isNotExist(err) {
			return ErrMoved
		}
		if err != nil {
			return fmt.Errorf("reading audit log: %w", err)
		}
		r.file, r.segment = f, run.Segment
	}
	if int64(cap(r.buf)) < run.Len {
		r.buf = make([]byte, run.Len, MaxRun)
	}
	r.buf = r.buf[:run.Len]
	if n, err := r.file.ReadAt(r.buf, run.Off); errors.Is(err, io.EOF) && n < len(r.buf) {
		return ErrMoved
	} else if err != nil && n < len(r.buf) {
		return fmt.Errorf("reading audit log: %w", err)
	}
	sum := sha256.New()
	for line := range bytes.Lines(r.buf) {
		if !isGap(line) {
			_, _ = sum.Write(line)
		}
	}
	if [32]byte(sum.Sum(nil)) != run.Sum || r.buf[len(r.buf)-1] != '\n' {
		return ErrMoved
	}
	return nil
}

// Close lets go of the log.
func (r *Runs) Close() error {
	if r.file == nil {
		return nil
	}
	f := r.file
	r.file = nil
	return f.Close()
}
