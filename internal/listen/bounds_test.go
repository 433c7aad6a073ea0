package listen_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// HTT-08: a message of exactly the limit, one byte more, one without an end, one
// that is shorter than it says, and one that would unpack to more.
func TestHTT08_BodyLimit(t *testing.T) {
	const limit = 4 << 20 // the default
	p, addr := start(t, nil, listen.Limits{BodyWait: 500 * time.Millisecond})
	fits := list + strings.Repeat(" ", limit-len(list))
	length := func(n int) string { return fmt.Sprint("Connection: close\r\nContent-Length: ", n) }
	for _, tc := range []struct {
		name, request string
		want          int
	}{
		{"at the limit", head1(addr, "1.1", length(limit)) + fits, 200},
		{"a byte more", head1(addr, "1.1", length(limit+1)) + fits + " ", 413},
		{"a byte more, in chunks", head1(addr, "1.1", "Connection: close", "Transfer-Encoding: chunked") + chunk(fits+" ") + "0\r\n\r\n", 413},
		{"a claim of much", head1(addr, "1.1", "Content-Length: 1099511627776"), 413},
		{"shorter than it says", head1(addr, "1.1", length(limit)) + list, 400},
		{"compressed", head1(addr, "1.1", "Content-Encoding: gzip", length(10)) + "0123456789", 415},
		{"compressed and said so later", head1(addr, "1.1", "Content-Encoding: identity", "Content-Encoding: gzip", length(10)) + "0123456789", 415},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, _ := answers(t, addr, tc.request, 10*time.Second); len(got) != 1 || got[0] != tc.want {
				t.Errorf("statuses %v, want %d", got, tc.want)
			}
		})
	}
	t.Run("without an end", func(t *testing.T) {
		c := connect(t, addr, "")
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(c, head1(addr, "1.1", "Transfer-Encoding: chunked"))
			for piece := chunk(strings.Repeat(" ", 64<<10)); ; {
				if _, err := io.WriteString(c, piece); err != nil {
					return
				}
			}
		}()
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil || resp.StatusCode != 413 {
			t.Errorf("%v %v", resp, err)
		}
	})
	t.Run("many claims hold little", func(t *testing.T) {
		const clients = 50
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		reading := make(chan struct{}, clients)
		p.before = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			reading <- struct{}{}
			_, err := ex.Inbound.Body(ctx)
			_ = c.Refuse(ctx, ex, gate.Outcome{Verdict: gate.Refuse(gate.CodeOf(err), "", "")})
		}
		for range clients {
			c := connect(t, addr, "")
			if _, err := io.WriteString(c, head1(addr, "1.1", length(limit))+list); err != nil {
				t.Fatal(err)
			}
		}
		for range clients {
			<-reading
		}
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > clients*256<<10 {
			t.Errorf("%d clients with %d bytes each made the heap grow by %d", clients, len(list), grown)
		}
	})
}

// HTT-10: a client that is slow to send or to read does not hold its connection.
func TestHTT10_SlowClients(t *testing.T) {
	const wait = 200 * time.Millisecond
	closes := func(t *testing.T, c line) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c.in); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("it is still open: %v", err)
		}
	}
	for name, beginning := range map[string]string{
		"nothing": "", "a byte": "P", "half a head": "POST /mcp HTTP/1.1\r\nHost: x\r\nX: ", "half a body": "-",
		"half a body, and an expectation that nobody knows": "POST /mcp HTTP/1.1\r\nHost: x\r\nExpect: much\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, addr := start(t, nil, listen.Limits{HeaderWait: wait, BodyWait: wait})
			if beginning == "-" {
				beginning = head1(addr, "1.1", "Content-Length: 100") + "{"
			}
			c := connect(t, addr, "")
			if _, err := io.WriteString(c, beginning); err != nil {
				t.Fatal(err)
			}
			closes(t, c)
			if status := connect(t, addr, "").status(t, addr); status != 200 {
				t.Errorf("another client: status %d", status)
			}
		})
	}
	t.Run("a stream that nobody reads", func(t *testing.T) {
		p, addr := start(t, nil, listen.Limits{WriteStall: wait})
		ended := make(chan struct{})
		p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			defer close(ended)
			for note(ctx, ex, c, strings.Repeat("x", 64<<10)) == nil {
				continue
			}
		}
		c := connect(t, addr, "")
		if _, err := io.WriteString(c, head1(addr, "1.1", "Accept: text/event-stream", fmt.Sprint("Content-Length: ", len(list)))+list); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("it is still being written")
		}
	})
}

