package listen_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"doorward/internal/listen"
)

// A client that is refused before its body was read gets the answer whole, also one that
// reads nothing before it has sent everything: what it still sends is taken, and the
// connection not reset.
func TestWhoIsRefusedGetsTheAnswer(t *testing.T) {
	const closes, message, large = "Connection: close\r\n", "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n", 12 << 20
	v := newVault(t)
	for name, tc := range map[string]struct {
		head   string
		length int
		chunks bool
		asked  bool // the body is sent when the gateway asks for it
		goesOn bool // the connection; beneath TLS none whose body came in chunks does
		status int
	}{
		"HTTP/1.1":         {head: "POST /mcp HTTP/1.1\r\nContent-Type: text/plain\r\n" + closes, length: 1 << 20, status: 415},
		"HTTP/1.0":         {head: "POST /mcp HTTP/1.0\r\nContent-Type: text/plain\r\n", length: 1 << 20, status: 415},
		"nowhere":          {head: "POST /nowhere HTTP/1.0\r\n", length: 1 << 20, status: 404},
		"a socket's place": {head: "POST /ws HTTP/1.1\r\n" + closes, length: 1 << 20, status: 405},
		"expects, 1.0":     {head: "POST /mcp HTTP/1.0\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\n", length: 1 << 20, status: 415},
		"too long":         {head: "POST /mcp HTTP/1.1\r\n" + message + closes, length: 1 << 20, status: 413},
		"too long, asked":  {head: "POST /mcp HTTP/1.1\r\nExpect: 100-continue\r\n" + message + closes, length: large, chunks: true, asked: true, status: 413},
		"stays":            {head: "POST /mcp HTTP/1.1\r\n" + message, length: large, status: 413},
		"stays, small":     {head: "POST /mcp HTTP/1.1\r\n" + message, length: 128 << 10, goesOn: true, status: 413},
		"stays, in chunks": {head: "POST /mcp HTTP/1.1\r\n" + message, length: large, chunks: true, goesOn: true, status: 413},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %t", name, secure), func(t *testing.T) {
				t.Parallel()
				at := place{settings: &listen.Settings{MaxBody: 64 << 10, WebSocket: true}}
				if secure {
					at.tls = v.open(t)
				}
				_, addr := startAt(t, at)
				c := connect(t, addr, "")
				if secure {
					c.Conn = tls.Client(c.Conn, v.dialer(nil))
					c.in = bufio.NewReader(c.Conn)
				}
				if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				framing, body := fmt.Sprint("Content-Length: ", tc.length), strings.Repeat("x", tc.length)
				if tc.chunks {
					framing, body = "Transfer-Encoding: chunked", chunk(body)+"0\r\n\r\n"
				}
				_, err := io.WriteString(c, fmt.Sprintf("%sHost: %s\r\nAuthorization: Bearer alice\r\n%s\r\n\r\n", tc.head, addr, framing))
				if tc.asked && err == nil {
					if resp, err := http.ReadResponse(c.in, nil); err != nil || resp.StatusCode != http.StatusContinue {
						t.Fatalf("not asked: %v %v", resp, err)
					}
				}
				if err == nil {
					_, err = io.WriteString(c, body)
				}
				if err != nil {
					t.Fatalf("sending: %v", err)
				}
				resp, err := http.ReadResponse(c.in, nil)
				if err != nil {
					t.Fatalf("no answer: %v", err)
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != tc.status || int64(len(got)) != resp.ContentLength {
					t.Errorf("status %d, %d of %d bytes, %v", resp.StatusCode, len(got), resp.ContentLength, err)
				}
				if tc.goesOn && (!secure || !tc.chunks) {
					if status := c.status(t, addr); status != 200 {
						t.Errorf("the next request: status %d", status)
					}
					return
				}
				if n, err := c.in.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("then %d bytes, %v", n, err)
				}
			})
		}
	}
}

// An answer that ends its connection says where it ends: it is whole before the rest of the
// body has come, or has not.
func TestWhatEndsAConnectionIsWholeAtOnce(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	p.server.Announce()
	c := connect(t, addr, "")
	if _, err := io.WriteString(c, "POST /nowhere HTTP/1.1\r\nHost: "+addr+"\r\nContent-Length: 100\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil || !resp.Close || resp.ContentLength <= 0 {
		t.Errorf("%+v, %v", resp, err)
	}
}
