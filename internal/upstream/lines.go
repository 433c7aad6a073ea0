package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

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

func (a *allowance) take() bool {
	if now := time.Now(); now.After(a.until) {
		a.left, a.until = a.n, now.Add(a.period)
	}
	a.left--
	return a.left >= 0
}
