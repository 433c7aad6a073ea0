package listen

import (
	"bytes"
	"net/http"
	"sync"
)

// maxHead bounds the bytes kept of a request's head: what net/http reads of one,
// with its slack of 4 KiB.
const maxHead = maxHeaderBytes + 4<<10

// maxHeadKept is the largest buffer that stays with a connection between requests.
const maxHeadKept = 4 << 10

// head is the head of the newest request on a connection, as it arrived. net/http
// drops a Content-Length beside Transfer-Encoding and a Transfer-Encoding of
// HTTP/1.0 before a handler can see them, and serves the request: where a proxy in
// front went by the other, what it took for the body is then the next request
// (RFC 9112, section 11.2). So such a request is looked at once more.
type head struct {
	mu    sync.Mutex
	on    bool // the head is arriving
	bytes []byte
}

// begin starts with the next request.
func (h *head) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on = true
	if h.bytes = h.bytes[:0]; cap(h.bytes) > maxHeadKept {
		h.bytes = nil
	}
}

// note keeps what arrived, up to the end of the head.
func (h *head) note(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on {
		return
	}
	from := max(len(h.bytes)-len("\n\r\n"), 0)
	h.bytes = append(h.bytes, b[:min(len(b), maxHead-len(h.bytes))]...)
	h.on = len(h.bytes) < maxHead && !ended(h.bytes[from:])
}

// ended tells whether an empty line is in b.
func ended(b []byte) bool {
	return bytes.Contains(b, []byte("\n\r\n")) || bytes.Contains(b, []byte("\n\n"))
}

// clear tells whether the head says in exactly one way where the request ends. It
// does not when it is not there: a client that sent its request before the last
// one was answered does not get to send one whose end could be doubted.
func (h *head) clear(r *http.Request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := bytes.Split(bytes.TrimLeft(h.bytes, "\r\n"), []byte("\n"))
	// The first byte may have been read while the request before was answered.
	if !bytes.HasSuffix(bytes.TrimRight(lines[0], "\r"), []byte(" "+r.RequestURI+" "+r.Proto)) || !ended(h.bytes) {
		return false
	}
	chunked := 0
	for _, line := range lines[1:] {
		if len(bytes.TrimRight(line, "\r")) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if chunked++; !bytes.EqualFold(bytes.Trim(value, " \r"), []byte("chunked")) {
				return false
			}
		case bytes.EqualFold(name, []byte("Content-Length")) && len(r.TransferEncoding) > 0:
			return false
		}
	}
	return chunked == len(r.TransferEncoding)
}

// framed tells whether it is beyond doubt where an HTTP/1 request ends. Where that
// cannot be known, beneath TLS, the connection ends with the answer instead: what
// was hidden behind the request is never read (RFC 9112, section 6.3).
func (v *visit) framed() bool {
	r := v.r
	if r.ProtoMajor != 1 || len(r.TransferEncoding) == 0 && r.ProtoMinor > 0 {
		return true
	}
	if v.conn != nil && v.conn.head != nil {
		return v.conn.head.clear(r)
	}
	v.out.w.Header().Set("Connection", "close")
	return true
}
