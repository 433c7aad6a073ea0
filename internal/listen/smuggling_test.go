package listen_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// answers sends bytes and returns the statuses of all that comes back, and whether
// the server closed the connection after it.
func answers(t *testing.T, addr, request string, wait time.Duration) (statuses []int, closed bool) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = c.Write([]byte(request)) }() // the server may answer and close before it has all
	in := bufio.NewReader(c)
	for {
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		statuses = append(statuses, resp.StatusCode)
		_, _ = io.Copy(io.Discard, resp.Body) // it is the next status that matters
	}
}

// refusedAndClosed tells whether a request was answered once, with one of the
// statuses of a request that HTTP does not allow, and the connection closed.
func refusedAndClosed(statuses []int, closed bool) bool {
	return closed && len(statuses) == 1 && (statuses[0] == http.StatusBadRequest || statuses[0] == http.StatusNotImplemented)
}

// hidden is what a request smuggler wants to be taken for the next request.
func hidden(addr string) string {
	return "POST /mcp/hidden HTTP/1.1\r\nHost: " + addr + "\r\nAuthorization: Bearer mallory\r\nContent-Type: application/json\r\n" +
		"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nContent-Length: " + fmt.Sprint(len(list)) + "\r\n\r\n" + list
}

func head1(addr, version string, lines ...string) string {
	return "POST /mcp HTTP/" + version + "\r\nHost: " + addr + "\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n" +
		"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// noSmuggling checks that nothing hidden was served.
func (p *play) noSmuggling(t *testing.T) {
	t.Helper()
	for _, ex := range p.exchanges() {
		if ex.Inbound.Profile == "hidden" {
			t.Error("the hidden request was served")
		}
	}
	for _, e := range p.recorded() {
		if strings.Contains(e.Detail, "hidden") {
			t.Errorf("the hidden request was recorded: %s", e.Detail)
		}
	}
}

// HTT-01: a length in two ways is none; what is hidden behind it is never read.
func TestHTT01_LengthInTwoWays(t *testing.T) {
	for name, lines := range map[string][]string{
		"CL, TE":               {"Content-Length: %d", "Transfer-Encoding: chunked"},
		"TE, CL":               {"Transfer-Encoding: chunked", "Content-Length: %d"},
		"lower case":           {"content-length: %d", "transfer-encoding: chunked"},
		"two lengths and TE":   {"Content-Length: %d", "Content-Length: %[1]d", "Transfer-Encoding: chunked"},
		"length of nothing":    {"Content-Length: 0", "Transfer-Encoding: chunked"},
		"lengths behind names": {"X: y", "CONTENT-LENGTH:%d", "TRANSFER-ENCODING:chunked"},
	} {
		t.Run(name, func(t *testing.T) {
			p, addr := start(t, nil, listen.Limits{})
			body := chunk(list) + "0\r\n\r\n" + hidden(addr)
			head := strings.Join(lines, "\r\n")
			if strings.Contains(head, "%") {
				head = fmt.Sprintf(head, len(body))
			}
			if statuses, closed := answers(t, addr, head1(addr, "1.1", head)+body, 5*time.Second); !refusedAndClosed(statuses, closed) {
				t.Errorf("statuses %v, closed %v", statuses, closed)
			}
			p.noSmuggling(t)
			if len(p.exchanges()) != 0 {
				t.Errorf("%d exchanges", len(p.exchanges()))
			}
		})
	}
	t.Run("on a connection in use", func(t *testing.T) {
		p, addr := start(t, nil, listen.Limits{})
		good := head1(addr, "1.1", fmt.Sprint("Content-Length: ", len(list))) + list
		chunked := head1(addr, "1.1", "Transfer-Encoding: chunked") + chunk(list) + "0\r\n\r\n"
		body := chunk(list) + "0\r\n\r\n" + hidden(addr)
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		in := bufio.NewReader(c)
		bad := head1(addr, "1.1", fmt.Sprint("Content-Length: ", len(body)), "Transfer-Encoding: chunked") + body
		for i, request := range []string{good, chunked, good, chunked, bad} {
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if want := map[bool]int{true: 200, false: 400}[i < 4]; resp.StatusCode != want || resp.Close != (i == 4) {
				t.Errorf("request %d: status %d, closed %v", i, resp.StatusCode, resp.Close)
			}
		}
		if _, err := in.ReadByte(); err == nil {
			t.Error("there is another answer")
		}
		p.noSmuggling(t)
	})
	t.Run("sent before the last one was answered", func(t *testing.T) {
		p, addr := start(t, nil, listen.Limits{})
		body := chunk(list) + "0\r\n\r\n" + hidden(addr)
		good := head1(addr, "1.1", fmt.Sprint("Content-Length: ", len(list))) + list
		bad := head1(addr, "1.1", fmt.Sprint("Content-Length: ", len(body)), "Transfer-Encoding: chunked") + body
		statuses, closed := answers(t, addr, good+bad, 5*time.Second)
		if !closed || len(statuses) != 2 || statuses[0] != 200 || statuses[1] != 400 {
			t.Errorf("statuses %v, closed %v", statuses, closed)
		}
		p.noSmuggling(t)
	})
}

// HTT-01 beneath TLS, where the head cannot be seen: the connection ends with the
// answer, so that what is hidden is never read (RFC 9112, section 6.3).
func TestHTT01_BeneathTLS(t *testing.T) {
	v := newVault(t)
	for name, lines := range map[string][]string{
		"two ways": {"Content-Length: 400", "Transfer-Encoding: chunked"}, "chunked": {"Transfer-Encoding: chunked"},
	} {
		p, addr := startAt(t, place{tls: v.open(t)})
		c, err := (&tls.Dialer{Config: v.dialer(nil)}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, head1(addr, "1.1", lines...)+chunk(list)+"0\r\n\r\n"+hidden(addr)) // what comes back tells
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 200 || !resp.Close {
			t.Fatalf("%s: %v %v", name, resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body) // it is what follows that matters
		if b, err := in.ReadByte(); err == nil {
			t.Errorf("%s: there is more: %q", name, b)
		}
		p.noSmuggling(t)
	}
}

// HTT-02: there is one transfer coding, written in one way, and only in HTTP/1.1.
func TestHTT02_TransferEncoding(t *testing.T) {
	for _, tc := range []struct {
		name, version string
		lines         []string
	}{
		{"xchunked", "1.1", []string{"Transfer-Encoding: xchunked"}},
		{"identity", "1.1", []string{"Transfer-Encoding: identity"}},
		{"chunked, identity", "1.1", []string{"Transfer-Encoding: chunked, identity"}},
		{"identity, chunked", "1.1", []string{"Transfer-Encoding: identity, chunked"}},
		{"gzip, chunked", "1.1", []string{"Transfer-Encoding: gzip, chunked"}},
		{"tab", "1.1", []string{"Transfer-Encoding:\tchunked"}},
		{"vertical tab", "1.1", []string{"Transfer-Encoding: \vchunked"}},
		{"folded", "1.1", []string{"Transfer-Encoding:", " chunked"}},
		{"folded behind", "1.1", []string{"X: y", " Transfer-Encoding: chunked", "Transfer-Encoding: x"}},
		{"twice", "1.1", []string{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}},
		{"twice, one empty", "1.1", []string{"Transfer-Encoding: chunked", "Transfer-Encoding:"}},
		{"quoted", "1.1", []string{`Transfer-Encoding: "chunked"`}},
		{"space before colon", "1.1", []string{"Transfer-Encoding : chunked"}},
		{"underscore", "1.1", []string{"Transfer_Encoding: chunked"}},
		{"underscore and length", "1.1", []string{"Transfer_Encoding: chunked", "Content-Length: 5"}},
		{"length with underscore", "1.1", []string{"Content_Length: 5"}},
		{"HTTP/1.0", "1.0", []string{"Transfer-Encoding: chunked"}},
		{"HTTP/1.0 and length", "1.0", []string{"Transfer-Encoding: chunked", "Content-Length: 0", "Connection: keep-alive"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, addr := start(t, nil, listen.Limits{})
			statuses, closed := answers(t, addr, head1(addr, tc.version, tc.lines...)+chunk(list)+"0\r\n\r\n"+hidden(addr), 5*time.Second)
			if !refusedAndClosed(statuses, closed) {
				t.Errorf("statuses %v, closed %v", statuses, closed)
			}
			p.noSmuggling(t)
		})
	}
}

// HTT-03: a length is a number of digits, and one.
func TestHTT03_ContentLength(t *testing.T) {
	for name, lines := range map[string][]string{
		"two": {"Content-Length: 5", "Content-Length: 6"}, "plus": {"Content-Length: +5"}, "list": {"Content-Length: 5,5"}, "list of two": {"Content-Length: 5, 6"},
		"minus": {"Content-Length: -1"}, "large": {"Content-Length: 9223372036854775808"}, "larger": {"Content-Length: 184467440737095516170"},
		"hex": {"Content-Length: 0x5"}, "space": {"Content-Length: 5 5"}, "empty": {"Content-Length:"}, "underscore": {"Content-Length: 1_0"}, "fraction": {"Content-Length: 5.0"},
		"wide digits": {"Content-Length: \uff15"},
	} {
		t.Run(name, func(t *testing.T) {
			p, addr := start(t, nil, listen.Limits{})
			statuses, closed := answers(t, addr, head1(addr, "1.1", lines...)+hidden(addr), 5*time.Second)
			if !refusedAndClosed(statuses, closed) {
				t.Errorf("statuses %v, closed %v", statuses, closed)
			}
			p.noSmuggling(t)
		})
	}
}

// HTT-04: a chunk that is not written as RFC 9112, section 7.1, says ends the
// connection, and a trailer never becomes a header.
func TestHTT04_Chunks(t *testing.T) {
	for name, body := range map[string]string{
		"LF in size":       fmt.Sprintf("%x\n%s\r\n0\r\n\r\n", len(list), list),
		"LF in extension":  fmt.Sprintf("%x;a=b\n%s\r\n0\r\n\r\n", len(list), list),
		"long extension":   fmt.Sprintf("%x;a=%s\r\n%s\r\n0\r\n\r\n", len(list), strings.Repeat("b", 64<<10), list),
		"many extensions":  strings.Repeat("1;"+strings.Repeat("a", 3000)+"\r\n \r\n", 100) + "0\r\n\r\n",
		"negative":         "-1\r\n" + list + "\r\n0\r\n\r\n",
		"too large a size": "fffffffffffffffff\r\n" + list + "\r\n0\r\n\r\n",
		"hex mark":         fmt.Sprintf("0x%x\r\n%s\r\n0\r\n\r\n", len(list), list),
		"no end of data":   fmt.Sprintf("%x\r\n%sX\r\n0\r\n\r\n", len(list), list),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, addr := start(t, nil, listen.Limits{})
			statuses, closed := answers(t, addr, head1(addr, "1.1", "Transfer-Encoding: chunked")+body+hidden(addr), 5*time.Second)
			if !refusedAndClosed(statuses, closed) {
				t.Errorf("statuses %v, closed %v", statuses, closed)
			}
			p.noSmuggling(t)
		})
	}
	t.Run("missing last chunk", func(t *testing.T) {
		p, addr := start(t, nil, listen.Limits{BodyWait: 200 * time.Millisecond})
		statuses, closed := answers(t, addr, head1(addr, "1.1", "Transfer-Encoding: chunked")+chunk(list), 5*time.Second)
		if !refusedAndClosed(statuses, closed) || len(p.exchanges()) != 1 {
			t.Errorf("statuses %v, closed %v", statuses, closed)
		}
	})
	t.Run("trailers", func(t *testing.T) {
		p, addr := start(t, nil, listen.Limits{})
		head := strings.Replace(head1(addr, "1.1", "Transfer-Encoding: chunked", "Trailer: Authorization, Mcp-Name"), "Bearer alice", "Bearer bob", 1)
		statuses, _ := answers(t, addr, head+chunk(list)+"0\r\nAuthorization: Bearer mallory\r\nMcp-Name: x\r\nX-Other: y\r\n\r\n", 200*time.Millisecond)
		in := p.inbound(t)
		if len(statuses) != 1 || statuses[0] != 200 || in.Header.Get("Authorization") != "Bearer bob" || in.Header.Get("Mcp-Name") != "" || in.Header.Get("X-Other") != "" {
			t.Errorf("statuses %v, header %v", statuses, in.Header)
		}
	})
}

