package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// What Redis may announce in one reply. The library makes room for what a header says before
// any of it has come.
const (
	replyText  = maxIncidentSize + sealOverhead // bytes of one text: an incident is the longest that is kept
	replyItems = 1 << 16                        // at all depths: readApprovalsText gives the most, two for each of maxRecords
	replyBytes = 256 << 20                      // of all of it: maxRecords of maxRecord are 197 MB, and incidentsBatch of the longest 210 MB
	replyLine  = 64 << 10                       // bytes of an error, or of another line
	replyDepth = 8                              // of lists in lists: HELLO has four, with the modules of a server
	replyHead  = len("$") + 19 + len("\r\n")    // bytes of a line that announces, with a number of 64 bits
)

// errReply is the end of a connection whose server speaks another protocol than it was asked for.
var errReply = errors.New("the server answers otherwise than Redis does in RESP2")

// replies is a connection to Redis which ends at a header that announces more than a reply
// may have, before the library sees it. It knows RESP2, which the library asks for:
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type replies struct {
	net.Conn
	kind        byte            // of what is being read: its first byte, 0 before it has come
	head        []byte          // of a line that announces, as much as has come
	line        int             // bytes of another line that have come
	text        int             // bytes of a text, with its end, that are still to come
	open        [replyDepth]int // elements that are still to come, of each list that is not complete
	depth       int             // lists that are not complete
	items, size int             // of the reply so far; items with those announced
	broken      error
}

// direct is one whose socket the library may look at between two commands.
type direct struct {
	*replies
	syscall.Conn
}

// bounded is how connections are made, with what comes looked at. Within TLS that is what was
// decrypted.
func bounded(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		r := &replies{Conn: c}
		if socket, ok := c.(syscall.Conn); ok {
			return direct{r, socket}, nil
		}
		return r, nil
	}
}

func (r *replies) Read(p []byte) (int, error) {
	if r.broken != nil {
		return 0, r.broken
	}
	n, err := r.Conn.Read(p)
	if r.broken = r.look(p[:n]); r.broken != nil {
		return 0, r.broken
	}
	return n, err
}

// look follows what has come.
func (r *replies) look(p []byte) error {
	for len(p) > 0 {
		if r.text == 0 && r.kind == 0 {
			r.kind = p[0]
		}
		var n int
		var err error
		switch {
		case r.text > 0:
			n = r.pass(p)
		case r.kind == '$' || r.kind == '*':
			n, err = r.announced(p)
		case r.kind == '+' || r.kind == '-' || r.kind == ':':
			n, err = r.told(p)
		default:
			return errReply
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// pass goes over bytes of a text, and returns how many.
func (r *replies) pass(p []byte) int {
	n := min(len(p), r.text)
	if r.text -= n; r.text == 0 {
		r.complete()
	}
	return n
}

// told goes over bytes of a line that announces nothing, and returns how many.
func (r *replies) told(p []byte) (int, error) {
	end := bytes.IndexByte(p, '\n')
	n := end + 1
	if end < 0 {
		n = len(p)
	}
	if r.line += n; r.line > replyLine {
		return 0, fmt.Errorf("the server's reply has a line of more than %d bytes", replyLine)
	}
	if err := r.grow(n); err != nil {
		return 0, err
	}
	if end >= 0 {
		r.complete()
	}
	return n, nil
}

// announced goes over bytes of a line that says how much follows, and returns how many.
func (r *replies) announced(p []byte) (int, error) {
	end := bytes.IndexByte(p, '\n')
	n := end + 1
	if end < 0 {
		n = len(p)
	}
	if len(r.head)+n > replyHead {
		return 0, errReply
	}
	if r.head = append(r.head, p[:n]...); end < 0 {
		return n, nil
	}
	digits, ok := bytes.CutSuffix(r.head[1:], []byte("\r\n"))
	size := len(r.head)
	r.head = r.head[:0]
	switch {
	case !ok:
		return 0, errReply
	case string(digits) == "-1": // nothing, in the place of a text or a list
		r.complete()
		return n, nil
	}
	count, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, errReply
	}
	if err := r.grow(size); err != nil {
		return 0, err
	}
	if r.kind == '$' {
		return n, r.expect(count)
	}
	return n, r.list(count)
}

// expect begins a text.
func (r *replies) expect(size uint64) error {
	if size > replyText {
		return fmt.Errorf("the server's reply announces a text of %d bytes, and none has more than %d", size, replyText)
	}
	r.text = int(size) + len("\r\n")
	return r.grow(r.text)
}

// list begins a list.
func (r *replies) list(items uint64) error {
	if items > uint64(replyItems-r.items) { //nolint:gosec // never more than replyItems
		return fmt.Errorf("the server's reply announces a list of %d elements, and none has more than %d in all", items, replyItems)
	}
	if items == 0 {
		r.complete()
		return nil
	}
	if r.depth == replyDepth {
		return fmt.Errorf("the server's reply has lists in lists, more than %d deep", replyDepth)
	}
	r.items += int(items)        //nolint:gosec // at most replyItems
	r.open[r.depth] = int(items) //nolint:gosec // likewise
	r.depth++
	r.kind = 0
	return nil
}

// grow counts bytes of a reply.
func (r *replies) grow(by int) error {
	if r.size += by; r.size > replyBytes {
		return fmt.Errorf("the server's reply has more than %d bytes", replyBytes)
	}
	return nil
}

// complete is told of each element that has come whole, and of the lists that end with it.
func (r *replies) complete() {
	r.kind, r.line = 0, 0
	for r.depth > 0 {
		if r.open[r.depth-1]--; r.open[r.depth-1] > 0 {
			return
		}
		r.depth--
	}
	r.items, r.size = 0, 0
}
