package leak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Least is the shortest value that is looked for, in bytes.
const Least = minPlain

// Bounds of how a text is read that is not in memory, in bytes.
const (
	minWindow = 1 << 20 // looked at as one
	lead      = 16      // read again before where a look goes on, for what stands before a value
	perByte   = 12      // of a byte behind two layers of escapes: \\u0041, or \u0026#x0041;
)

// minLine is the shortest line of a secret of several that is looked for by itself, in
// bytes: shorter ones, those with blanks and the frames of PEM are in honest texts.
const minLine = 16

// maxLines is how many lines of a secret are looked for: those of the longest keys.
const maxLines = 128

// WithLines is a secret with the lines of it that are secrets as well: those of a key in
// a file.
func WithLines(name, value string) []Secret {
	list := []Secret{{Name: name, Text: value}}
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if len(list) <= maxLines && len(line) >= minLine && line != value && !strings.ContainsAny(line, " \t") && !strings.HasPrefix(line, "-----") {
			list = append(list, Secret{Name: name, Text: line})
		}
	}
	return list
}

// Look reads a text to its end and tells where secrets are in it, in order: the byte at
// which what was found begins, and whose it is. It holds no more than two windows of the
// text, each of a mebibyte or what the longest secret takes. The first error of found
// ends it.
func (w *Watch) Look(ctx context.Context, r io.Reader, found func(at int64, names []string) error) error {
	if w == nil {
		return nil
	}
	overlap := perByte*w.longest() + lead
	l := looking{watch: w, found: found, buf: make([]byte, 0, max(minWindow, 2*overlap)+overlap), overlap: overlap}
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n, err := io.ReadFull(r, l.buf[len(l.buf):cap(l.buf)])
		l.buf = l.buf[:len(l.buf)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("reading at byte %d: %w", l.at+int64(len(l.buf)), err)
		}
		if err := l.window(last); err != nil || last {
			return err
		}
	}
}

// longest is how long the longest pattern is, in bytes.
func (w *Watch) longest() (n int) {
	for i := range w.patterns {
		n = max(n, len(w.patterns[i].text))
	}
	return n
}

// looking is a look at a text, window by window.
type looking struct {
	watch   *Watch
	found   func(at int64, names []string) error
	overlap int
	buf     []byte
	at      int64 // where buf begins in the text
	from    int64 // up to where every find was told
	seen    int64 // up to where was looked
}

// window looks at what is in buf, and keeps the end of it for the next window: what begins
// there may not end there. Everything is told once, by the window that has it whole.
func (l *looking) window(last bool) error {
	cut := len(l.buf)
	if !last {
		cut -= l.overlap
	}
	f := finding{watch: l.watch, seen: make([]bool, len(l.watch.names))}
	for _, s := range f.find(l.buf, 0) {
		told := l.at+int64(s.start) < l.from && l.at+int64(s.end) <= l.seen
		if told || s.start >= cut {
			continue
		}
		_, names := l.watch.Mask(l.buf[s.start:s.end])
		if err := l.found(max(l.at+int64(s.start), l.from), names); err != nil {
			return err
		}
	}
	l.from, l.seen = l.at+int64(cut), l.at+int64(len(l.buf))
	keep := max(cut-lead, 0)
	l.at += int64(keep)
	l.buf = l.buf[:copy(l.buf, l.buf[keep:])]
	return nil
}
