package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"doorward/internal/gate"
)

// wire writes one HTTP answer: JSON at once, or an SSE stream event by event.
// One goroutine uses it at a time.
type wire struct {
	w       http.ResponseWriter
	rc      http.ResponseController // a value, for it is one per request
	stall   time.Duration
	started bool // the status line is out
	closes  bool // the client asked for the end of its connection
	counts  bool // the answer says its length itself: it may be out before the handler ends
	buf     []byte
	values  [4]string // of the headers that set has set, instead of a slice each
	used    int
}

func newWire(w http.ResponseWriter, stall time.Duration) wire {
	return wire{w: w, rc: *http.NewResponseController(w), stall: stall}
}

// set sets a header. key is in canonical form.
func (c *wire) set(key, value string) {
	if c.used == len(c.values) {
		c.w.Header()[key] = []string{value}
		return
	}
	at := c.used
	c.used++
	c.values[at] = value
	c.w.Header()[key] = c.values[at : at+1 : at+1] // who appends to it gets a slice of its own
}

// begin sets the deadline of a new request's body, wait, which also bounds how long
// net/http drains a small one that nobody read. For writing there is slot.limit's, until
// something is written: net/http asks for a body that waits to be asked for.
func (c *wire) begin(r *http.Request, wait time.Duration) {
	c.closes = r.Close
	if r.ContentLength != 0 {
		c.counts = r.ContentLength < 0 || r.ContentLength >= drainedByHTTP
		c.deadline(c.rc.SetReadDeadline, time.Now().Add(wait))
	}
}

// ends tells whether the client or the gateway has said that the connection ends with the answer.
func (c *wire) ends() bool { return c.closes || c.w.Header().Get("Connection") == "close" }

// deadline sets a deadline where the connection can have one. One that cannot
// (in-memory writers of tests) has nothing that could stall.
func (c *wire) deadline(set func(time.Time) error, at time.Time) { _ = set(at) }

// arm gives the client stall to take the next write.
func (c *wire) arm() { c.deadline(c.rc.SetWriteDeadline, time.Now().Add(c.stall)) }

// countedByHTTP is the size in bytes up to which net/http says the length of an
// answer itself, because all of it is there when the handler ends.
const countedByHTTP = 2 << 10

// json writes the whole answer, which may be in pieces. Nothing is written after it.
func (c *wire) json(status int, body ...[]byte) error {
	c.started = true
	size := 0
	for _, piece := range body {
		size += len(piece)
	}
	c.set("Content-Type", "application/json")
	if size > countedByHTTP || c.counts || c.ends() {
		c.set("Content-Length", strconv.Itoa(size))
	}
	c.arm()
	c.w.WriteHeader(status)
	for _, piece := range body {
		if _, err := c.w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// empty writes an answer without a body.
func (c *wire) empty(status int) {
	c.started = true
	c.arm()
	c.w.WriteHeader(status)
}

// stream starts an SSE stream. The headers keep proxies from changing,
// compressing or holding it back (2026-07-28, Streamable HTTP).
func (c *wire) stream() error {
	c.started = true
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	c.arm()
	c.w.WriteHeader(http.StatusOK)
	return c.flush()
}

// event writes one SSE event. data is one line; id may be empty.
func (c *wire) event(id string, data []byte) error {
	b := append(c.buf[:0], "event: message\n"...)
	if id != "" {
		b = append(append(append(b, "id: "...), id...), '\n')
	}
	b = append(append(append(b, "data: "...), data...), '\n', '\n')
	return c.send(b)
}

// named writes an SSE event of another name. text is one line.
func (c *wire) named(name, text string) error {
	return c.send(append(c.buf[:0], "event: "+name+"\ndata: "+text+"\n\n"...))
}

// prime gives the client an event id to come back with before there is any
// event, and says to wait a second before it does (2025-11-25, SEP-1699).
func (c *wire) prime(id string) error {
	return c.send(append(append(append(c.buf[:0], "id: "...), id...), "\nretry: 1000\ndata: \n\n"...))
}

// comment keeps proxies from giving up on a quiet stream.
func (c *wire) comment() error { return c.send(append(c.buf[:0], ": still here\n\n"...)) }

// maxKept is the largest buffer that stays with a stream between events.
const maxKept = 16 << 10

func (c *wire) send(b []byte) error {
	if cap(b) <= maxKept {
		c.buf = b
	}
	c.arm()
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	return c.flush()
}

// flush sends what is written and lifts the deadline: an HTTP/2 stream whose
// deadline passes is reset even when nothing waits.
func (c *wire) flush() error {
	err := c.rc.Flush()
	c.deadline(c.rc.SetWriteDeadline, time.Time{})
	return err
}

// minRate is the bytes a second that a body must keep up after BodyWait
// (security.md HTT-10).
const minRate = 16 << 10

// The length of a body is a claim. As much as believed is set aside on its word,
// and then this many times what has come: a large body is copied twice, and who
// claims one and sends little makes the gateway hold little.
const (
	believed = 64 << 10
	growth   = 8
)

// roomier is how much room a body gets whose buffer of so many bytes is full: all of size, if that is known
// (not negative) and not too much to believe, and never more than limit.
func roomier(full, size, limit int64) int64 {
	room := min(2*full+1, limit)
	if size >= full {
		room = min(growth*(full+1), size)
	}
	return max(room, full+1)
}

// body reads the message of a principal within the largest that is allowed.
func (v *visit) body(_ context.Context, who *gate.Principal) ([]byte, error) {
	if err := belongs(&v.held, who); err != nil {
		return nil, err
	}
	if v.early != nil {
		return v.early, nil
	}
	raw, err := v.read(v.settings.maxBody())
	if err == nil && v.held.Spare() && !ending(raw) {
		v.held.Refuse()
		return nil, overload()
	}
	return raw, err
}

// read reads the request's body within limit bytes. Past it the error is a
// *gate.Error with CodeTooLarge, and for a length that says so at once without
// reading any. A body that comes too slowly is cut off.
func (v *visit) read(limit int64) ([]byte, error) {
	r := v.r
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	counted := min(int64(4<<10), limit)
	if r.ContentLength >= 0 {
		counted = min(r.ContentLength, believed)
	}
	if !v.held.Grow(counted) {
		return nil, overload()
	}
	buf := make([]byte, 0, counted+1) // and a byte in which the end shows
	armed := 0
	for {
		if len(buf) == cap(buf) {
			room := roomier(counted, r.ContentLength, limit)
			if !v.held.Grow(room - counted) {
				return nil, overload()
			}
			counted = room
			buf = append(make([]byte, 0, counted+1), buf...)
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, tooLarge(limit)
		case errors.Is(err, io.EOF):
			v.whole = true
			v.out.deadline(v.out.rc.SetReadDeadline, time.Time{})
			return buf, nil
		case err != nil:
			return nil, &gate.Error{Code: gate.CodeBadBody, Public: "the body ended early or came too slowly", Op: "reading the body", Err: err}
		}
		if len(buf)-armed >= 4*minRate {
			armed = len(buf)
			allowed := v.server.cfg.Limits.BodyWait + time.Duration(armed/minRate)*time.Second
			v.out.deadline(v.out.rc.SetReadDeadline, v.start.Add(allowed))
		}
	}
}

func tooLarge(limit int64) error {
	return &gate.Error{
		Code:   gate.CodeTooLarge,
		Public: fmt.Sprintf("the message is larger than %d bytes", limit),
		Op:     "reading a message",
	}
}
