package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Health is what the health listener asks of the gateway.
type Health interface {
	// Ready lists why the gateway cannot serve; empty when it can.
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
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if reasons := h.Ready(r.Context()); len(reasons) > 0 {
			answer(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "reasons": reasons})
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "ready"})
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
