package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// Bounds of a server-sent event stream. retry is what SEP-1699 lets a server
// choose: less would hammer it, more would lose the stream.
const (
	minRetry     = 10 * time.Millisecond
	maxRetry     = 30 * time.Second
	defaultRetry = time.Second
	sseOverhead  = 64 // bytes of field name and space beside an event's data
)

// errTooLarge is a message, line or event over Settings.MaxResult.
var errTooLarge = errors.New("message exceeds the upstream's limit")

// event is one dispatched server-sent event.
type event struct {
	name string // "" and "message" carry JSON-RPC messages
	data []byte // owned by the caller
}

// sseReader reads server-sent events (HTML Living Standard, section 9.2) with
// every line and event bounded. What it returns does not depend on how the
// bytes are cut into reads.
type sseReader struct {
	br     *bufio.Reader
	max    int64         // bytes of one event's data
	lastID string        // of the last complete event that had one
	retry  time.Duration // what the server asked for, clamped; 0 when it did not
	line   []byte
	bom    bool // the first line has been looked at
	skipLF bool // the last line ended with CR
}

// Bytes that are read of a stream at a time, and kept as long as it is open: of one with answers, and of one on which nothing comes
// but a notification now and then, of which every client that listens has one.
const (
	busyBuffer = 16 << 10
	idleBuffer = 2 << 10
)

// newSSEReader reads a stream through a buffer of so many bytes; an event may have up to limit, whatever that is.
func newSSEReader(r io.Reader, limit int64, buffer int) *sseReader {
	return &sseReader{br: bufio.NewReaderSize(r, buffer), max: limit}
}

// buffer is that for the stream that answers a request.
func (o *outgoing) buffer() int {
	if o.method == methodListen {
		return idleBuffer
	}
	return busyBuffer
}

// next returns the next event with data. io.EOF is the end of the stream; an
// event that the end cuts off is dropped, as the standard says.
func (r *sseReader) next() (event, error) {
	var ev event
	id, hasID, lines := "", false, 0
	for {
		line, err := r.readLine()
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if hasID {
				r.lastID = id
			}
			if len(ev.data) > 0 {
				return ev, nil
			}
			ev, hasID, lines = event{}, false, 0
			continue
		}
		name, value := splitField(line)
		switch name {
		case "event":
			ev.name = string(value)
		case "data":
			if lines++; lines > 1 {
				ev.data = append(ev.data, '\n')
			}
			if int64(len(ev.data)+len(value)) > r.max {
				return event{}, errTooLarge
			}
			ev.data = append(ev.data, value...)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				id, hasID = string(value), true
			}
		case "retry":
			r.setRetry(value)
		}
	}
}

func (r *sseReader) setRetry(value []byte) {
	ms, err := strconv.ParseUint(string(value), 10, 32)
	if err != nil || value[0] == '+' {
		return
	}
	r.retry = min(max(time.Duration(ms)*time.Millisecond, minRetry), maxRetry)
}

// splitField cuts a line into field name and value; a comment has no name.
func splitField(line []byte) (string, []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	if found && len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return string(name), value
}

// readLine returns the next line without its end: LF, CR or CRLF. After a CR it
// does not wait for the LF that may follow. The line is valid until the next call.
func (r *sseReader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		if _, err := r.br.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := r.br.Peek(r.br.Buffered())
		if r.skipLF {
			r.skipLF = false
			if chunk[0] == '\n' {
				_, _ = r.br.Discard(1)
				continue
			}
		}
		end := bytes.IndexAny(chunk, "\r\n")
		part := chunk
		if end >= 0 {
			part = chunk[:end]
		}
		if int64(len(r.line)+len(part)) > r.max+sseOverhead {
			return nil, errTooLarge
		}
		r.line = append(r.line, part...)
		if end < 0 {
			_, _ = r.br.Discard(len(chunk))
			continue
		}
		r.skipLF = chunk[end] == '\r'
		_, _ = r.br.Discard(end + 1)
		if !r.bom {
			r.bom = true
			r.line = bytes.TrimPrefix(r.line, []byte("\ufeff"))
		}
		return r.line, nil
	}
}
