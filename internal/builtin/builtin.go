// Package builtin puts an MCP server of Doorward's own behind connections in memory, so
// that it is an upstream like any other: the same line, lock, roles, schemas, inspection,
// limits and record. Each kind is a package below; app makes them.
package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of the connections to one server.
const (
	maxBody        = 16 << 20        // bytes of a request; what clients may send is bound before
	headerTime     = 5 * time.Second // to send the headers of a request
	sessionTimeout = time.Hour       // of a session that nothing comes for; the upstream pool ends them after half of it
	closeTime      = 3 * time.Second // for what is under way, when the server is closed
)

// Server is an MCP server that is reached over connections in memory.
type Server struct {
	mcp  *mcp.Server
	wire *http.Transport
	http *http.Server
	stop func()
	done chan struct{}
	once sync.Once
}

// Serve puts a server behind connections in memory, until Close. stop ends what belongs to
// the server, after the last call; nil for nothing.
func Serve(s *mcp.Server, stop func()) *Server {
	quiet := slog.New(slog.DiscardHandler) // what the library logs names files and more of the clients
	s.AddReceivingMiddleware(recovering)
	in := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
	out := &Server{mcp: s, stop: stop, done: make(chan struct{})}
	out.wire = &http.Transport{DialContext: in.dial, DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second}
	out.http = &http.Server{
		Handler: mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
			SessionTimeout: sessionTimeout, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true, Logger: quiet,
		}),
		ReadHeaderTimeout: headerTime, ErrorLog: slog.NewLogLogger(quiet.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(out.done)
		_ = out.http.Serve(in) // until Close, which is no error
	}()
	return out
}

// recovering makes a panic in a handler an error of its request: it would end the gateway.
func recovering(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (r mcp.Result, err error) {
		defer func() {
			if p := recover(); p != nil {
				r, err = nil, fmt.Errorf("the built-in server failed: %T", p)
			}
		}()
		return next(ctx, method, req)
	}
}

// Wire is how requests reach the server, whatever their host.
func (s *Server) Wire() http.RoundTripper { return s.wire }

// Close ends the server: calls have closeTime to finish, then they are cut off.
func (s *Server) Close() {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
		<-s.done
		for session := range s.mcp.Sessions() {
			_ = session.Close() // nobody can reach it any more
		}
		s.wire.CloseIdleConnections()
		if s.stop != nil {
			s.stop()
		}
	})
}

// memory is a listener whose connections are pipes.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// errClosed is a server that is not there any more.
var errClosed = errors.New("the built-in server is closed")

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case m.conns <- there:
		return here, nil
	case <-m.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

// Addr implements net.Listener.
func (m *memory) Addr() net.Addr { return place{} }

type place struct{}

func (place) Network() string { return "memory" }
func (place) String() string  { return "builtin" }
