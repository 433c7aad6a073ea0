package listen_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}`

func TestSessionBinding(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	url := "http://" + addr + "/mcp"
	id := begin(t, addr, mcp.V20251125, "alice")
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(id) || len(id) < 43 || len(id) > 1024 {
		t.Errorf("session id %q is not visible ASCII of at most 1 KiB", id)
	}
	if other := begin(t, addr, mcp.V20251125, "alice"); other[:16] == id[:16] || other == id {
		t.Errorf("two sessions have ids %q and %q", id, other)
	}
	use := func(method, url, who, id string) int {
		body := ""
		if method == "POST" {
			body = list
		}
		return send(t, method, url, body, "Accept: text/event-stream, application/json", "Authorization: Bearer "+who, "Mcp-Session-Id: "+id).StatusCode
	}
	for _, method := range []string{"POST", "GET", "DELETE"} {
		if got := use(method, url, "bob", id); got != 404 {
			t.Errorf("%s by bob: status %d, want 404", method, got)
		}
		if got := use(method, url+"/review", "alice", id); got != 404 {
			t.Errorf("%s under another profile: status %d, want 404", method, got)
		}
		if got := use(method, url, "alice", "made-up"); got != 404 {
			t.Errorf("%s with a made-up id: status %d, want 404", method, got)
		}
	}
	if got := use("POST", url, "alice", id); got != 200 {
		t.Errorf("alice after bob: status %d", got)
	}
	// HTT-33: a client's own id on initialize means nothing.
	resp := send(t, "POST", url, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`, "Mcp-Session-Id: "+id)
	if got := resp.Header.Get("Mcp-Session-Id"); got == "" || got == id {
		t.Errorf("initialize with an id gave session %q", got)
	}
	if got := use("DELETE", url, "alice", id); got != 204 {
		t.Errorf("DELETE: status %d", got)
	}
	if got := use("POST", url, "alice", id); got != 404 {
		t.Errorf("after DELETE: status %d", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ended) != 1 || p.ended[0] != id { // the other is open
		t.Errorf("sessions reported closed: %d, want the one", len(p.ended))
	}
}

func TestRefusedHandshakeLeavesNoSession(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{SessionsPerPrincipal: 1})
	works := p.does["initialize"]
	p.does["initialize"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		p.refuse(ctx, ex, c, gate.CodeUpstreamDown)
	}
	hello := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	for range 3 {
		resp := send(t, "POST", "http://"+addr+"/mcp", hello)
		if body := text(t, resp); resp.Header.Get("Mcp-Session-Id") != "" || !strings.Contains(body, "upstream.unavailable") {
			t.Fatalf("refused handshake: %v %s", resp.Header, body)
		}
	}
	p.does["initialize"] = works
	begin(t, addr, mcp.V20251125, "alice")
	begin(t, addr, mcp.V20251125, "bob")
	resp := send(t, "POST", "http://"+addr+"/mcp", hello)
	if body := text(t, resp); resp.StatusCode != 429 || !strings.Contains(body, "session.limit") {
		t.Errorf("over the limit: status %d %s", resp.StatusCode, body)
	}
}

// hang makes tools/call send a note, wait for release and answer.
func hang(p *play) (release chan struct{}, ended chan error) {
	release, ended = make(chan struct{}), make(chan error, 8)
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = note(ctx, ex, c, "begun")
		select {
		case <-ctx.Done():
			p.refuse(context.WithoutCancel(ctx), ex, c, gate.CodeCancelled)
		case <-release:
			_ = result(ctx, ex, c, `{"content":[]}`)
		}
		ended <- ctx.Err()
	}
	return release, ended
}

