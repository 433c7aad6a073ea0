package egress

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// passage is one connection of the command on its way out.
type passage struct {
	proxy  *Proxy
	client net.Conn
	in     *bufio.Reader // of client
	at     attempt
	refuse func(Code) []byte // how the client is told
	fine   []byte            // what the client is told when a tunnel is open
	head   []byte            // of a plain HTTP request
}

func (p *Proxy) serve(ctx context.Context, conn net.Conn) {
	x := &passage{proxy: p, client: conn, in: bufio.NewReaderSize(conn, maxHead), refuse: mute}
	x.at.Upstream, x.at.begun = p.cfg.Upstream, time.Now()
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	code := x.carry(ctx)
	switch {
	case code == unrecorded:
		return
	case code == Ended && ctx.Err() != nil:
		code = Stopped // whichever end was closed first
	}
	p.note(ctx, x.at.seen(code))
}

// mute tells nothing.
func mute(Code) []byte { return nil }

// carry takes a connection from its first byte to its end, and says how it ended.
func (x *passage) carry(ctx context.Context) Code {
	_ = x.client.SetDeadline(time.Now().Add(x.proxy.limits.Head))
	to, code := x.ask()
	if code != "" {
		return x.no(code)
	}
	x.at.Host, x.at.Port = to.host(), to.port
	w, listed := x.proxy.list.find(to)
	if !listed {
		return x.no(Unlisted)
	}
	if err := x.proxy.cfg.Report(ctx, x.at.seen(Opened)); err != nil { // a name that is looked up tells something to whoever answers for it
		x.proxy.cfg.Log.Error("report of an egress connection failed", "upstream", x.at.Upstream, "code", string(Opened), "error", err)
		return x.no(unrecorded)
	}
	server, address, code := x.proxy.reach(ctx, to, w)
	x.at.Address = address
	if code != "" {
		return x.no(code)
	}
	defer server.Close()
	if x.head == nil {
		if code := x.tunnel(to, w); code != "" {
			return x.no(code)
		}
	}
	_ = x.client.SetDeadline(time.Time{})
	if x.head == nil {
		return x.relay(ctx, server)
	}
	return x.forward(ctx, server)
}

// no tells the client of a refusal.
func (x *passage) no(code Code) Code {
	_ = x.client.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = x.client.Write(x.refuse(code)) // it may be gone
	return code
}

// ask reads where the client wants to go, in the protocol that its first byte tells.
func (x *passage) ask() (target, Code) {
	first, err := x.in.Peek(1)
	switch {
	case err != nil:
		return target{}, why(err)
	case first[0] == socksVersion:
		x.at.Protocol, x.refuse, x.fine = "socks5", mute, socksReply(socksFine)
		return x.askSocks()
	case first[0] >= 'A' && first[0] <= 'Z':
		x.at.Protocol, x.refuse = "http", refuseHTTP
		return x.askHTTP()
	}
	return target{}, Malformed
}

func (x *passage) askHTTP() (target, Code) {
	var raw []byte
	err := x.read(func(b []byte) (int, error) {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return 0, nil
		}
		raw = bytes.Clone(b[:end+4])
		return len(raw), nil
	})
	if err != nil {
		return target{}, why(err)
	}
	h, err := readHead(raw)
	switch {
	case h.tunnel:
		x.at.Protocol, x.fine = "connect", []byte("HTTP/1.1 200 Connection established\r\n\r\n")
	default:
		x.head = raw
	}
	if err != nil {
		x.at.Host, x.at.Port = h.to.shown()
		return target{}, why(err)
	}
	return h.to, ""
}

func (x *passage) askSocks() (t target, code Code) {
	if err := x.read(readGreeting); err != nil {
		if errors.Is(err, errMethod) {
			x.refuse = func(Code) []byte { return []byte{socksVersion, socksNoWay} }
		}
		return t, why(err)
	}
	if _, err := x.client.Write([]byte{socksVersion, socksNone}); err != nil {
		return t, why(err)
	}
	x.refuse = refuseSocks
	err := x.read(func(b []byte) (n int, err error) {
		t, n, err = readSocks(b)
		return n, err
	})
	if err != nil {
		x.at.Host, x.at.Port = t.shown()
		return t, why(err)
	}
	return t, ""
}

// read gives parse what has come until it takes some of it or fails; 0 asks for more.
func (x *passage) read(parse func([]byte) (n int, err error)) error {
	for want := 1; ; {
		if _, err := x.in.Peek(want); err != nil {
			return err
		}
		b, _ := x.in.Peek(x.in.Buffered())
		n, err := parse(b)
		if n > 0 || err != nil {
			_, _ = x.in.Discard(n)
			return err
		}
		want = len(b) + 1
	}
}

// tunnel opens a tunnel towards the client and, where TLS is asked for, looks at what
// it sends first.
func (x *passage) tunnel(to target, w way) Code {
	if _, err := x.client.Write(x.fine); err != nil {
		return why(err)
	}
	x.refuse = mute
	if w.opaque {
		return ""
	}
	_ = x.client.SetDeadline(time.Now().Add(x.proxy.limits.Head))
	for want := 1; ; {
		b, err := x.in.Peek(want)
		if err != nil {
			return why(err)
		}
		name, need, err := readHello(b)
		if need > len(b) {
			want = need
			continue
		}
		if err != nil {
			return why(err)
		}
		code, fits := judgeHello(name, to)
		if !fits {
			x.refuse = func(Code) []byte { return helloAlert }
		}
		return code
	}
}

// why is the code of a request that could not be read.
func why(err error) Code {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Slow
	case errors.Is(err, net.ErrClosed): // by serve
		return Stopped
	case errors.Is(err, errCommand), errors.Is(err, errMethod), errors.Is(err, errScheme):
		return Unsupported
	case errors.Is(err, errOther):
		return Mismatch
	case errors.Is(err, errClear):
		return Clear
	}
	return Malformed
}
