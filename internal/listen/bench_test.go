package listen_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// sink is a ResponseWriter of one answer.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// BenchmarkPost is what the front adds to a call: from net/http's request to the
// exchange, and from the answer to net/http.
func BenchmarkPost(b *testing.B) {
	one := benched(b, `{"tools":[]}`)
	b.ReportAllocs()
	for b.Loop() {
		w := sink{header: make(http.Header)}
		if one(&w, "gzip"); w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// benched makes one request after the other, each of which is answered with result.
func benched(b *testing.B, result string) func(w http.ResponseWriter, coding string) {
	b.Helper()
	settings := &listen.Settings{}
	reply := mcp.NewResult([]byte("1"), []byte(result))
	s, err := listen.New(listen.Config{
		Settings: func() *listen.Settings { return settings },
		Serve: func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			if _, err := ex.Inbound.Body(ctx); err != nil {
				b.Error(err)
			}
			ex.Call.Era, ex.Call.Route.Method = gate.Stateless, "tools/list"
			_ = c.Deliver(ctx, ex, reply)
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	header := http.Header{
		"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"}, "User-Agent": {"bench/1"},
		"Authorization": {"Bearer x"}, "Mcp-Protocol-Version": {mcp.V20260728}, "Mcp-Method": {"tools/list"},
	}
	r, err := http.NewRequestWithContext(context.WithValue(b.Context(), http.LocalAddrContextKey, net.Addr(at)), "POST", "/mcp", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Host, r.RemoteAddr, r.RequestURI, r.Header = "127.0.0.1:8080", "127.0.0.1:40000", "/mcp", header
	r.ContentLength = int64(len(list))
	return func(w http.ResponseWriter, coding string) {
		one := *r
		one.Header = maps.Clone(header)
		one.Header["Accept-Encoding"] = []string{coding}
		one.Body = io.NopCloser(strings.NewReader(list))
		s.ServeHTTP(w, &one)
	}
}
