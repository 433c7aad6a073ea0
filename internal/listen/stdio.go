package listen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"doorward/internal/gate"
)

// ServeStdio serves the client on in and out until in ends or ctx does. It then
// lets messages in flight end for at most Limits.Drain. Nothing but protocol is
// written to out. The error says why reading failed; the end of in is none.
//
// The reader's goroutine cannot be interrupted: when ctx ends it stays until in
// gives it one more line or ends, at the latest with the process.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	p := newPipe(s, gate.Inbound{Transport: "stdio", Local: true}, cut)
	w := &lineWriter{out: out}
	p.push, p.write = w.write, func(_ context.Context, data []byte) error { return w.write(data) }
	lines, stop := make(chan line), make(chan struct{})
	defer close(stop)
	r := lineReader{in: bufio.NewReaderSize(in, 64<<10), limit: func() int { return int(s.cfg.Settings().maxBody()) }}
	go r.read(lines, stop)
	return p.converse(ctx, lines)
}

// lineWriter writes one line at a time.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) write(data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.out.Write(append(slices.Clip(data), '\n')); err != nil {
		return fmt.Errorf("writing to stdout: %w", err)
	}
	return nil
}

// lineReader reads newline-delimited messages.
type lineReader struct {
	in    *bufio.Reader
	limit func() int // bytes of a line without its end
}

// read sends in's lines, each at most limit bytes; nil data for a longer one,
// which is skipped to its end.
func (r *lineReader) read(lines chan<- line, stop <-chan struct{}) {
	for {
		data, err := r.line()
		if err == nil && data != nil && len(bytes.TrimSpace(data)) == 0 {
			continue
		}
		select {
		case lines <- line{data, err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

func (r *lineReader) line() ([]byte, error) {
	limit := r.limit()
	data, long := []byte{}, false
	for {
		part, err := r.in.ReadSlice('\n')
		if !long {
			data = append(data, part...)
		}
		// The line's own end does not count against the limit.
		if len(bytes.TrimRight(data, "\r\n")) > limit {
			data, long = nil, true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && (!errors.Is(err, io.EOF) || len(data) == 0):
			return nil, err
		default:
			return data, nil
		}
	}
}
