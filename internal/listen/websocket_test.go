package listen_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// dial opens a WebSocket as alice, unless a "Name: value" line says otherwise.
func dial(t *testing.T, addr, path string, protocols []string, header ...string) *websocket.Conn {
	t.Helper()
	h := http.Header{"Authorization": {"Bearer alice"}}
	for _, l := range header {
		name, value, _ := strings.Cut(l, ": ")
		h.Set(name, value)
	}
	c, resp, err := websocket.Dial(t.Context(), "ws://"+addr+path, &websocket.DialOptions{Subprotocols: protocols, HTTPHeader: h})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		resp.Body.Close()
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(8 << 20)
	return c
}

func say(t *testing.T, c *websocket.Conn, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

func hear(t *testing.T, c *websocket.Conn) map[string]any {
	t.Helper()
	kind, data, err := c.Read(t.Context())
	if err != nil || kind != websocket.MessageText {
		t.Fatalf("reading: %v, %v", kind, err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return m
}

// closed fails unless the connection ends with that status and no message.
func closed(t *testing.T, c *websocket.Conn, want websocket.StatusCode) {
	t.Helper()
	_, data, err := c.Read(t.Context())
	if got := websocket.CloseStatus(err); got != want {
		t.Errorf("closed with %v (%v, %.100s), want %v", got, err, data, want)
	}
}

const hello25 = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`

func TestWebSocketStateful(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{})
	asking(p)
	c := dial(t, addr, "/ws/review", []string{"other", "mcp"}, "Origin: http://"+addr)
	if got := c.Subprotocol(); got != "mcp" {
		t.Errorf("subprotocol %q", got)
	}
	// All at once: what follows initialize must find its session.
	say(t, c, hello25, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`)
	if m := hear(t, c); m["id"] != 1.0 || m["result"] == nil {
		t.Fatalf("initialize: %v", m)
	}
	if m := hear(t, c); m["id"] != 2.0 || m["result"] == nil {
		t.Fatalf("tools/list: %v", m)
	}
	session := p.session(t)
	if err := p.server.Push(t.Context(), session, &gate.Exchange{}, mcp.NewNotification("notifications/tools/list_changed", nil)); err != nil {
		t.Fatal(err)
	}
	if m := hear(t, c); m["method"] != "notifications/tools/list_changed" {
		t.Errorf("pushed: %v", m)
	}
	say(t, c, call)
	if m := hear(t, c); m["method"] != "roots/list" {
		t.Fatalf("asked: %v", m)
	}
	say(t, c, answer)
	if m := hear(t, c); m["id"] != 7.0 || !strings.Contains(mustJSON(m), `"roots":[]`) {
		t.Errorf("result: %v", m)
	}
	say(t, c, "not json")
	if m := hear(t, c); m["id"] != nil || m["error"] == nil {
		t.Errorf("not json: %v", m)
	}
	if resp := send(t, "POST", "http://"+addr+"/mcp/review", list, "Mcp-Session-Id: "+session.ID, "Authorization: Bearer bob"); resp.StatusCode != 404 {
		t.Errorf("the session for bob: status %d", resp.StatusCode)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("closing: %v", err)
	}
	<-p.closed
	for _, ex := range p.exchanges() {
		if in := ex.Inbound; in.Transport == "websocket" && (in.Profile != "review" || !in.Remote.IsLoopback() || in.Local) {
			t.Errorf("an exchange with %+v", in)
		}
	}
}

func TestWebSocketStateless(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{InFlight: 1})
	_, ended := hang(p)
	p.does["notifications/cancelled"] = func(context.Context, *gate.Exchange, gate.Client) {}
	c := dial(t, addr, "/ws", nil)
	if got := c.Subprotocol(); got != "" {
		t.Errorf("subprotocol %q, and none was offered", got)
	}
	say(t, c, `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x",`+meta+`}}`)
	if m := hear(t, c); m["method"] != "notifications/message" {
		t.Fatalf("note: %v", m)
	}
	say(t, c, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a",`+meta+`}}`)
	if err := <-ended; err == nil {
		t.Error("the call went on")
	}
	say(t, c, `{"jsonrpc":"2.0","id":"b","method":"tools/list","params":{`+meta+`}}`)
	if m := hear(t, c); m["id"] != "b" || m["result"] == nil {
		t.Errorf("after a cancellation comes %v", m)
	}
}

// TestWebSocketIsRefused is HTT-41: before the connection is taken over.
func TestWebSocketIsRefused(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true, AllowedOrigins: []string{"https://app.example.com"}}, listen.Limits{})
	shake := []string{
		"Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: mcp",
	}
	for _, tc := range []struct {
		name, method, path string
		header             []string
		status             int
		says               string
	}{
		{"foreign origin", "GET", "/ws", []string{"Origin: http://evil"}, 403, "http.origin"},
		{"null origin", "GET", "/ws", []string{"Origin: null"}, 403, "http.origin"},
		{"origin of another scheme", "GET", "/ws", []string{"Origin: https://" + addr}, 403, "http.origin"},
		{"origin of another case", "GET", "/ws", []string{"Origin: https://APP.example.com"}, 403, "http.origin"},
		{"two origins", "GET", "/ws", []string{"Origin: https://app.example.com", "+Origin: http://evil"}, 403, "http.origin"},
		{"foreign host", "GET", "/ws", []string{"Host: evil"}, 403, "http.host"},
		{"host and origin that agree", "GET", "/ws", []string{"Host: evil", "Origin: http://evil"}, 403, "http.host"},
		{"nobody", "GET", "/ws", []string{"Authorization: "}, 401, "identity.missing"},
		{"bad credential", "GET", "/ws", []string{"Authorization: Bearer bad"}, 401, "identity.invalid"},
		{"token in the subprotocol", "GET", "/ws", []string{"Authorization: ", "Sec-WebSocket-Protocol: mcp, bearer.alice"}, 401, "identity.missing"},
		{"other subprotocols alone", "GET", "/ws", []string{"Sec-WebSocket-Protocol: soap, wamp"}, 400, "http.subprotocol"},
		{"a plain GET", "GET", "/ws", []string{"Upgrade: ", "Connection: "}, 426, "http.upgrade"},
		{"another upgrade", "GET", "/ws", []string{"Upgrade: h2c"}, 426, "http.upgrade"},
		{"an old version", "GET", "/ws", []string{"Sec-WebSocket-Version: 8"}, 426, "http.upgrade"},
		{"no key", "GET", "/ws", []string{"Sec-WebSocket-Key: "}, 400, "http.handshake"},
		{"a short key", "GET", "/ws", []string{"Sec-WebSocket-Key: AAAA"}, 400, "http.handshake"},
		{"two keys", "GET", "/ws", []string{"+Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "http.handshake"},
		{"POST", "POST", "/ws", nil, 405, "GET a WebSocket here"},
		{"two segments", "GET", "/ws/a/b", nil, 404, "http.path"},
		{"HTTP/1.1 to /mcp", "GET", "/mcp", nil, 405, "POST your MCP"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := send(t, tc.method, "http://"+addr+tc.path, "", append(append([]string{}, shake...), tc.header...)...)
			body := text(t, resp)
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.says) || !json.Valid([]byte(body)) {
				t.Errorf("status %d, want %d; %s, want it to say %s", resp.StatusCode, tc.status, body, tc.says)
			}
			if tc.status == 426 && resp.Header.Get("Upgrade") == "" && resp.Header.Get("Sec-WebSocket-Version") == "" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	for _, ex := range p.exchanges() {
		if ex.Principal != nil {
			t.Errorf("%s got past the sign-in", ex.Inbound.Op)
		}
	}
	// The page that is named may.
	c := dial(t, addr, "/ws", []string{"mcp"}, "Origin: https://app.example.com")
	say(t, c, hello25)
	hear(t, c)
}

func TestWebSocketFrames(t *testing.T) {
	fits := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + meta + `}}`
	for name, tc := range map[string]struct {
		send func(c *websocket.Conn) error
		want websocket.StatusCode
	}{
		"binary": {func(c *websocket.Conn) error {
			return c.Write(t.Context(), websocket.MessageBinary, []byte(fits))
		}, websocket.StatusUnsupportedData},
		"not UTF-8": {func(c *websocket.Conn) error {
			return c.Write(t.Context(), websocket.MessageText, []byte("{\"a\":\"\xff\"}"))
		}, websocket.StatusInvalidFramePayloadData},
		"too large": {func(c *websocket.Conn) error {
			return c.Write(t.Context(), websocket.MessageText, make([]byte, 1<<10+1))
		}, websocket.StatusMessageTooBig},
		"too large in fragments": {func(c *websocket.Conn) error {
			w, err := c.Writer(t.Context(), websocket.MessageText)
			for range 100 { // more than the library keeps back
				if err == nil {
					_, err = w.Write(make([]byte, 100))
				}
			}
			return err
		}, websocket.StatusMessageTooBig},
		"an unknown opcode": {func(c *websocket.Conn) error {
			return c.Write(t.Context(), websocket.MessageType(5), nil)
		}, websocket.StatusProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := start(t, &listen.Settings{WebSocket: true, MaxBody: 1 << 10}, listen.Limits{})
			c := dial(t, addr, "/ws", []string{"mcp"})
			say(t, c, fits+strings.Repeat(" ", 1<<10-len(fits))) // at the limit
			if m := hear(t, c); m["result"] == nil {
				t.Errorf("at the limit: %v", m)
			}
			if err := tc.send(c); err != nil && websocket.CloseStatus(err) != tc.want {
				t.Logf("sending: %v", err)
			}
			closed(t, c, tc.want)
		})
	}
}

// TestWebSocketEnds is MHB-18 and HTT-40.
func TestWebSocketEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(p *play, c *websocket.Conn, session *gate.Session)
		want websocket.StatusCode
	}{
		"the client is lost":     {func(_ *play, c *websocket.Conn, _ *gate.Session) { _ = c.CloseNow() }, -1},
		"the credential is dead": {func(p *play, _ *websocket.Conn, _ *gate.Session) { p.dead.Store(true) }, websocket.StatusPolicyViolation},
		"the owner is closed": {func(p *play, _ *websocket.Conn, s *gate.Session) {
			p.server.CloseThose(func(gs *gate.Session) bool { return gs.Owner == s.Owner })
		}, websocket.StatusPolicyViolation},
		"the transport is off": {func(p *play, _ *websocket.Conn, _ *gate.Session) { p.settings.Store(&listen.Settings{}) }, websocket.StatusGoingAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{})
			_, ended := hang(p)
			c := dial(t, addr, "/ws", []string{"mcp"})
			say(t, c, hello25, call)
			hear(t, c)
			hear(t, c)
			tc.end(p, c, p.session(t))
			if tc.want != -1 {
				closed(t, c, tc.want)
			}
			if err := <-ended; err == nil {
				t.Error("the call went on")
			}
			<-p.closed
		})
	}
}