// tight is a listener whose connections hold nothing: who writes waits until it is read.
type tight struct {
	net.Listener
	conns chan net.Conn
}

// Accept implements net.Listener.
func (l *tight) Accept() (net.Conn, error) {
	if c, open := <-l.conns; open {
		return farConn{c, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.7:4711"))}, nil
	}
	return l.Listener.Accept() // it waits for the end
}

// HTT-10: a client that does not take what net/http writes by itself, without a handler or
// while one reads, does not hold its connection.
func TestHTT10_UnreadAnswers(t *testing.T) {
	const wait = 200 * time.Millisecond
	for name, tc := range map[string]struct {
		request string
		taken   int // answers that it does take
	}{
		"no request":                     {request: "BAD\r\n\r\n"},
		"no request, behind another":     {request: "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nBAD\r\n\r\n", taken: 1},
		"an expectation that none knows": {request: "GET /mcp HTTP/1.1\r\nHost: x\r\nExpect: much\r\n\r\n"},
		"a body that waits":              {request: head1("x", "1.1", "Expect: 100-continue", "Content-Length: 100")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			t.Cleanup(func() { ours.Close() })
			l := &tight{Listener: farListener(t).Listener, conns: make(chan net.Conn, 1)}
			l.conns <- theirs
			close(l.conns)
			startAt(t, place{
				listener: l, settings: &listen.Settings{AllowedHosts: []string{"x"}},
				limits: listen.Limits{WriteStall: wait, BodyWait: wait},
			})
			if err := ours.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, err := io.WriteString(ours, tc.request)
			for in := bufio.NewReader(ours); tc.taken > 0 && err == nil; tc.taken-- {
				var resp *http.Response
				if resp, err = http.ReadResponse(in, nil); err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
				}
			}
			for err == nil { // as much of a body as is taken
				_, err = io.WriteString(ours, "x")
			}
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("it is still open: %v", err)
			}
		})
	}
}

// HTT-14 and A23: what a page of another site can send without asking first.
func TestHTT14_SimplePosts(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	for _, kind := range []string{"text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		for _, origin := range []string{"", "http://evil.test", "null"} {
			header := []string{"Content-Type: " + kind, "Authorization: "}
			if origin != "" {
				header = append(header, "Origin: "+origin)
			}
			resp := send(t, "POST", "http://"+addr+"/mcp", list, header...)
			if want := map[bool]int{true: 415, false: 403}[origin == ""]; resp.StatusCode != want {
				t.Errorf("%q from %q: status %d, want %d", kind, origin, resp.StatusCode, want)
			}
		}
	}
	if len(p.exchanges()) != 0 {
		t.Errorf("%d exchanges", len(p.exchanges()))
	}
}

// HTT-17: no method but those that are served does anything, and none is echoed.
func TestHTT17_Methods(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	for _, method := range []string{"GET", "DELETE", "PUT", "TRACE", "OPTIONS", "HEAD", "PATCH", "post", "Post", "PROPFIND", "M-SEARCH", "TRACK"} {
		resp := send(t, method, "http://"+addr+"/mcp", "", "X-Echo: canary", "X-Http-Method-Override: POST", "X-Method-Override: POST")
		if body := text(t, resp); resp.StatusCode != 405 || strings.Contains(body+fmt.Sprint(resp.Header), "canary") {
			t.Errorf("%s: status %d %s", method, resp.StatusCode, body)
		}
	}
	for _, request := range []string{
		"CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", "CONNECT /mcp HTTP/1.1\r\nHost: " + addr + "\r\n\r\n",
	} {
		if got, _ := raw(t, addr, request); !slices.Contains([]int{400, 404, 405}, got) {
			t.Errorf("%q: status %d", request, got)
		}
	}
}
