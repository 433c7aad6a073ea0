package listen_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

const (
	hello24 = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}`
	sseOnly = "Accept: text/event-stream"
)

// legacy opens a stream and returns its reader, its end, and where to POST.
func legacy(t *testing.T, addr, path string, header ...string) (read func() (sse, error), stream io.Closer, post string) {
	t.Helper()
	resp := send(t, "GET", "http://"+addr+path, "", append([]string{sseOnly}, header...)...)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("GET %s: status %d, type %q: %s", path, resp.StatusCode, resp.Header.Get("Content-Type"), text(t, resp))
	}
	read = events(resp.Body)
	first := next(t, read)
	if first.event != "endpoint" || !strings.HasPrefix(first.data, "/messages") {
		t.Fatalf("the first event is %+v", first)
	}
	return read, resp.Body, "http://" + addr + first.data
}

// tell posts a message that is taken.
func tell(t *testing.T, url, body string, header ...string) {
	t.Helper()
	resp := send(t, "POST", url, body, header...)
	for resp.StatusCode == 429 { // the place of the message before is not free yet
		resp = send(t, "POST", url, body, header...)
	}
	if got := text(t, resp); resp.StatusCode != 202 || got != "" {
		t.Fatalf("POST %s: status %d %q, want 202 and nothing", body, resp.StatusCode, got)
	}
}

// message reads the next message of a stream.
func message(t *testing.T, read func() (sse, error)) map[string]any {
	t.Helper()
	e := next(t, read)
	for e.event == "comment" {
		e = next(t, read)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(e.data), &m); err != nil || e.event != "message" || e.id != "" {
		t.Fatalf("event %+v: %v", e, err)
	}
	return m
}

// gone fails unless the stream ends without another message.
func gone(t *testing.T, read func() (sse, error)) {
	t.Helper()
	for {
		e, err := read()
		if err != nil {
			return
		}
		if e.event != "comment" {
			t.Fatalf("the stream went on with %+v", e)
		}
	}
}

func TestConnectionsAreOffByDefault(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	for _, tc := range []struct{ method, path, body, says string }{
		{"GET", "/sse", "", "listen.legacy_sse: true"},
		{"POST", "/sse", list, "listen.legacy_sse: true"},
		{"GET", "/sse/review", "", "listen.legacy_sse: true"},
		{"POST", "/messages?sessionId=x", list, "listen.legacy_sse: true"},
		{"GET", "/ws", "", "listen.websocket: true"},
		{"GET", "/ws/review", "", "listen.websocket: true"},
	} {
		resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, sseOnly)
		body := text(t, resp)
		if resp.StatusCode != 404 || !strings.Contains(body, tc.says) || !strings.Contains(body, "POST your MCP messages to http://"+addr+"/mcp") {
			t.Errorf("%s %s: status %d %s", tc.method, tc.path, resp.StatusCode, body)
		}
	}
}

func TestLegacySSE(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{})
	release, ended := hang(p)
	read, _, post := legacy(t, addr, "/sse/review")
	if !regexp.MustCompile(`/messages/review\?sessionId=[A-Za-z0-9_-]{43}$`).MatchString(post) {
		t.Fatalf("the endpoint is %q: want the profile and 256 random bits", post)
	}
	// MCP's own headers belong to another transport: a client may send what it likes.
	tell(t, post, hello24, "Mcp-Session-Id: x", "Mcp-Protocol-Version: 2026-07-28")
	if m := message(t, read); m["id"] != 1.0 || m["result"] == nil {
		t.Fatalf("initialize: %v", m)
	}
	tell(t, post, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	// The POST is answered while the call hangs.
	tell(t, post, call)
	if m := message(t, read); m["method"] != "notifications/message" {
		t.Fatalf("note: %v", m)
	}
	close(release)
	if m := message(t, read); m["id"] != 7.0 || m["result"] == nil {
		t.Fatalf("result: %v", m)
	}
	if err := <-ended; err != nil {
		t.Errorf("the call was cancelled: %v", err)
	}
	// A refusal of a request is its answer.
	tell(t, post, `{"jsonrpc":"2.0","id":"x","method":"no/such"}`)
	if m := message(t, read); m["id"] != "x" || m["error"] == nil {
		t.Errorf("unknown method: %v", m)
	}
	m := mcp.NewNotification("notifications/tools/list_changed", nil)
	if err := p.server.Push(t.Context(), p.session(t), &gate.Exchange{}, m); err != nil {
		t.Fatal(err)
	}
	if m := message(t, read); m["method"] != "notifications/tools/list_changed" {
		t.Errorf("pushed: %v", m)
	}
	// The id of the stream is not that of the session.
	id := post[strings.Index(post, "=")+1:]
	if resp := send(t, "POST", "http://"+addr+"/mcp/review", list, "Mcp-Session-Id: "+id); resp.StatusCode != 404 {
		t.Errorf("the stream's id as a session's: status %d", resp.StatusCode)
	}
	for _, ex := range p.exchanges() {
		if in := ex.Inbound; in.Transport == "sse" && in.Profile != "review" {
			t.Errorf("an exchange under the profile %q", in.Profile)
		}
	}
}

// asking makes tools/call ask the client for its roots and answer with what it
// says.
func asking(p *play) {
	answers := make(chan string, 1)
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = c.Deliver(ctx, ex, mcp.NewRequest([]byte(`"r1"`), "roots/list", nil))
		_ = result(ctx, ex, c, `{"answer":`+<-answers+`}`)
	}
	p.does[""] = func(_ context.Context, ex *gate.Exchange, _ gate.Client) {
		answers <- string(ex.Call.Message.Bytes(ex.Call.Message.Result))
	}
}

const answer = `{"jsonrpc":"2.0","id":"r1","result":{"roots":[]}}`

func TestLegacyServerAsks(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{InFlight: 1})
	asking(p)
	read, _, post := legacy(t, addr, "/sse")
	tell(t, post, hello24)
	message(t, read)
	tell(t, post, call)
	if m := message(t, read); m["method"] != "roots/list" || m["id"] != "r1" {
		t.Fatalf("asked: %v", m)
	}
	tell(t, post, answer) // though the one place is taken
	if m := message(t, read); m["id"] != 7.0 || !strings.Contains(mustJSON(m), `"roots":[]`) {
		t.Errorf("result: %v", m)
	}
}

func mustJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestLegacyCancellation(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{InFlight: 1})
	release, ended := hang(p)
	p.does["notifications/cancelled"] = func(context.Context, *gate.Exchange, gate.Client) {}
	read, _, post := legacy(t, addr, "/sse")
	tell(t, post, hello24)
	message(t, read)
	tell(t, post, call)
	message(t, read)
	tell(t, post, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	tell(t, post, `{"jsonrpc":"2.0","method":"notifications/initialized"}`) // takes its place once it has done its work
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("the call was cut off: %v", err) // its upstream ends it
	}
	tell(t, post, list)
	if m := message(t, read); m["id"] != 1.0 {
		t.Errorf("after a cancellation comes %v", m)
	}
}

// TestLegacyRefusals is HTT-38 and what the front refuses: each refusal comes
// with a status, and the stream goes on.
func TestLegacyRefusals(t *testing.T) {
	_, addr := start(t, &listen.Settings{LegacySSE: true, MaxBody: 1 << 10}, listen.Limits{})
	read, _, post := legacy(t, addr, "/sse")
	tell(t, post, hello24)
	message(t, read)
	id := post[strings.Index(post, "?"):]
	large := strings.Replace(list, "}", strings.Repeat(" ", 1<<10)+"}", 1)
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		says                     string
	}{
		{"stream, foreign origin", "GET", "/sse", "", []string{"Origin: http://evil"}, 403, "http.origin"},
		{"stream, null origin", "GET", "/sse", "", []string{"Origin: null"}, 403, "http.origin"},
		{"stream, foreign host", "GET", "/sse", "", []string{"Host: evil"}, 403, "http.host"},
		{"stream, nobody", "GET", "/sse", "", []string{"Authorization: "}, 401, "identity.missing"},
		{"stream, bad credential", "GET", "/sse", "", []string{"Authorization: Bearer bad"}, 401, "identity.invalid"},
		{"stream, wrong Accept", "GET", "/sse", "", []string{"Accept: application/json"}, 406, "text/event-stream"},
		{"stream, POST", "POST", "/sse", list, nil, 405, "GET the stream here"},
		{"stream, DELETE", "DELETE", "/sse", "", nil, 405, "GET the stream here"},
		{"stream, escaped profile", "GET", "/sse/a%2fb", "", nil, 404, "http.path"},
		{"message, GET", "GET", "/messages" + id, "", nil, 405, "POST messages here"},
		{"message, foreign origin", "POST", "/messages" + id, list, []string{"Origin: http://evil"}, 403, "http.origin"},
		{"message, foreign host", "POST", "/messages" + id, list, []string{"Host: evil"}, 403, "http.host"},
		{"message, nobody", "POST", "/messages" + id, list, []string{"Authorization: "}, 401, "identity.missing"},
		{"message, bad credential", "POST", "/messages" + id, list, []string{"Authorization: Bearer bad"}, 401, "identity.invalid"},
		{"message, another principal", "POST", "/messages" + id, list, []string{"Authorization: Bearer bob"}, 404, "session.unknown"},
		{"message, another profile", "POST", "/messages/review" + id, list, nil, 404, "session.unknown"},
		{"message, unknown id", "POST", "/messages?sessionId=made-up", list, nil, 404, "session.unknown"},
		{"message, no id", "POST", "/messages", list, nil, 404, "session.unknown"},
		{"message, two ids", "POST", "/messages" + id + "&sessionId=x", list, nil, 404, "session.unknown"},
		{"message, nobody and unknown id", "POST", "/messages?sessionId=made-up", list, []string{"Authorization: "}, 401, "identity.missing"},
		{"message, no type", "POST", "/messages" + id, list, []string{"Content-Type: "}, 415, "http.content_type"},
		{"message, text", "POST", "/messages" + id, list, []string{"Content-Type: text/plain"}, 415, "http.content_type"},
		{"message, gzip", "POST", "/messages" + id, list, []string{"Content-Encoding: gzip"}, 415, "http.content_encoding"},
		{"message, too large", "POST", "/messages" + id, large, nil, 413, "message.too_large"},
		{"message, no JSON", "POST", "/messages" + id, "{", nil, 400, "message.parse"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := send(t, tc.method, "http://"+addr+tc.path, tc.body, append([]string{sseOnly}, tc.header...)...)
			body := text(t, resp)
			if resp.StatusCode != tc.status || !strings.Contains(body, tc.says) || !json.Valid([]byte(body)) {
				t.Errorf("status %d, want %d; %s, want it to say %s", resp.StatusCode, tc.status, body, tc.says)
			}
			if (tc.status == 401) != (resp.Header.Get("WWW-Authenticate") != "") || (tc.status == 405) != (resp.Header.Get("Allow") != "") {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	// Somebody else's stream reads like one that never was.
	exchange := regexp.MustCompile(`"exchange":"[^"]*"`)
	foreign := exchange.ReplaceAllString(text(t, send(t, "POST", "http://"+addr+"/messages"+id, list, "Authorization: Bearer bob")), "")
	unknown := exchange.ReplaceAllString(text(t, send(t, "POST", "http://"+addr+"/messages?sessionId=x", list, "Authorization: Bearer bob")), "")
	if foreign != unknown {
		t.Errorf("a foreign stream: %s; an unknown one: %s", foreign, unknown)
	}
	tell(t, post, list)
	if m := message(t, read); m["result"] == nil {
		t.Errorf("alice after all that: %v", m)
	}
}

