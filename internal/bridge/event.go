package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// errEventTooLarge is an event over its bound.
var errEventTooLarge = errors.New("event too large")

// event is one server-sent event.
type event struct {
	name string // empty and message carry JSON-RPC
	data []byte
}

// eventReader reads server-sent events (HTML Living Standard, section 9.2), each
// line and each event bounded.
type eventReader struct {
	lines  *bufio.Scanner
	limit  int           // bytes of an event's data
	lastID string        // of the last whole event that had one
	retry  time.Duration // that the server asked for, within bounds; 0: none

	begun  bool // a line was read
	skipLF bool // the last line ended with CR
	seen   int  // bytes of the next line that have no end in them
}

func newEventReader(r io.Reader, limit int) *eventReader {
	e := &eventReader{lines: bufio.NewScanner(r), limit: limit}
	e.lines.Buffer(nil, limit+64) // beside the data there are the field's name and a space
	e.lines.Split(e.cut)
	return e
}

// next returns the next event that has a name or data. An event that the end
// cuts off is none.
func (r *eventReader) next() (event, error) {
	var ev event
	id, hasID, lines := "", false, 0
	for {
		text, err := r.line()
		if err != nil {
			return event{}, err
		}
		if len(text) == 0 {
			if hasID {
				r.lastID = id
			}
			if lines > 0 || ev.name != "" {
				return ev, nil
			}
			hasID = false
			continue
		}
		name, value, _ := bytes.Cut(text, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			ev.name = string(value)
		case "data":
			if lines++; lines > 1 {
				ev.data = append(ev.data, '\n')
			}
			if len(ev.data)+len(value) > r.limit {
				return event{}, errEventTooLarge
			}
			ev.data = append(ev.data, value...)
		case "id":
			// What no header could carry is not given back.
			if text := string(value); len(text) <= 1024 && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				id, hasID = text, true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 32); err == nil {
				r.retry = min(max(time.Duration(ms)*time.Millisecond, minRetry), maxRetry)
			}
		}
	}
}

// line returns the next line without its end. It is valid until the next call.
func (r *eventReader) line() ([]byte, error) {
	if !r.lines.Scan() {
		switch err := r.lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return nil, errEventTooLarge
		case err != nil:
			return nil, err
		}
		return nil, io.EOF
	}
	text := r.lines.Bytes()
	if !r.begun {
		r.begun = true
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	return text, nil
}

// cut is a bufio.SplitFunc: lines end with LF, CR or CRLF. After a CR it does not
// wait for the LF that may follow. What the end cuts off is no line.
func (r *eventReader) cut(data []byte, atEOF bool) (advance int, token []byte, err error) {
	start := 0
	if r.skipLF && len(data) > 0 && data[0] == '\n' {
		start = 1
	}
	from := max(r.seen, start)
	end := bytes.IndexAny(data[from:], "\r\n")
	if end < 0 {
		if r.seen = len(data); atEOF {
			return len(data), nil, nil
		}
		return 0, nil, nil
	}
	end += from
	r.seen, r.skipLF = 0, data[end] == '\r'
	return end + 1, data[start:end:end], nil
}
