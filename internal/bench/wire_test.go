package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// against returns a connection to a peer that answers raw to whatever comes.
func against(t *testing.T, raw string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, raw)
		_, _ = io.Copy(io.Discard, nc)
	}()
	w, err := dial(context.Background(), ln.Addr().String(), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.close()
		ln.Close()
		<-done
	})
	return w
}

func TestReadAnswers(t *testing.T) {
	const events = ": keep\n\nid: 1\ndata: {\"a\":1}\n\nevent: message\r\ndata: {\"b\":2}\r\n\r\nid:2\ndata:\n\n"
	for _, tc := range []struct {
		name, raw     string
		status        int
		session, body string
	}{
		{"length", "HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nMcp-Session-Id: s\r\n\r\n{}", 200, "s", "{}"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", 200, "", "{}"},
		{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n", 200, "", "{}"},
		{
			"events",
			fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(events), events),
			200, "", `{"b":2}`,
		},
		{"no body", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, "", ""},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := against(t, tc.raw+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
			a, err := w.roundTrip([]byte("x"))
			if err != nil {
				t.Fatal(err)
			}
			if a.status != tc.status || a.session != tc.session || string(a.body) != tc.body {
				t.Errorf("got %d %q %q, want %d %q %q", a.status, a.session, a.body, tc.status, tc.session, tc.body)
			}
			if a, err = w.read(); err != nil || string(a.body) != "next" {
				t.Errorf("the answer behind it: %q, %v", a.body, err)
			}
		})
	}
}

func TestReadRefusesWhatItCannotFrame(t *testing.T) {
	for _, raw := range []string{
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
	} {
		w := against(t, raw)
		if a, err := w.roundTrip([]byte("x")); err == nil {
			t.Errorf("%.60q: read %+v", raw, a)
		}
	}
}