func TestStatefulCallOutlivesItsConnection(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	release, ended := hang(p)
	id := begin(t, addr, mcp.V20251125, "alice")
	url := "http://" + addr + "/mcp"
	resp := send(t, "POST", url, call, "Mcp-Session-Id: "+id)
	read := events(resp.Body)
	prime := next(t, read)
	if prime.id == "" || prime.data != "" || resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("first event %+v, headers %v; want a priming event", prime, resp.Header)
	}
	begun := next(t, read)
	if begun.event != "message" || !strings.Contains(begun.data, "begun") {
		t.Fatalf("event %+v", begun)
	}
	resp.Body.Close()

	// Nobody else gets it, and no edited id finds anything.
	for _, tc := range []struct {
		who, last string
		status    int
	}{
		{"bob", begun.id, 404},
		{"alice", begun.id + "0", 404},
		{"alice", "x" + begun.id, 404},
		{"alice", strings.Repeat("9", 10_000), 404},
	} {
		resp := send(t, "GET", url, "", "Accept: text/event-stream", "Authorization: Bearer "+tc.who, "Mcp-Session-Id: "+id, "Last-Event-ID: "+tc.last)
		if resp.StatusCode != tc.status {
			t.Errorf("%s with %.30q: status %d, want %d", tc.who, tc.last, resp.StatusCode, tc.status)
		}
	}

	resp = send(t, "GET", url, "", "Accept: text/event-stream", "Mcp-Session-Id: "+id, "Last-Event-ID: "+prime.id)
	read = events(resp.Body)
	next(t, read) // primed again
	if again := next(t, read); again != begun {
		t.Errorf("replayed %+v, want %+v", again, begun)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("the call was cancelled: %v", err)
	}
	if final := next(t, read); !strings.Contains(final.data, `"id":7`) || !strings.Contains(final.data, "content") {
		t.Errorf("final %+v", final)
	}
	if _, err := read(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream goes on after the answer: %v", err)
	}
	// Once more, after the end.
	resp = send(t, "GET", url, "", "Accept: text/event-stream", "Mcp-Session-Id: "+id, "Last-Event-ID: "+begun.id)
	if body := text(t, resp); !strings.Contains(body, `"id":7`) || strings.Contains(body, "begun") {
		t.Errorf("replay after the end: %s", body)
	}
}

func TestStatelessDisconnectCancels(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	_, ended := hang(p)
	resp := send(t, "POST", "http://"+addr+"/mcp", call, "Mcp-Protocol-Version: 2026-07-28")
	if e := next(t, events(resp.Body)); e.id != "" || !strings.Contains(e.data, "begun") {
		t.Fatalf("event %+v", e)
	}
	resp.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the call went on")
	}
}

func TestDeleteEndsCallsAndStreams(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	_, ended := hang(p)
	id := begin(t, addr, mcp.V20251125, "alice")
	url := "http://" + addr + "/mcp"
	post := events(send(t, "POST", url, call, "Mcp-Session-Id: "+id).Body)
	next(t, post)
	next(t, post)
	stream := events(send(t, "GET", url, "", "Accept: text/event-stream", "Mcp-Session-Id: "+id).Body)
	next(t, stream)
	send(t, "DELETE", url, "", "Mcp-Session-Id: "+id)
	if err := <-ended; err == nil {
		t.Error("the call went on")
	}
	if e, err := stream(); err == nil {
		t.Errorf("the stream went on with %+v", e)
	}
}

func TestOneStreamPerSession(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	id := begin(t, addr, mcp.V20251125, "alice")
	session, _ := p.server.Find(t.Context(), &gate.Exchange{Principal: &gate.Principal{Method: "test", Subject: "alice"}}, id)
	url := "http://" + addr + "/mcp"
	push := func(text string) {
		t.Helper()
		m := mcp.NewNotification("notifications/message", []byte(`{"data":"`+text+`"}`))
		if err := p.server.Unasked().Deliver(t.Context(), &gate.Exchange{Call: gate.Call{Session: session}}, m); err != nil {
			t.Fatal(err)
		}
	}
	push("before")
	open := func(header ...string) *http.Response {
		return send(t, "GET", url, "", append(header, "Accept: text/event-stream", "Mcp-Session-Id: "+id)...)
	}
	first := events(open().Body)
	prime := next(t, first)
	if e := next(t, first); !strings.Contains(e.data, "before") {
		t.Errorf("event %+v", e)
	}
	second := open()
	if body := text(t, second); second.StatusCode != 409 || !strings.Contains(body, "stream.taken") {
		t.Errorf("second stream: status %d %s", second.StatusCode, body)
	}
	push("during")
	if e := next(t, first); !strings.Contains(e.data, "during") {
		t.Errorf("the first stream got %+v", e)
	}
	// A client that lost its connection moves the stream; the first is told.
	moved := events(open("Last-Event-ID: " + prime.id).Body)
	next(t, moved)
	for _, want := range []string{"before", "during"} {
		if e := next(t, moved); !strings.Contains(e.data, want) {
			t.Errorf("replayed %+v, want %s", e, want)
		}
	}
	if e, err := first(); err == nil {
		t.Errorf("the first stream went on with %+v", e)
	}
	push("after")
	if e := next(t, moved); !strings.Contains(e.data, "after") {
		t.Errorf("event %+v", e)
	}
}