// TestLegacyEnds is MHB-18 and HTT-40: however the stream ends, its session and
// its calls end with it, and its id is worth nothing.
func TestLegacyEnds(t *testing.T) {
	for name, end := range map[string]func(p *play, stream io.Closer, session *gate.Session){
		"the client leaves":      func(_ *play, stream io.Closer, _ *gate.Session) { _ = stream.Close() },
		"the credential is dead": func(p *play, _ io.Closer, _ *gate.Session) { p.dead.Store(true) },
		"the transport is off":   func(p *play, _ io.Closer, _ *gate.Session) { p.settings.Store(&listen.Settings{}) },
		"the owner is closed": func(p *play, _ io.Closer, s *gate.Session) {
			p.server.CloseThose(func(gs *gate.Session) bool { return gs.Owner == s.Owner })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{})
			_, ended := hang(p)
			read, stream, post := legacy(t, addr, "/sse")
			tell(t, post, hello24)
			message(t, read)
			tell(t, post, call)
			message(t, read)
			end(p, stream, p.session(t))
			if err := <-ended; err == nil {
				t.Error("the call went on")
			}
			<-p.closed
			gone(t, read)
			p.settings.Store(&listen.Settings{LegacySSE: true})
			if resp := send(t, "POST", post, list); resp.StatusCode != 404 {
				t.Errorf("POST after the end: status %d %s", resp.StatusCode, text(t, resp))
			}
		})
	}
}

