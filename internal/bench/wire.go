package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// maxAnswer bounds what a target can make the client hold.
const maxAnswer = 16 << 20

// wire is one persistent HTTP/1.1 connection. It knows as much of HTTP as the
// targets use, because net/http's client would cost more than what is measured.
type wire struct {
	nc   net.Conn
	br   *bufio.Reader
	body []byte // of the last answer; the next one overwrites it
	stop func() bool
}

// answer is one HTTP response. body is valid until the next one.
type answer struct {
	status  int
	session string // Mcp-Session-Id
	body    []byte // of an event stream, its last event's data
}

// dial connects. Every use of the connection must be over by deadline; the end
// of ctx closes it.
func dial(ctx context.Context, address string, deadline time.Time) (*wire, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(deadline); err != nil {
		nc.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	return &wire{nc: nc, br: bufio.NewReaderSize(nc, 16<<10), stop: stop}, nil
}

func (w *wire) close() {
	w.stop()
	w.nc.Close()
}

// roundTrip sends a whole request and reads the whole answer.
func (w *wire) roundTrip(request []byte) (answer, error) {
	if _, err := w.nc.Write(request); err != nil {
		return answer{}, err
	}
	return w.read()
}

// head is what the client needs of a response's head.
type head struct {
	answer
	length  int64 // -1: not given
	chunked bool
	events  bool // text/event-stream
}

func (w *wire) read() (answer, error) {
	h, err := w.readHead()
	if err != nil {
		return answer{}, err
	}
	w.body = w.body[:0]
	switch {
	case h.chunked:
		err = w.readChunks()
	case h.length > 0:
		err = w.readN(h.length)
	case h.length < 0 && h.status != 204 && h.status != 304:
		err = errors.New("an answer without a length on a persistent connection")
	}
	if err != nil {
		return answer{}, err
	}
	h.body = w.body
	if h.events {
		h.body = lastEvent(w.body)
	}
	return h.answer, nil
}

func (w *wire) readHead() (head, error) {
	h := head{length: -1}
	line, err := w.line()
	if err != nil {
		return h, err
	}
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 {
		return h, fmt.Errorf("status line %.40q", line)
	}
	if h.status, err = strconv.Atoi(string(rest[:3])); err != nil {
		return h, fmt.Errorf("status line %.40q", line)
	}
	for {
		line, err := w.line()
		if err != nil {
			return h, err
		}
		if len(line) == 0 {
			return h, nil
		}
		key, value, _ := bytes.Cut(line, []byte(":"))
		if err := h.set(key, bytes.TrimSpace(value)); err != nil {
			return h, err
		}
	}
}

func (h *head) set(key, value []byte) error {
	switch {
	case isHeader(key, "content-length"):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 || n > maxAnswer {
			return fmt.Errorf("content length %.20q", value)
		}
		h.length = n
	case isHeader(key, "transfer-encoding"):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case isHeader(key, "content-type"):
		h.events = bytes.HasPrefix(value, []byte("text/event-stream"))
	case isHeader(key, "mcp-session-id"):
		h.session = string(value)
	}
	return nil
}

func isHeader(key []byte, name string) bool {
	return len(key) == len(name) && bytes.EqualFold(key, []byte(name))
}

// line reads one line without its end. It is valid until the next read.
func (w *wire) line() ([]byte, error) {
	line, err := w.br.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// readN appends n bytes to the body.
func (w *wire) readN(n int64) error {
	at := len(w.body)
	if int64(at)+n > maxAnswer {
		return errors.New("answer too long")
	}
	end := at + int(n)
	if cap(w.body) < end {
		w.body = append(make([]byte, 0, 2*end), w.body...)
	}
	w.body = w.body[:end]
	_, err := io.ReadFull(w.br, w.body[at:])
	return err
}

func (w *wire) readChunks() error {
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(size), 16, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("chunk size %.20q", line)
		}
		if n > 0 {
			if err := w.readN(n); err != nil {
				return err
			}
		}
		for { // the end of the chunk, or the trailers
			line, err := w.line()
			if err != nil {
				return err
			}
			if len(line) == 0 {
				break
			}
			if n > 0 {
				return errors.New("a chunk longer than it says")
			}
		}
		if n == 0 {
			return nil
		}
	}
}

// lastEvent returns the data of the last event that has any: what comes before
// the answer are comments and notifications. JSON-RPC data is one line.
func lastEvent(stream []byte) []byte {
	var last []byte
	for line := range bytes.Lines(stream) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if data = bytes.TrimSpace(data); len(data) > 0 {
				last = data
			}
		}
	}
	return last
}
