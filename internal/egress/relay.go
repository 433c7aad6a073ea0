package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// stretch is a connection while it carries bytes: both ends, and what bounds them.
type stretch struct {
	x      *passage
	server net.Conn
	idle   *time.Timer

	once sync.Once
	code Code // read after finish
}

// span begins a stretch; done ends what watches it.
func (x *passage) span(ctx context.Context, server net.Conn) (s *stretch, done func()) {
	s = &stretch{x: x, server: server}
	l := x.proxy.limits
	s.idle = time.AfterFunc(l.Idle, func() { s.finish(Idle) })
	total := time.AfterFunc(l.Total-time.Since(x.at.begun), func() { s.finish(Long) })
	stop := context.AfterFunc(ctx, func() { s.finish(Stopped) })
	return s, func() {
		s.finish(Ended)
		s.idle.Stop()
		total.Stop()
		stop()
	}
}

// finish ends a stretch for the first reason that is given.
func (s *stretch) finish(code Code) {
	s.once.Do(func() {
		s.code = code
		_ = s.x.client.Close()
		_ = s.server.Close()
	})
}

var errBound = errors.New("a bound was reached")

// spend counts bytes that are about to be passed on.
func (s *stretch) spend(n int, way *atomic.Int64) error {
	x := s.x
	switch carried := x.at.sent.Load() + x.at.received.Load(); {
	case int64(n) > x.proxy.limits.Bytes-carried:
		s.finish(Large)
		return errBound
	case !x.proxy.bytes.take(int64(n)):
		s.finish(Minute)
		return errBound
	}
	way.Add(int64(n))
	s.idle.Reset(x.proxy.limits.Idle)
	return nil
}

// metered writes what a stretch may carry.
type metered struct {
	s   *stretch
	to  net.Conn
	way *atomic.Int64
}

func (m metered) Write(b []byte) (int, error) {
	if err := m.s.spend(len(b), m.way); err != nil {
		return 0, err
	}
	return m.to.Write(b)
}

// onlyReader keeps io.Copy from going round metered.
type onlyReader struct{ io.Reader }

// relay carries both ways until both have ended, or one broke off.
func (x *passage) relay(ctx context.Context, server net.Conn) Code {
	s, done := x.span(ctx, server)
	var both sync.WaitGroup
	both.Go(func() { s.pass(metered{s, server, &x.at.sent}, x.in) })
	s.pass(metered{s, x.client, &x.at.received}, server)
	both.Wait()
	done()
	return s.code
}

// pass carries one way, and tells the other side of its end.
func (s *stretch) pass(to metered, from io.Reader) {
	if _, err := io.Copy(to, onlyReader{from}); err != nil {
		s.finish(Ended)
		return
	}
	if half, ok := to.to.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	s.finish(Ended)
}
