package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// errStalled is a line that was begun and not finished in time.
var errStalled = errors.New("a line was not finished in time")

// steadyReader reads a child's output and does not wait for ever for the rest of
// a line: a child that stops within one, or sends it byte by byte, would hold
// back everything that comes after it. Before a line begins it has all the time.
type steadyReader struct {
	file     *os.File
	patience time.Duration // for one line, from its first byte to its end
	begun    time.Time     // when the line began that is not finished; zero: none
	armed    time.Time     // the value of begun that the deadline is for

	mu    sync.Mutex
	ended bool // the deadline is that of end
}

func newSteadyReader(file *os.File, patience time.Duration) *steadyReader {
	return &steadyReader{file: file, patience: patience}
}

// Read is for one goroutine.
func (r *steadyReader) Read(p []byte) (int, error) {
	r.allow()
	n, err := r.file.Read(p)
	switch {
	case n > 0 && p[n-1] == '\n':
		r.begun = time.Time{}
	case n > 0 && (r.begun.IsZero() || bytes.IndexByte(p[:n], '\n') >= 0):
		r.begun = time.Now()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !r.begun.IsZero() && time.Since(r.begun) >= r.patience {
		return n, fmt.Errorf("%w: %w", errStalled, err)
	}
	return n, err
}

// allow sets the deadline of the next read, unless that has to be the last. A
// system whose pipes have no deadlines is left with the timeout of each call.
func (r *steadyReader) allow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.begun.Equal(r.armed) {
		return
	}
	deadline := time.Time{}
	if !r.begun.IsZero() {
		deadline = r.begun.Add(r.patience)
	}
	_ = r.file.SetReadDeadline(deadline)
	r.armed = r.begun
}

// end lets reading go on for that long at most. Any goroutine may call it.
func (r *steadyReader) end(after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	_ = r.file.SetReadDeadline(time.Now().Add(after))
}

// lineReader cuts a child's output into lines of a bounded length.
type lineReader struct {
	br  *bufio.Reader
	max int64
}

func newLineReader(r io.Reader, limit int64) *lineReader {
	return &lineReader{br: bufio.NewReaderSize(r, 64<<10), max: limit}
}

// next returns a line of its own memory, without its end. errTooLarge ends the reading.
func (r *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := r.br.ReadSlice('\n')
		if int64(len(line)+len(part)) > r.max+1 {
			return nil, errTooLarge
		}
		switch {
		case err == nil:
			return append(line, part[:len(part)-1]...), nil
		case errors.Is(err, bufio.ErrBufferFull):
			line = append(line, part...)
		default:
			return nil, err // a line without an end is no message
		}
	}
}

// nextShort returns a line cut to limit bytes; the rest of it is skipped.
func (r *lineReader) nextShort(limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.br.ReadSlice('\n')
		if room := limit - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		switch {
		case err == bufio.ErrBufferFull: //nolint:errorlint // ReadSlice returns it bare
			continue
		case err != nil && len(line) == 0:
			return nil, err
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

// skip throws away what has come, up to a line that is not finished or the end of one, and says
// how many lines ended in it. The rest of a line that was begun is thrown away by nextShort(0).
func (r *lineReader) skip() (lines int, begun bool, err error) {
	if _, err := r.br.Peek(1); err != nil {
		return 0, false, err
	}
	part, err := r.br.Peek(r.br.Buffered())
	if err != nil {
		return 0, false, err
	}
	lines, begun = bytes.Count(part, []byte{'\n'}), part[len(part)-1] != '\n'
	_, err = r.br.Discard(len(part))
	return lines, begun, err
}

// allowance lets n things pass in each period: how much of a child's noise is logged.
// It is for one goroutine.
type allowance struct {
	n, left int
	period  time.Duration
	until   time.Time
}

func newAllowance(n int, period time.Duration) *allowance {
	return &allowance{n: n, period: period}
}

func (a *allowance) take() bool { return a.spend(1) }

// none tells whether nothing is left of the period.
func (a *allowance) none() bool { return a.left <= 0 && !time.Now().After(a.until) }

// spend takes n of them.
func (a *allowance) spend(n int) bool {
	if now := time.Now(); now.After(a.until) {
		a.left, a.until = a.n, now.Add(a.period)
	}
	a.left -= n
	return a.left >= 0
}