func TestLegacyOneSessionPerStream(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{SessionIdle: 40 * time.Millisecond, KeepAlive: 10 * time.Millisecond})
	read, _, post := legacy(t, addr, "/sse")
	tell(t, post, hello24)
	message(t, read)
	first := p.session(t)
	tell(t, post, hello24)
	message(t, read)
	<-p.closed
	// The second took its place, and does not idle while the stream is open.
	for range 10 {
		next(t, read)
	}
	tell(t, post, list)
	if m := message(t, read); m["result"] == nil {
		t.Errorf("after a second handshake: %v", m)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ended) != 1 || p.ended[0] != first.ID {
		t.Errorf("%d sessions ended, want the first alone", len(p.ended))
	}
}

func TestLegacyBounds(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{InFlight: 1, SessionsPerPrincipal: 1})
	release, _ := hang(p)
	read, _, post := legacy(t, addr, "/sse")
	if resp := send(t, "GET", "http://"+addr+"/sse", "", sseOnly); resp.StatusCode != 429 {
		t.Errorf("a second stream: status %d", resp.StatusCode)
	}
	legacy(t, addr, "/sse", "Authorization: Bearer bob")
	tell(t, post, hello24)
	message(t, read)
	tell(t, post, call)
	message(t, read)
	resp := send(t, "POST", post, list)
	if body := text(t, resp); resp.StatusCode != 429 || !strings.Contains(body, "stream.busy") {
		t.Errorf("over the limit: status %d %s", resp.StatusCode, body)
	}
	close(release)
	message(t, read)
}