// HTT-06: what of a body was not read is never taken for the next request.
func TestHTT06_UnreadBody(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  int
	}{
		"413": {[]string{"Content-Length: 10485760"}, 413},
		"401": {[]string{"Authorization: Bearer bad", "Content-Length: 10485760"}, 401}, // two credentials: the first is alice's
		"415": {[]string{"Content-Encoding: gzip", "Content-Length: 10485760"}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, addr := start(t, &listen.Settings{MaxBody: 1 << 20}, listen.Limits{})
			if name == "401" {
				p.before = refusesWith(gate.Refuse(gate.CodeBadCredential, "", ""))
			}
			body := strings.Repeat(hidden(addr), 10<<20/len(hidden(addr))+1)[:10<<20]
			statuses, closed := answers(t, addr, head1(addr, "1.1", tc.lines...)+body+hidden(addr), 5*time.Second)
			if len(statuses) > 1 || len(statuses) == 1 && statuses[0] != tc.want || !closed {
				t.Errorf("statuses %v, closed %v", statuses, closed)
			}
			p.noSmuggling(t)
		})
	}
}

// HTT-07: a client cannot have headers dropped by naming them in Connection, cannot
// change to plain-text HTTP/2, and is not asked for a body before it has signed in.
func TestHTT07_HopByHop(t *testing.T) {
	const wait = 200 * time.Millisecond
	p, addr := start(t, nil, listen.Limits{BodyWait: wait})
	statuses, _ := answers(t, addr, head1(addr, "1.1", "Connection: Authorization, Mcp-Name, X-Tenant", "Mcp-Name: n", fmt.Sprint("Content-Length: ", len(list)))+list, wait)
	if in := p.inbound(t); len(statuses) != 1 || statuses[0] != 200 || in.Header.Get("Authorization") != "Bearer alice" || in.Header.Get("Mcp-Name") != "n" {
		t.Errorf("statuses %v, header %v", statuses, in.Header)
	}
	for _, line := range []string{"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade\r\nUpgrade: TLS/1.0"} {
		if statuses, _ := answers(t, addr, head1(addr, "1.1", line, fmt.Sprint("Content-Length: ", len(list)))+list, wait); len(statuses) != 1 || statuses[0] != 200 {
			t.Errorf("%q: statuses %v", line, statuses)
		}
	}
	if statuses, _ := answers(t, addr, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", wait); len(statuses) > 1 || len(statuses) == 1 && statuses[0] < 400 {
		t.Errorf("plain-text HTTP/2: statuses %v", statuses)
	}
	p.before = refusesWith(gate.Refuse(gate.CodeUnauthenticated, "", ""))
	statuses, closed := answers(t, addr, head1(addr, "1.1", "Expect: 100-continue", "Content-Length: 100"), 5*time.Second)
	if len(statuses) != 1 || statuses[0] != 401 || !closed {
		t.Errorf("a body that never comes: statuses %v, closed %v", statuses, closed)
	}
	statuses, _ = answers(t, addr, head1(addr, "1.1", "Expect: something", fmt.Sprint("Content-Length: ", len(list)))+list, wait)
	if len(statuses) == 0 || statuses[0] != http.StatusExpectationFailed {
		t.Errorf("another expectation: statuses %v", statuses)
	}
}
