package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Health is what the health listener asks of the gateway.
type Health interface {
	// Ready lists why the gateway cannot serve, each as what is not ready, a colon and
	// why; empty when it can.
	Ready(ctx context.Context) []string
	// Metrics serves the Prometheus text format.
	Metrics() http.Handler
}

// HealthServer serves /healthz, /readyz and /metrics on admin.address, a
// loopback listener of its own. It shows no ids, names of principals, or keys.
type HealthServer struct {
	http *http.Server
	done chan struct{}
}

// ListenHealth opens the listener.
func ListenHealth(address string, h Health, log *slog.Logger) (*HealthServer, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		status(w, r, http.StatusOK, "ok", nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if reasons := h.Ready(r.Context()); len(reasons) > 0 {
			status(w, r, http.StatusServiceUnavailable, "not ready", Unready(reasons))
			return
		}
		status(w, r, http.StatusOK, "ready", nil)
	})
	mux.Handle("GET /metrics", h.Metrics())
	s := &HealthServer{done: make(chan struct{}), http: &http.Server{
		Handler: loopbackHost(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health listener closed", "error", err)
		}
	}()
	return s, nil
}

// Unready is what of reasons (Health.Ready) everybody on this machine may read: what is
// not ready. Why may hold paths, and addresses of other machines; `doorward health` tells
// the operator, and so does the log.
func Unready(reasons []string) []string {
	names := make([]string, 0, len(reasons))
	for _, reason := range reasons {
		name, _, _ := strings.Cut(reason, ": ")
		names = append(names, name)
	}
	return names
}

// status answers with a status and what is not ready: as JSON, or as lines of text for who
// asks for text/plain and not for JSON.
func status(w http.ResponseWriter, r *http.Request, code int, word string, unready []string) {
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "text/plain") && !strings.Contains(accept, "json") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, strings.Join(append([]string{word}, unready...), "\n")+"\n") // a prober that is gone has no use for the error
		return
	}
	answer(w, code, struct {
		Status  string   `json:"status"`
		Reasons []string `json:"reasons,omitempty"`
	}{word, unready})
}

// loopbackHost refuses a Host that is no loopback name: a page in a browser
// that rebinds its own name to 127.0.0.1 must not read the metrics (HTT-12).
func loopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			host = h
		}
		if host != "localhost" && host != "127.0.0.1" && host != "::1" && host != "[::1]" {
			answer(w, http.StatusForbidden, fault{Code: "admin.host", Error: "ask for this listener by a loopback name"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Close stops the listener.
func (s *HealthServer) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	<-s.done
	return err
}
