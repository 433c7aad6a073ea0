package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"doorward/internal/jsonrpc"
)

// errWriting is that the client cannot be written to.
var errWriting = errors.New("writing to stdout")

// lineWriter writes one line at a time.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) write(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.out.Write(append(slices.Clip(data), '\n')); err != nil {
		return fmt.Errorf("%w: %w", errWriting, err)
	}
	return nil
}

// line is what was read of stdin.
type line struct {
	data []byte // of a long one its beginning
	long bool   // it had more than maxLine bytes
	err  error
}

// beginning is how much is kept of a line that is too long, in bytes: enough for
// the id of most.
const beginning = 4 << 10

// readLines sends each line that is not empty.
func readLines(in io.Reader, lines chan<- line, stop <-chan struct{}) {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		l := readLine(r)
		if l.err == nil && len(bytes.TrimSpace(l.data)) == 0 {
			continue
		}
		select {
		case lines <- l:
		case <-stop:
			return
		}
		if l.err != nil {
			return
		}
	}
}

// readLine reads one line. The last one need not have an end.
func readLine(r *bufio.Reader) line {
	var l line
	for {
		part, err := r.ReadSlice('\n')
		if !l.long {
			l.data = append(l.data, part...)
		}
		// The line's own end does not count.
		if len(bytes.TrimRight(l.data, "\r\n")) > maxLine {
			l.data, l.long = bytes.Clone(l.data[:beginning]), true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && (!errors.Is(err, io.EOF) || len(l.data) == 0):
			return line{err: err}
		default:
			return l
		}
	}
}

// idOf is the id of a message that is not read, or not whole; nil when it is not
// to be seen. asks tells whether its sender may wait for an answer: it does not
// look like an answer itself.
func idOf(message []byte) (id []byte, asks bool) {
	method, answers := false, false
	_ = jsonrpc.Members(message, func(name string, _, value jsonrpc.Span) error {
		switch name {
		case "id":
			id = message[value.Start:value.End]
		case "method":
			method = true
		case "result", "error":
			answers = true
		}
		return nil
	})
	m, err := jsonrpc.Parse(slices.Concat([]byte(`{"jsonrpc":"2.0","method":"x","id":`), id, []byte("}")), jsonrpc.ClientLimits())
	if err != nil || m.Kind != jsonrpc.Request || !method {
		id = nil
	}
	return id, method || !answers
}
