package listen_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
)

// stdio serves a client over pipes: what it writes, and a reader of what it gets.
func stdio(t *testing.T, p *play) (in *io.PipeWriter, line func() map[string]any, done chan error) {
	t.Helper()
	fromClient, in := io.Pipe()
	toClient, out := io.Pipe()
	done = make(chan error, 1)
	go func() {
		err := p.server.ServeStdio(t.Context(), fromClient, out)
		_ = out.Close()
		done <- err
	}()
	scan := bufio.NewScanner(toClient)
	scan.Buffer(nil, 1<<20)
	return in, func() map[string]any {
		t.Helper()
		if !scan.Scan() {
			return nil
		}
		var m map[string]any
		if err := json.Unmarshal(scan.Bytes(), &m); err != nil {
			t.Fatalf("stdout has %q: %v", scan.Text(), err)
		}
		return m
	}, done
}

func write(t *testing.T, in io.Writer, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if _, err := io.WriteString(in, l+"\n"); err != nil {
			t.Error(err)
		}
	}
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`

func TestStdioStateful(t *testing.T) {
	p, _ := start(t, nil, listen.Limits{})
	in, line, done := stdio(t, p)
	// All at once: what follows initialize must find its session.
	go write(t, in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", list)
	if m := line(); m["id"] != 1.0 || m["result"] == nil {
		t.Fatalf("initialize: %v", m)
	}
	if m := line(); m["id"] != 1.0 || m["result"] == nil {
		t.Fatalf("tools/list: %v", m)
	}
	session := p.session(t)
	go func() {
		_ = p.server.Push(context.Background(), session, &gate.Exchange{}, mcp.NewNotification("notifications/tools/list_changed", nil))
	}()
	if m := line(); m["method"] != "notifications/tools/list_changed" {
		t.Errorf("pushed: %v", m)
	}
	write(t, in, "not json")
	if m := line(); m["id"] != nil || m["error"] == nil {
		t.Errorf("not json: %v", m)
	}
	_ = in.Close()
	if err := <-done; err != nil {
		t.Errorf("at the end: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ended) != 1 {
		t.Errorf("%d sessions ended, want 1", len(p.ended))
	}
}

func TestStdioCancel(t *testing.T) {
	p, _ := start(t, nil, listen.Limits{InFlight: 1})
	_, ended := hang(p)
	in, line, done := stdio(t, p)
	write(t, in, `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x",`+meta+`}}`)
	if m := line(); m["method"] != "notifications/message" {
		t.Fatalf("note: %v", m)
	}
	// The one place is taken: the cancellation gets through all the same, and
	// an id of another type is another request's.
	p.does["notifications/cancelled"] = func(context.Context, *gate.Exchange, gate.Client) {}
	for _, id := range []string{`1`, `"b"`, `"a"`} {
		write(t, in, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":`+id+`,`+meta+`}}`)
	}
	if err := <-ended; err == nil {
		t.Error("the call went on")
	}
	write(t, in, `{"jsonrpc":"2.0","id":"b","method":"tools/list","params":{`+meta+`}}`)
	if m := line(); m["id"] != "b" {
		t.Errorf("after a cancellation comes %v", m)
	}
	_ = in.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStdioListenEnds: a subscription has no end of its own, and nobody waits
// for one.
func TestStdioListenEnds(t *testing.T) {
	p, _ := start(t, nil, listen.Limits{Drain: time.Hour})
	p.does["subscriptions/listen"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = note(ctx, ex, c, "begun")
		<-ctx.Done()
		_ = result(context.WithoutCancel(ctx), ex, c, `{"resultType":"complete"}`)
	}
	in, line, done := stdio(t, p)
	write(t, in, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{`+meta+`}}`)
	line() // begun
	_ = in.Close()
	if m := line(); m["id"] != 1.0 || m["result"] == nil {
		t.Errorf("at the end: %v", m)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStdioBounds(t *testing.T) {
	p, _ := start(t, &listen.Settings{MaxBody: 1 << 10}, listen.Limits{})
	release, _ := hang(p)
	in, line, done := stdio(t, p)
	fits := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{` + meta + `}}`
	write(t, in, fits+strings.Repeat(" ", 1<<10-len(fits)))
	if m := line(); m["id"] != 1.0 {
		t.Errorf("at the limit: %v", m)
	}
	write(t, in, strings.Repeat("x", 200_000))
	if m := line(); m["error"] == nil {
		t.Errorf("over the limit: %v", m)
	}
	write(t, in, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x",`+meta+`}}`)
	line() // begun
	_ = in.Close()
	close(release)
	if m := line(); m["id"] != 2.0 {
		t.Errorf("in flight at the end: %v", m)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
