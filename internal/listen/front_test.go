package listen_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`

// modern are the headers of the stateless era for list.
var modern = []string{"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list"}

// HTT-14 to HTT-17: other content types, what the client cannot take, and other
// methods.
func TestHTT17_WrongRequestsAreToldWhatToDo(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		says                     string
	}{
		{"root", "POST", "/", list, nil, 404, "POST your MCP messages to http://" + addr + "/mcp"},
		{"legacy sse", "GET", "/sse", "", nil, 404, "/mcp"},
		{"legacy messages", "POST", "/messages?sessionId=1", list, nil, 404, "/mcp"},
		{"trailing slash", "POST", "/mcp/", list, nil, 404, "/mcp"},
		{"two segments", "POST", "/mcp/a/b", list, nil, 404, "/mcp"},
		{"escaped slash", "POST", "/mcp%2fa", list, nil, 404, "/mcp"},
		{"escaped profile", "POST", "/mcp/a%2e%2e", list, nil, 404, "/mcp"},
		{"case", "POST", "/MCP", list, nil, 404, "/mcp"},
		{"put", "PUT", "/mcp", list, nil, 405, "POST your MCP"},
		{"head", "HEAD", "/mcp", "", nil, 405, ""},
		{"options", "OPTIONS", "/mcp", "", nil, 405, "POST your MCP"},
		{"trace", "TRACE", "/mcp", "", nil, 405, "POST your MCP"},
		{"patch", "PATCH", "/mcp", list, nil, 405, "POST your MCP"},
		{"lower case", "post", "/mcp", list, nil, 405, "POST your MCP"},
		{"override", "PUT", "/mcp", list, []string{"X-Http-Method-Override: POST"}, 405, "POST your MCP"},
		{"get without session", "GET", "/mcp", "", nil, 405, "Mcp-Session-Id"},
		{"delete without session", "DELETE", "/mcp", "", nil, 405, "Mcp-Session-Id"},
		{"modern get", "GET", "/mcp", "", []string{"Mcp-Session-Id: x", "Mcp-Protocol-Version: 2026-07-28"}, 405, "POST"},
		{"get without accept", "GET", "/mcp", "", []string{"Mcp-Session-Id: x"}, 406, "text/event-stream"},
		{"get json", "GET", "/mcp", "", []string{"Mcp-Session-Id: x", "Accept: application/json"}, 406, "text/event-stream"},
		{"no type", "POST", "/mcp", list, []string{"Content-Type: "}, 415, "application/json"},
		{"form", "POST", "/mcp", list, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "application/json"},
		{"text", "POST", "/mcp", list, []string{"Content-Type: text/plain"}, 415, "application/json"},
		{"multipart", "POST", "/mcp", list, []string{"Content-Type: multipart/form-data; boundary=x"}, 415, "application/json"},
		{"jsonx", "POST", "/mcp", list, []string{"Content-Type: application/jsonx"}, 415, "application/json"},
		{"list of types", "POST", "/mcp", list, []string{"Content-Type: application/json, text/html"}, 415, "application/json"},
		{"two types", "POST", "/mcp", list, []string{"+Content-Type: application/json"}, 415, "application/json"},
		{"utf-16", "POST", "/mcp", list, []string{"Content-Type: application/json; charset=utf-16"}, 415, "application/json"},
		{"utf-7", "POST", "/mcp", list, []string{"Content-Type: application/json; charset=utf-7"}, 415, "application/json"},
		{"gzip", "POST", "/mcp", list, []string{"Content-Encoding: gzip"}, 415, "Content-Encoding"},
		{"accept neither", "POST", "/mcp", list, []string{"Accept: text/html"}, 406, "text/event-stream"},
		{"accept q=0", "POST", "/mcp", list, []string{"Accept: */*;q=0"}, 406, "text/event-stream"},
		{"many headers", "POST", "/mcp", list, many(120), 431, "headers"},
		{"bad credential", "POST", "/mcp", list, []string{"Authorization: Bearer bad"}, 401, "identity.invalid"},
		{"utf-8", "POST", "/mcp", list, append([]string{"Content-Type: application/json; charset=UTF-8"}, modern...), 200, `"tools"`},
		{"accept absent", "POST", "/mcp", list, append([]string{"Accept: "}, modern...), 200, `"tools"`},
		{"accept any", "POST", "/mcp", list, append([]string{"Accept: */*"}, modern...), 200, `"tools"`},
		{"accept json", "POST", "/mcp", list, append([]string{"Accept: application/json"}, modern...), 200, `"tools"`},
		{"accept sse", "POST", "/mcp", list, append([]string{"Accept: text/event-stream"}, modern...), 200, "event: message\ndata: {"},
		{"profile", "POST", "/mcp/review", list, modern, 200, `"tools"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, tc.header...)
			body := text(t, resp)
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.says) {
				t.Fatalf("status %d, want %d; body %q, want it to say %q", resp.StatusCode, tc.status, body, tc.says)
			}
			if tc.status == 405 && resp.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			if resp.Header.Get("Doorward-Exchange") == "" {
				t.Error("no exchange id")
			}
			if tc.status >= 400 && tc.method != "HEAD" && !json.Valid([]byte(body)) {
				t.Errorf("body is not JSON: %q", body)
			}
			if strings.Contains(body, "secret reason") {
				t.Error("the reason reached the client")
			}
		})
	}
}

