package gatetest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// SINK is a place that nobody may be led to: it counts connections (S0 of
// security.md §0), and answers what whoever came hopes for.
type SINK struct {
	server *httptest.Server
	seen   atomic.Int64
}

// Sink opens one. It answers every request with a text of JSON, and ends with the
// test.
func Sink(t testing.TB, answer string) *SINK {
	t.Helper()
	s := &SINK{}
	s.server = httptest.NewUnstartedServer(Says("application/json", answer))
	s.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.seen.Add(1)
		}
	}
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// URL is where it is.
func (s *SINK) URL() string { return s.server.URL }

// Seen is how many connections came.
func (s *SINK) Seen() int { return int(s.seen.Load()) }
