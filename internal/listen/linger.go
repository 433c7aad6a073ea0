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

// linger takes the rest of a body that nobody read, on a connection that ends with the
// answer: closed with unread bytes, TCP resets it, and the client may lose the answer, which
// says why (RFC 9112 §9.6). The answer is on its way meanwhile. net/http does so itself on
// connections that go on, yet not for a client that asked for the end of its own, as a
// proxy of HTTP/1.0 does.
func (v *visit) linger() {
	r := v.r
	ends := r.Close || v.out.w.Header().Get("Connection") == "close"
	switch {
	case !ends, v.whole, r.ProtoMajor != 1, r.ContentLength == 0,
		v.at == pathSocket,           // the connection may be a session's
		r.Header.Get("Expect") != "": // who expects a word sends on it alone
		return
	}
	v.out.deadline(v.out.rc.SetReadDeadline, time.Now().Add(lingerWait))
	if v.out.rc.Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes) // whatever ends it, the connection ends too
	}
}
