package listen

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	idleWait       = 120 * time.Second // between requests on a connection
	maxHeaderBytes = 64 << 10

	// Of one HTTP/2 connection (HTT-09).
	maxH2Streams = 250              // concurrent streams
	maxH2Frame   = 64 << 10         // bytes of a frame; RFC 9113 asks for 16 KiB at least
	maxH2Table   = 4 << 10          // bytes of the header compression's table, RFC 7541's default
	h2Quiet      = 30 * time.Second // without a frame, until the client is asked for a sign of life
	h2Ping       = 15 * time.Second // to give one
)

// servers are the HTTP servers that Shutdown has to stop.
type servers struct {
	mu        sync.Mutex
	list      []*http.Server
	listeners []net.Listener // theirs, to quiesce
}

// edge is the handler of one listener.
type edge struct {
	server *Server
	tls    *TLS
}

// ServeHTTP implements http.Handler.
func (e edge) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.server.visit(w, r, e.tls) }

// httpServer is the http.Server of a listener, with its limits: time to send a
// header, header bytes, idle time, no plain-text HTTP/2. Shutdown stops it.
func (s *Server) httpServer(t *TLS) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(t != nil)
	hs := &http.Server{
		Handler:   edge{server: s, tls: t},
		TLSConfig: t.config(),
		Protocols: protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxH2Streams, MaxReadFrameSize: maxH2Frame, MaxDecoderHeaderTableSize: maxH2Table,
			SendPingTimeout: h2Quiet, PingTimeout: h2Ping, WriteByteTimeout: s.cfg.Limits.WriteStall,
		},
		ConnState:                    changed,
		ReadHeaderTimeout:            s.cfg.Limits.HeaderWait,
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
// Shutdown, and then returns nil. t is nil for no TLS.
func (s *Server) Serve(l net.Listener, t *TLS) error {
	hs := s.httpServer(t)
	select {
	case <-s.closing: // Shutdown may not have seen this server
		return l.Close()
	default:
	}
	s.servers.mu.Lock()
	s.servers.listeners = append(s.servers.listeners, l)
	s.servers.mu.Unlock()
	var err error
	if limited := s.bound(l, t != nil); t != nil {
		err = hs.ServeTLS(limited, "", "")
	} else {
		err = hs.Serve(limited)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving %s: %w", l.Addr(), err)
}