// stuck opens a TCP connection that will not read, and makes one request.
func stuck(t *testing.T, addr, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

// flood pushes to a session until it has ended.
func flood(t *testing.T, p *play, session *gate.Session) {
	t.Helper()
	m := mcp.NewNotification("notifications/message", []byte(`{"data":"`+strings.Repeat("x", 100<<10)+`"}`))
	for {
		select {
		case <-p.closed:
			return
		case <-t.Context().Done():
			t.Fatal("the client was not cut off")
		default:
			_ = p.server.Push(t.Context(), session, &gate.Exchange{}, m)
		}
	}
}

func TestLegacySlowReaderIsCutOff(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{WriteStall: 100 * time.Millisecond})
	c := stuck(t, addr, "GET /sse HTTP/1.1\r\nHost: "+addr+"\r\nAuthorization: Bearer alice\r\n\r\n")
	buf, got := make([]byte, 512), ""
	endpoint := regexp.MustCompile(`data: (/messages\S+)`)
	for !endpoint.MatchString(got) {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += string(buf[:n])
	}
	tell(t, "http://"+addr+endpoint.FindStringSubmatch(got)[1], hello24)
	flood(t, p, p.session(t))
}

// TestLegacyShutdown: a call in flight ends, its answer arrives, and then the
// stream ends.
func TestLegacyShutdown(t *testing.T) {
	p, addr := start(t, &listen.Settings{LegacySSE: true}, listen.Limits{})
	release, _ := hang(p)
	read, _, post := legacy(t, addr, "/sse")
	tell(t, post, hello24)
	message(t, read)
	tell(t, post, call)
	message(t, read)
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Shutdown(context.WithoutCancel(t.Context())) }()
	refusing(addr)
	close(release)
	if m := message(t, read); m["id"] != 7.0 || m["result"] == nil {
		t.Errorf("in flight at the end: %v", m)
	}
	gone(t, read)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