func TestReplayIsBounded(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{ReplayEvents: 4})
	id := begin(t, addr, mcp.V20250618, "alice")
	session, _ := p.server.Find(t.Context(), &gate.Exchange{Principal: &gate.Principal{Method: "test", Subject: "alice"}}, id)
	ex := &gate.Exchange{Call: gate.Call{Session: session}}
	ask := mcp.NewRequest([]byte(`"r"`), "roots/list", nil)
	for _, m := range []*gate.Message{ask, nil, nil, nil, nil, nil, nil} {
		if m == nil {
			m = mcp.NewNotification("notifications/message", nil)
		}
		if err := p.server.Push(t.Context(), session, ex, m); err != nil {
			t.Fatal(err)
		}
	}
	read := events(send(t, "GET", "http://"+addr+"/mcp", "", "Accept: text/event-stream", "Mcp-Session-Id: "+id).Body)
	var ids []string
	for range 4 {
		e := next(t, read)
		ids = append(ids, e.id[strings.LastIndex(e.id, "-")+1:])
	}
	// The request stays; the oldest notifications went.
	if got := strings.Join(ids, " "); got != "1 5 6 7" {
		t.Errorf("kept events %s, want 1 5 6 7", got)
	}
}

// TestSSEFraming is HTT-30: whatever a result holds, the client sees one event.
func TestSSEFraming(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	for _, evil := range []string{
		"\n\ndata: {\"jsonrpc\":\"2.0\"}\n\n", "\r", "\r\n", "\u2028", "event: x\nid: y\nretry: 0", "\x00", "\u0085", ": comment",
	} {
		quoted, _ := json.Marshal(map[string]any{"content": []any{map[string]any{"type": "text", "text": evil}}})
		pretty := strings.ReplaceAll(string(quoted), `{"type"`, "\r\n\r\n{\n\n\"type\"")
		p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
			_ = note(ctx, ex, c, evil)
			_ = result(ctx, ex, c, pretty)
		}
		read := events(send(t, "POST", "http://"+addr+"/mcp", call, "Mcp-Protocol-Version: 2026-07-28").Body)
		for range 2 {
			e := next(t, read)
			if e.event != "message" || e.id != "" || !json.Valid([]byte(e.data)) {
				t.Errorf("%q: event %+v", evil, e)
			}
			var got struct {
				Params struct{ Data string }
				Result struct{ Content []struct{ Text string } }
			}
			_ = json.Unmarshal([]byte(e.data), &got)
			if got.Params.Data != evil && (len(got.Result.Content) != 1 || got.Result.Content[0].Text != evil) {
				t.Errorf("%q came as %q", evil, e.data)
			}
		}
		if e, err := read(); !errors.Is(err, io.EOF) {
			t.Errorf("%q: a third event %+v", evil, e)
		}
	}
}

func TestJSONOnlyClient(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	asked := make(chan error, 1)
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = note(ctx, ex, c, "dropped")
		asked <- c.Deliver(ctx, ex, mcp.NewRequest([]byte("1"), "roots/list", nil))
		_ = result(ctx, ex, c, `{"content":[]}`)
	}
	resp := send(t, "POST", "http://"+addr+"/mcp", call, "Mcp-Protocol-Version: 2026-07-28", "Accept: application/json")
	if body := text(t, resp); resp.Header.Get("Content-Type") != "application/json" || body != `{"jsonrpc":"2.0","id":7,"result":{"content":[]}}` {
		t.Errorf("%s %s", resp.Header.Get("Content-Type"), body)
	}
	if err := <-asked; err == nil {
		t.Error("a request that could not be delivered was no error")
	}
}