func many(n int) []string {
	h := make([]string, n)
	for i := range h {
		h[i] = fmt.Sprintf("X-%d: x", i)
	}
	return h
}

func TestUnauthenticatedIsChallenged(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	resp := send(t, "POST", "http://"+addr+"/mcp/no-such-profile", list, "Authorization: ")
	if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || got != `Bearer realm="doorward"` {
		t.Errorf("status %d, challenge %q", resp.StatusCode, got)
	}
	resp = send(t, "POST", "http://"+addr+"/mcp", list, "Authorization: Bearer bad")
	if got := resp.Header.Get("WWW-Authenticate"); got != `Bearer realm="doorward", error="invalid_token"` {
		t.Errorf("challenge %q", got)
	}
}

// HTT-11, HTT-12 and A22: exactly the Hosts and Origins that are named, and those
// of loopback itself.
func TestHTT12_HostAndOrigin(t *testing.T) {
	_, addr := start(t, &listen.Settings{
		AllowedHosts:   []string{"mcp.example.com"},
		AllowedOrigins: []string{"http://localhost:3000"},
	}, listen.Limits{})
	_, port, _ := net.SplitHostPort(addr)
	for _, tc := range []struct {
		host, origin string
		status       int
	}{
		{"", "", 200},
		{"localhost:" + port, "", 200},
		{"[::1]:" + port, "", 200},
		{"mcp.example.com", "", 200},
		{"mcp.example.com:" + port, "", 200},
		{"mcp.example.com:1", "", 403},
		{"evil", "", 403},
		{"evil:" + port, "", 403},
		{"localhost", "", 403},
		{"localhost:1", "", 403},
		{"localhost.:" + port, "", 403},
		{"2130706433:" + port, "", 403},
		{"0x7f.1:" + port, "", 403},
		{"0.0.0.0:" + port, "", 403},
		{"[::ffff:127.0.0.1]:" + port, "", 403},
		{"127.0.0.1.nip.io:" + port, "", 403},
		{"", "http://localhost:3000", 200},
		{"", "http://localhost:" + port, 200},
		{"", "http://127.0.0.1:" + port, 200},
		{"", "https://localhost:" + port, 403},
		{"", "http://evil", 403},
		{"", "null", 403},
		{"", "file://", 403},
		{"", "http://localhost.evil.test", 403},
		{"", "http://localhost:3001", 403},
		{"", "https://localhost:3000", 403},
		{"", "http://LOCALHOST:3000", 403},
		{"", "http://LOCALHOST:" + port, 403},
		{"", "http://localhost:3000/", 403},
		{"", "http://127.0.0.1.nip.io:" + port, 403},
		{"", "http://[::1]:3000", 403},
	} {
		t.Run(tc.host+" "+tc.origin, func(t *testing.T) {
			h := append([]string{}, modern...)
			if tc.host != "" {
				h = append(h, "Host: "+tc.host)
			}
			if tc.origin != "" {
				h = append(h, "Origin: "+tc.origin)
			}
			resp := send(t, "POST", "http://"+addr+"/mcp", list, h...)
			if resp.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tc.status, text(t, resp))
			}
			shared := resp.Header.Get("Access-Control-Allow-Origin")
			if tc.status == 200 && tc.origin != shared || tc.status != 200 && shared != "" {
				t.Errorf("Access-Control-Allow-Origin %q", shared)
			}
			if resp.Header.Get("Access-Control-Allow-Credentials") != "" || resp.Header.Get("Vary") != "Origin" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	t.Run("two origins", func(t *testing.T) {
		resp := send(t, "POST", "http://"+addr+"/mcp", list, "Origin: http://localhost:3000", "+Origin: http://evil")
		if resp.StatusCode != 403 {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

// HTT-13 and A24.
func TestHTT13_Preflight(t *testing.T) {
	_, addr := start(t, &listen.Settings{AllowedOrigins: []string{"https://app.example.com"}}, listen.Limits{})
	asks := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: mcp-param-region, mcp-param-a b, x-evil", "Access-Control-Request-Private-Network: true"}
	resp := send(t, "OPTIONS", "http://"+addr+"/mcp", "", append(asks, "Origin: https://app.example.com")...)
	h := resp.Header
	if resp.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Mcp-Param-Region") ||
		strings.Contains(h.Get("Access-Control-Allow-Headers"), "Evil") || h.Get("Access-Control-Allow-Private-Network") != "" {
		t.Errorf("status %d, headers %v", resp.StatusCode, h)
	}
	resp = send(t, "OPTIONS", "http://"+addr+"/mcp", "", append(asks, "Origin: https://evil.example.com")...)
	if resp.StatusCode != 403 || resp.Header.Get("Access-Control-Allow-Origin") != "" || resp.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
	}
}

func TestAllowedAddresses(t *testing.T) {
	_, addr := start(t, &listen.Settings{AllowedAddresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, listen.Limits{})
	if resp := send(t, "POST", "http://"+addr+"/mcp", list, modern...); resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// raw sends bytes and returns the status of the first answer, 0 for none, and
// whether the connection is closed after it.
func raw(t *testing.T, addr, request string) (status int, closed bool) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Write([]byte(request)) }() // the server may answer and close before it has all
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, true
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Close
}

func TestHostileHeaders(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	top := "POST /mcp HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\n"
	end := "Content-Length: 2\r\n\r\n{}"
	for _, tc := range []struct {
		name, request string
		want          []int
	}{
		{"1 MiB header", top + "X: " + strings.Repeat("a", 1<<20) + "\r\n" + end, []int{431, 400, 0}},
		{"10k headers", top + strings.Repeat("X: a\r\n", 10_000) + end, []int{431}},
		{"space in name", top + "X Y: a\r\n" + end, []int{400}},
		{"space before colon", top + "X : a\r\n" + end, []int{400}},
		{"NUL in name", top + "X\x00: a\r\n" + end, []int{400}},
		{"NUL in value", top + "X: a\x00b\r\n" + end, []int{400}},
		{"bare CR in value", top + "X: a\rMcp-Name: b\r\n" + end, []int{400}},
		{"no host", "POST /mcp HTTP/1.1\r\n" + end, []int{400}},
		{"empty host", "POST /mcp HTTP/1.1\r\nHost:\r\n" + end, []int{400, 403}},
		{"two hosts", top + "Host: evil\r\n" + end, []int{400}},
		{"http/1.0 without host", "POST /mcp HTTP/1.0\r\n" + end, []int{403}},
		{"absolute form", "POST http://" + addr + "/mcp HTTP/1.1\r\nHost: evil\r\n" + end, []int{400}},
		{"absolute form, evil", "POST http://evil/mcp HTTP/1.1\r\nHost: " + addr + "\r\n" + end, []int{400}},
		{"connect", "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", []int{404, 405}},
		{"options star", "OPTIONS * HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", []int{404, 405}},
		{"h2c upgrade", "GET /mcp HTTP/1.1\r\nHost: " + addr + "\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", []int{405}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _ := raw(t, addr, tc.request)
			if slices.Contains(tc.want, got) {
				return
			}
			t.Errorf("status %d, want one of %v", got, tc.want)
		})
	}
}

// HTT-06: what of a body was not read is never taken for the next request.
func TestHTT06_EarlyAnswer(t *testing.T) {
	p, addr := start(t, &listen.Settings{MaxBody: 1 << 10}, listen.Limits{})
	body := strings.Repeat("POST /mcp HTTP/1.1\r\n\r\n", 50_000)
	status, closed := raw(t, addr, fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body))
	if status != 413 || !closed {
		t.Errorf("status %d, closed %v", status, closed)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.served) != 1 {
		t.Errorf("%d exchanges, want 1", len(p.served))
	}
}

// TestBodySizes: a body arrives whole whatever its size and whether its length
// is said before.
func TestBodySizes(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	got := make(chan int, 1)
	p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		got <- len(strings.TrimRight(string(ex.Call.Message.Raw), " ")) + strings.Count(string(ex.Call.Message.Raw), " ")
		if err := result(ctx, ex, c, `{"text":"`+strings.Repeat("x", len(ex.Call.Message.Raw))+`"}`); err != nil {
			t.Error(err)
		}
	}
	for _, size := range []int{100, 4 << 10, 4<<10 + 1, 64 << 10, 64<<10 + 1, 200_000, 512<<10 + 8, 1 << 20, 4 << 20} {
		body := list + strings.Repeat(" ", size-len(list))
		resp := send(t, "POST", "http://"+addr+"/mcp", body, modern...)
		if answer := text(t, resp); resp.StatusCode != 200 || len(answer) < size {
			t.Fatalf("%d bytes: status %d and %d bytes back", size, resp.StatusCode, len(answer))
		}
		if n := <-got; n != size {
			t.Errorf("%d bytes: %d arrived", size, n)
		}
		chunked := fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"+
			"Accept: application/json\r\n%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", addr, strings.Join(modern, "\r\n"), size, body)
		if status, _ := raw(t, addr, chunked); status != 200 {
			t.Errorf("%d bytes, chunked: status %d", size, status)
		}
		if n := <-got; n != size {
			t.Errorf("%d bytes, chunked: %d arrived", size, n)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	_, addr := start(t, &listen.Settings{MaxBody: 1 << 10}, listen.Limits{BodyWait: 200 * time.Millisecond})
	fits := list + strings.Repeat(" ", 1<<10-len(list))
	if resp := send(t, "POST", "http://"+addr+"/mcp", fits, modern...); resp.StatusCode != 200 {
		t.Errorf("at the limit: status %d", resp.StatusCode)
	}
	if resp := send(t, "POST", "http://"+addr+"/mcp", fits+" ", modern...); resp.StatusCode != 413 {
		t.Errorf("over the limit: status %d", resp.StatusCode)
	}
	top := "POST /mcp HTTP/1.1\r\nHost: " + addr + "\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n"
	chunk := "400\r\n" + strings.Repeat(" ", 0x400) + "\r\n"
	if status, _ := raw(t, addr, top+"Transfer-Encoding: chunked\r\n\r\n"+chunk+chunk); status != 413 {
		t.Errorf("chunked: status %d", status)
	}
	if status, _ := raw(t, addr, top+"Content-Length: 100\r\n\r\n{"); status != 400 {
		t.Errorf("slow: status %d", status)
	}
}

func TestServeAfterShutdown(t *testing.T) {
	p, _ := start(t, nil, listen.Limits{})
	if err := p.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.server.Serve(l, nil); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}
