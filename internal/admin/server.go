package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"doorward/internal/gate"
)

// SocketName is the socket's file name inside the data directory.
const SocketName = "admin.sock"

// Server serves the API on a Unix socket that only its own user may open. It
// asks the kernel who is at the other end and hands that on as the actor.
type Server struct {
	op   Operator
	log  *slog.Logger
	http *http.Server
	ln   net.Listener
	path string
	done chan struct{}
}

// Listen opens the socket in dataDir, replacing one that no process serves any
// more; the caller holds the data directory's lock, so nobody else does.
func Listen(dataDir string, op Operator, log *slog.Logger) (*Server, error) {
	path := filepath.Join(dataDir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing old admin socket: %w", err)
	}
	ln, err := listenUnix(dataDir)
	if err != nil {
		return nil, fmt.Errorf("opening admin socket %s: %w", path, err)
	}
	s := &Server{op: op, log: log, ln: ln, path: path, done: make(chan struct{})}
	mux := http.NewServeMux()
	for _, route := range Routes() {
		mux.Handle(route.Pattern, s.guard(route))
	}
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ConnContext: withPeer, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("admin socket closed", "error", err)
		}
	}()
	return s, nil
}

// Close stops the API and waits for requests under way, at most until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	<-s.done
	_ = os.Remove(s.path)
	return err
}

// peer is who the kernel says is at the other end of the socket.
type peer struct {
	uid int
	ok  bool
}

// peerKey is where the connection's peer is kept for its requests: net/http
// offers no other way from a connection to a handler.
type peerKey struct{}

func withPeer(ctx context.Context, c net.Conn) context.Context {
	uid, err := peerUID(c)
	return context.WithValue(ctx, peerKey{}, peer{uid: uid, ok: err == nil})
}

// guard lets a request through to its route when its peer has the permission.
func (s *Server) guard(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := r.Context().Value(peerKey{}).(peer)
		if !p.may(route.Permission) {
			s.log.WarnContext(r.Context(), "admin call refused", "uid", p.uid, "permission", string(route.Permission))
			answer(w, http.StatusForbidden, fault{Code: "admin.denied", Error: "this user may not use the admin API"})
			return
		}
		actor := "uid:" + strconv.Itoa(p.uid)
		if err := readBody(w, r, bodyWithin); err != nil {
			answer(w, http.StatusUnprocessableEntity, fault{Code: string(gate.CodeParams), Error: err.Error()})
			return
		}
		out, err := route.Serve(s.op, actor, r)
		if err != nil {
			status, f := statusOf(err)
			answer(w, status, f)
			return
		}
		if s, ok := out.(stream); ok {
			pour(w, s)
			return
		}
		answer(w, http.StatusOK, out)
	})
}

// may grants every permission to the gateway's own user and to root, and none
// to anybody else, or when the kernel did not say who is there.
func (p peer) may(perm Permission) bool {
	return p.ok && perm != "" && (p.uid == os.Getuid() || p.uid == 0)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // arguments of calls stay as short as they were
	_ = enc.Encode(v)
}