func TestKeepAlive(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{KeepAlive: 20 * time.Millisecond})
	release := make(chan struct{})
	p.does["tools/call"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		<-release
		_ = result(ctx, ex, c, `{}`)
	}
	id := begin(t, addr, mcp.V20251125, "alice")
	for _, header := range []string{"Mcp-Session-Id: " + id, "Mcp-Protocol-Version: 2026-07-28"} {
		release = make(chan struct{})
		read := events(send(t, "POST", "http://"+addr+"/mcp", call, header).Body)
		for comments := 0; comments < 2; {
			if next(t, read).event == "comment" {
				comments++
			}
		}
		close(release)
		e := next(t, read)
		for e.event == "comment" {
			e = next(t, read)
		}
		if !strings.Contains(e.data, `"id":7`) {
			t.Errorf("%s: answer %+v", header, e)
		}
	}
	read := events(send(t, "GET", "http://"+addr+"/mcp", "", "Accept: text/event-stream", "Mcp-Session-Id: "+id).Body)
	next(t, read)
	if e := next(t, read); e.event != "comment" {
		t.Errorf("quiet stream: %+v", e)
	}
}

func TestBatch(t *testing.T) {
	_, addr := start(t, nil, listen.Limits{})
	id := begin(t, addr, mcp.V20250326, "alice")
	post := func(body string) (int, string) {
		resp := send(t, "POST", "http://"+addr+"/mcp", body, "Mcp-Session-Id: "+id)
		return resp.StatusCode, text(t, resp)
	}
	status, body := post(`[` + list + `,{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":"b","method":"no/such"},{"jsonrpc":"2.0","id":3,"method":"ping"}]`)
	var answers []struct {
		ID    any
		Error *struct{ Code int }
	}
	if err := json.Unmarshal([]byte(body), &answers); err != nil || status != 200 {
		t.Fatalf("status %d: %v in %s", status, err, body)
	}
	if got := fmt.Sprintln(len(answers), answers[0].ID, answers[1].ID, answers[1].Error.Code, answers[2].ID); got != "3 1 b -32601 3\n" {
		t.Errorf("answers %s", got)
	}
	if status, body := post(`[{"jsonrpc":"2.0","method":"notifications/initialized"}]`); status != 202 || body != "" {
		t.Errorf("notifications alone: status %d %q", status, body)
	}
	if status, body := post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`); status != 202 || body != "" {
		t.Errorf("a notification: status %d %q", status, body)
	}
}

// A session that nobody uses ends, and one with an open stream does not.
func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newPipes()
		p, _ := startAt(t, place{listener: in, limits: listen.Limits{SessionIdle: time.Hour, KeepAlive: 24 * time.Hour}})
		client := in.through(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
		ask := func(method, body string, header ...string) *http.Response {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:8443/mcp", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			resp, err := client.Do(r)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s: %v, %v", method, resp, err)
			}
			return resp
		}
		enter := func() string {
			resp := ask("POST", hello25, "Authorization", "Bearer alice", "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
			defer resp.Body.Close()
			text(t, resp)
			return resp.Header.Get("Mcp-Session-Id")
		}
		idle, held := enter(), enter()
		stream := ask("GET", "", "Authorization", "Bearer alice", "Accept", "text/event-stream", "Mcp-Session-Id", held)
		defer stream.Body.Close()
		next(t, events(stream.Body))
		time.Sleep(59 * time.Minute)
		if len(p.closed) != 0 {
			t.Error("a session has ended before its time")
		}
		time.Sleep(3 * time.Hour)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.ended) != 1 || p.ended[0] != idle { // the other has a stream
			t.Error("not the idle session alone was ended")
		}
	})
}
