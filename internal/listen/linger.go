package listen

import (
	"io"
	"time"
)

// How long, and for how many bytes, a connection that ends takes what its client still
// sends: a fifth of the time that a body has which is read, and four times its usual size.
const (
	lingerWait  = 2 * time.Second
	lingerBytes = 16 << 20
)

// drainedByHTTP is the size in bytes from which on net/http leaves a body that nobody read,
// and ends the connection (its maxPostHandlerReadBytes).
const drainedByHTTP = 256 << 10

// linger takes the rest of a body that nobody read, on a connection that may end with the
// answer: closed with unread bytes, TCP resets it, and the client may lose the answer, which
// says why (RFC 9112 §9.6). The answer is on its way meanwhile. net/http does so itself for
// a small body on a connection that goes on, yet not for a large one, nor for a client that
// asked for the end of its own, as a proxy of HTTP/1.0 does.
func (v *visit) linger() {
	r := v.r
	switch size := r.ContentLength; {
	case size == 0, // so it is where the connection is a session's now
		v.whole, r.ProtoMajor != 1:
		return
	case v.out.ends(), size >= drainedByHTTP:
		v.out.deadline(v.out.rc.SetReadDeadline, time.Now().Add(lingerWait))
	case size > 0:
		return
	default: // in chunks: net/http would take the first of them before the answer, and close the body
		_ = v.out.rc.EnableFullDuplex()
	}
	if v.out.rc.Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes) // what is left is the end of the connection
	}
}