// TestWebSocketFlood: no more calls are under way than there are places, and no
// message is lost for it.
func TestWebSocketFlood(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{InFlight: 2})
	begun, release := make(chan struct{}, 100), make(chan struct{})
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		begun <- struct{}{}
		<-release
		_ = result(ctx, ex, c, `{}`)
	}
	c := dial(t, addr, "/ws", []string{"mcp"})
	say(t, c, hello25)
	hear(t, c)
	for range 50 {
		say(t, c, call)
	}
	<-begun
	<-begun
	if n := len(p.exchanges()); n > 4 { // the opening, initialize and two calls
		t.Errorf("%d exchanges began", n)
	}
	close(release)
	for range 50 {
		if m := hear(t, c); m["id"] != 7.0 {
			t.Fatalf("answer: %v", m)
		}
	}
}

func TestWebSocketConnectionsAreBounded(t *testing.T) {
	_, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{Sessions: 2, SessionsPerPrincipal: 1})
	refused := func(who string) int {
		t.Helper()
		_, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + who}}})
		if err == nil || resp == nil {
			t.Fatalf("%s: %v", who, err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	c := dial(t, addr, "/ws", nil)
	if got := refused("alice"); got != 429 {
		t.Errorf("alice's second: status %d", got)
	}
	dial(t, addr, "/ws", nil, "Authorization: Bearer bob")
	if got := refused("carol"); got != 429 {
		t.Errorf("the third in all: status %d", got)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	for { // the place is free once the handler has ended
		c, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer carol"}}})
		if err == nil {
			_ = c.CloseNow()
			return
		}
		if resp == nil || resp.StatusCode != 429 {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}

const upgrade = "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer alice\r\nHost: "

// frame is a masked text frame; the mask is zero.
func frame(text string) string {
	return string([]byte{0x81, 0xfe, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}) + text
}

func TestWebSocketSlowReaderIsCutOff(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{WriteStall: 100 * time.Millisecond})
	stuck(t, addr, upgrade+addr+"\r\n\r\n"+frame(hello25))
	flood(t, p, p.session(t))
}

// TestWebSocketRawClients are clients that no library plays.
func TestWebSocketRawClients(t *testing.T) {
	for name, tc := range map[string]struct {
		sends  string
		limits listen.Limits
	}{
		"an unmasked frame":         {"\x81\x02{}", listen.Limits{}},
		"a body that comes slowly":  {"\x81\xfe\x01\x00\x00\x00\x00\x00{", listen.Limits{BodyWait: 50 * time.Millisecond}},
		"a claim of 1 GiB":          {"\x81\xff\x00\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00{", listen.Limits{BodyWait: 50 * time.Millisecond}},
		"a compressed frame":        {"\xc1\x82\x00\x00\x00\x00{}", listen.Limits{}},
		"no answer to pings":        {"", listen.Limits{KeepAlive: 20 * time.Millisecond, WriteStall: 100 * time.Millisecond}},
		"a continuation of nothing": {"\x80\x82\x00\x00\x00\x00{}", listen.Limits{}},
		"a long control frame":      {"\x89\xfe\x00\x80\x00\x00\x00\x00" + strings.Repeat("x", 128), listen.Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, addr := start(t, &listen.Settings{WebSocket: true}, tc.limits)
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte(upgrade + addr + "\r\n\r\n" + frame(hello25) + tc.sends)); err != nil {
				t.Fatal(err)
			}
			p.wait(t, gate.OpOpen) // its connection ended
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
				t.Errorf("status %d, headers %v", resp.StatusCode, resp.Header)
			}
		})
	}
}

// TestWebSocketShutdown: calls in flight end, and then the connection with 1001.
func TestWebSocketShutdown(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true}, listen.Limits{})
	release, _ := hang(p)
	c := dial(t, addr, "/ws", []string{"mcp"})
	say(t, c, hello25, call)
	hear(t, c)
	hear(t, c)
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Shutdown(context.WithoutCancel(t.Context())) }()
	refusing(addr)
	close(release)
	if m := hear(t, c); m["id"] != 7.0 || m["result"] == nil {
		t.Errorf("in flight at the end: %v", m)
	}
	closed(t, c, websocket.StatusGoingAway)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestShutdownCutsConnections: a call that does not end is cancelled when
// nobody waits any more, and nothing is left.
func TestShutdownCutsConnections(t *testing.T) {
	p, addr := start(t, &listen.Settings{WebSocket: true, LegacySSE: true}, listen.Limits{Drain: time.Hour})
	_, ended := hang(p)
	c := dial(t, addr, "/ws", []string{"mcp"})
	say(t, c, hello25, call)
	hear(t, c)
	hear(t, c)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Shutdown(ctx) }()
	refusing(addr)
	cancel()
	if err := <-ended; err == nil {
		t.Error("the call went on")
	}
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
}
