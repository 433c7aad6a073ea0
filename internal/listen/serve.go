package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerWait     = 10 * time.Second  // to receive a request's header (security.md HTT-10)
	idleWait       = 120 * time.Second // between requests on a connection
	maxHeaderBytes = 64 << 10
	maxH2Streams   = 250 // concurrent streams of one HTTP/2 connection
)

// servers are the HTTP servers that Shutdown has to stop.
type servers struct {
	mu   sync.Mutex
	list []*http.Server
}

// HTTPServer is an http.Server for this handler with its limits: time to send a
// header, header bytes, idle time, no plain-text HTTP/2. conf may be nil for no
// TLS. Shutdown stops it. Serve uses it; tests may too.
func (s *Server) HTTPServer(conf *tls.Config) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(conf != nil)
	hs := &http.Server{
		Handler:                      s,
		TLSConfig:                    conf,
		Protocols:                    protocols,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxH2Streams},
		ReadHeaderTimeout:            headerWait,
		IdleTimeout:                  idleWait,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	s.servers.mu.Lock()
	s.servers.list = append(s.servers.list, hs)
	s.servers.mu.Unlock()
	return hs
}

// Serve accepts connections on l, at most Limits.Connections at once, until
// Shutdown, and then returns nil. conf may be nil for no TLS.
func (s *Server) Serve(l net.Listener, conf *tls.Config) error {
	hs := s.HTTPServer(conf)
	select {
	case <-s.closing: // Shutdown may not have seen this server
		return l.Close()
	default:
	}
	limited := &bounded{Listener: l, slots: make(chan struct{}, s.cfg.Limits.Connections), closed: make(chan struct{})}
	var err error
	if conf != nil {
		err = hs.ServeTLS(limited, "", "")
	} else {
		err = hs.Serve(limited)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving %s: %w", l.Addr(), err)
}

// Shutdown stops accepting, ends the GET streams and subscriptions, lets calls in flight end until
// ctx does (those of a legacy SSE stream or a WebSocket for at most Limits.Drain, before the
// connection ends) and then cuts them off, and ends every session. It returns when
// nothing of the server runs any more; the error says that calls were cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closed.Do(func() {
		s.connections.stop()
		close(s.closing)
	})
	s.endless.stop()
	s.servers.mu.Lock()
	list := s.servers.list
	s.servers.mu.Unlock()
	var cut error
	for _, hs := range list {
		if err := hs.Shutdown(ctx); err != nil {
			cut = fmt.Errorf("stopping: %d calls were cut off: %w", s.calls.Load(), err)
			cut = errors.Join(cut, hs.Close())
		}
	}
	// A WebSocket is no connection of net/http's any more.
	if !s.connections.wait(ctx) && cut == nil {
		cut = fmt.Errorf("stopping: connections were cut off: %w", ctx.Err())
	}
	s.CloseAll()
	s.sessions.halt()
	return cut
}

// bounded is a listener with a bound on its open connections. At the bound it
// waits: clients queue in the kernel's backlog, and connections that send
// nothing run into their timeouts.
type bounded struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
		return nil, err
	}
	return &slot{Conn: c, slots: b.slots}, nil
}

// Close implements net.Listener.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// slot is a connection that frees its place when it closes.
type slot struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

// Close implements net.Conn.
func (c *slot) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.slots })
	return err
}
