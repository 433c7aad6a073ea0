package parts_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// connect opens a TLS connection on which the test writes HTTP itself.
func (n *nginx) connect(from string) *tls.Conn {
	n.t.Helper()
	raw, err := n.dial(n.t.Context(), from)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = raw.Close() })
	c := tls.Client(raw, &tls.Config{RootCAs: n.roots, ServerName: "mcp.example.com", NextProtos: []string{"http/1.1"}})
	if err := c.HandshakeContext(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return c
}

// answers are the statuses of all that comes back, and whether the connection was
// closed after it.
func answers(t *testing.T, c *tls.Conn) (statuses []int, closed bool) {
	t.Helper()
	in := bufio.NewReader(c)
	for {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		statuses = append(statuses, res.StatusCode)
		_, _ = io.Copy(io.Discard, res.Body) // it is the next status that matters
	}
}

const attacker = "127.0.0.66"

// carrier is the request that another hides behind, with the attacker's good key.
func (n *nginx) carrier(version string, lines ...string) string {
	return "POST /mcp HTTP/" + version + "\r\nHost: mcp.example.com\r\nAuthorization: Bearer " + n.key + "\r\nContent-Type: application/json\r\n" +
		"Accept: application/json, text/event-stream\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// hidden is a request that would work if anybody took it for one.
func (n *nginx) hidden() string {
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"name":"me"},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	return "POST /mcp/plain HTTP/1.1\r\nHost: mcp.example.com\r\nAuthorization: Bearer " + n.key + "\r\nContent-Type: application/json\r\n" +
		"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// HTT-01 to HTT-03 through nginx: what it passes on has one length, so that nobody
// takes the end of one request for the beginning of another.
func nginxSmuggling(t *testing.T, n *nginx) {
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	if statuses, _ := func() ([]int, bool) {
		c := n.connect("127.0.0.67")
		if _, err := io.WriteString(c, strings.Replace(n.hidden(), "\r\n", "\r\nConnection: close\r\n", 1)); err != nil {
			t.Fatal(err)
		}
		return answers(t, c)
	}(); !slices.Equal(statuses, []int{200}) {
		t.Fatalf("what is hidden would not work in the open: statuses %v", statuses)
	}
	behind := chunk(ping) + "0\r\n\r\n" + n.hidden()
	length := fmt.Sprintf("Content-Length: %d", len(behind))
	for _, tc := range []struct {
		name, version string
		lines         []string
		body          string
	}{
		{"HTT-01 CL, TE", "1.1", []string{length, "Transfer-Encoding: chunked"}, behind},
		{"HTT-01 TE, CL", "1.1", []string{"Transfer-Encoding: chunked", length}, behind},
		{"HTT-01 lower case", "1.1", []string{strings.ToLower(length), "transfer-encoding: chunked"}, behind},
		{"HTT-01 length of nothing", "1.1", []string{"Content-Length: 0", "Transfer-Encoding: chunked"}, behind},
		{"HTT-01 length of the first chunk's size", "1.1", []string{"Content-Length: 4", "Transfer-Encoding: chunked"}, behind},
		{"HTT-01 two lengths and TE", "1.1", []string{length, length, "Transfer-Encoding: chunked"}, behind},
		{"HTT-02 xchunked", "1.1", []string{"Transfer-Encoding: xchunked"}, behind},
		{"HTT-02 identity", "1.1", []string{"Transfer-Encoding: identity"}, behind},
		{"HTT-02 chunked, identity", "1.1", []string{"Transfer-Encoding: chunked, identity"}, behind},
		{"HTT-02 identity, chunked", "1.1", []string{"Transfer-Encoding: identity, chunked"}, behind},
		{"HTT-02 gzip, chunked", "1.1", []string{"Transfer-Encoding: gzip, chunked"}, behind},
		{"HTT-02 vertical tab", "1.1", []string{"Transfer-Encoding: \vchunked"}, behind},
		{"HTT-02 folded", "1.1", []string{"Transfer-Encoding:", " chunked"}, behind},
		{"HTT-02 twice", "1.1", []string{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, behind},
		{"HTT-02 twice, one empty", "1.1", []string{"Transfer-Encoding: chunked", "Transfer-Encoding:"}, behind},
		{"HTT-02 twice, one unknown", "1.1", []string{"Transfer-Encoding: x", "Transfer-Encoding: chunked"}, behind},
		{"HTT-02 quoted", "1.1", []string{`Transfer-Encoding: "chunked"`}, behind},
		{"HTT-02 space before colon", "1.1", []string{"Transfer-Encoding : chunked"}, behind},
		{"HTT-02 underscore", "1.1", []string{"Transfer_Encoding: chunked"}, behind},
		{"HTT-02 underscore and length", "1.1", []string{"Transfer_Encoding: chunked", length, "Connection: close"}, behind}, // nginx passes the length on alone
		{"HTT-02 HTTP/1.0", "1.0", []string{"Transfer-Encoding: chunked"}, behind},
		{"HTT-02 HTTP/1.0 and length", "1.0", []string{"Transfer-Encoding: chunked", "Content-Length: 0", "Connection: keep-alive"}, behind},
		{"HTT-03 two", "1.1", []string{"Content-Length: 0", "Content-Length: 6"}, n.hidden()},
		{"HTT-03 plus", "1.1", []string{"Content-Length: +0"}, n.hidden()},
		{"HTT-03 list", "1.1", []string{"Content-Length: 0,0"}, n.hidden()},
		{"HTT-03 list of two", "1.1", []string{"Content-Length: 0, 6"}, n.hidden()},
		{"HTT-03 minus", "1.1", []string{"Content-Length: -1"}, n.hidden()},
		{"HTT-03 2^63", "1.1", []string{"Content-Length: 9223372036854775808"}, n.hidden()},
		{"HTT-03 more", "1.1", []string{"Content-Length: 184467440737095516170"}, n.hidden()},
		{"HTT-03 hexadecimal", "1.1", []string{"Content-Length: 0x5"}, n.hidden()},
		{"HTT-03 space", "1.1", []string{"Content-Length: 0 0"}, n.hidden()},
		{"HTT-03 empty", "1.1", []string{"Content-Length:"}, n.hidden()},
		{"HTT-03 underscore", "1.1", []string{"Content-Length: 1_0"}, n.hidden()},
		{"HTT-03 fraction", "1.1", []string{"Content-Length: 0.0"}, n.hidden()},
		{"HTT-03 wide digit", "1.1", []string{"Content-Length: \uff10"}, n.hidden()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mine := n.in(t)
			c := mine.connect(attacker)
			go func() { _, _ = io.WriteString(c, n.carrier(tc.version, tc.lines...)+tc.body) }() // it may be cut off
			if statuses, closed := answers(t, c); len(statuses) > 2 || !closed || slices.Contains(statuses, http.StatusOK) {
				t.Errorf("statuses %v, closed %v, want refusals and the end", statuses, closed)
			}
		})
	}
	for _, p := range n.lines() {
		if p.Remote == attacker && p.Path != "/mcp" && p.Replica != "" {
			t.Errorf("nginx passed on what was hidden: %+v", p)
		}
	}
	for _, g := range n.replicas {
		for _, r := range g.records() {
			if r.Remote == attacker && (r.Profile != "" || r.Kind == "intent") {
				t.Errorf("a gateway served what was hidden: %+v", r)
			}
		}
	}
}

// Headers beyond what any client needs are refused, by nginx or by the gateway,
// and a body by nginx.
func nginxTooMuch(t *testing.T, n *nginx) {
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: y", i)
	}
	for _, tc := range []struct {
		name  string
		lines []string
		want  []int
	}{
		{"one header of 200 KB", []string{"X: " + strings.Repeat("y", 200<<10)}, []int{http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge}},
		{"20000 headers", many, []int{http.StatusBadRequest, http.StatusRequestHeaderFieldsTooLarge}},
		{"300 headers", many[:300], []int{http.StatusRequestHeaderFieldsTooLarge}},
		{"a body of 5 MB", []string{"Content-Length: 5242880"}, []int{http.StatusRequestEntityTooLarge}},
		{"a target of 200 KB", nil, []int{http.StatusRequestURITooLong, http.StatusBadRequest}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mine := n.in(t)
			c := mine.connect("127.0.0.68")
			request := mine.carrier("1.1", append([]string{"Connection: close"}, tc.lines...)...)
			if tc.lines == nil {
				request = strings.Replace(request, "/mcp", "/mcp?"+strings.Repeat("x", 200<<10), 1)
			}
			go func() { _, _ = io.WriteString(c, request) }() // it may be cut off
			statuses, closed := answers(t, c)                 // nginx waits 5 s for the rest of a body (lingering_timeout)
			if len(statuses) > 1 || len(statuses) == 1 && !slices.Contains(tc.want, statuses[0]) || !closed {
				t.Errorf("statuses %v, closed %v, want one of %v and the end", statuses, closed, tc.want)
			}
		})
	}
	if p := n.line("a body", func(p passed) bool { return p.Status == http.StatusRequestEntityTooLarge }); p.Replica != "" {
		t.Errorf("nginx asked a replica about a body of 5 MB: %+v", p)
	}
}

// A client that never ends its headers is cut off: client_header_timeout is 10 s.
func nginxSlow(t *testing.T, n *nginx) {
	c := n.connect("127.0.0.69")
	began := time.Now()
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		_, err := io.WriteString(c, "POST /mcp HTTP/1.1\r\nHost: mcp.example.com\r\nX-Slow: ")
		for err == nil && time.Since(began) < patience {
			<-tick.C
			_, err = io.WriteString(c, "y")
		}
	}()
	statuses, closed := answers(t, c)
	took := time.Since(began)
	_ = c.Close()
	<-over
	if !closed || took > patience/2 || len(statuses) > 1 || len(statuses) == 1 && statuses[0] != http.StatusRequestTimeout {
		t.Errorf("statuses %v, closed %v after %v, want the end after 10 s", statuses, closed, took)
	}
}
