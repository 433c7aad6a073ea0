package listen_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/ceiling"
	"doorward/internal/gate"
	"doorward/internal/listen"
)

// crowded is a server with a ceiling, whose calls wait until they are let go.
func crowded(t *testing.T, most ceiling.Most) (p *play, addr string, c *ceiling.Ceiling, entered chan string, release chan struct{}) {
	t.Helper()
	c = ceiling.New(most)
	p, addr = startAt(t, place{ceiling: c, settings: &listen.Settings{Health: true}})
	entered, release = make(chan string, 64), make(chan struct{})
	p.before = func(ctx context.Context, ex *gate.Exchange, client gate.Client) {
		who := strings.TrimPrefix(ex.Inbound.Header.Get("Authorization"), "Bearer ")
		ex.Principal = &gate.Principal{Method: "test", Subject: who}
		if _, err := ex.Inbound.Body(ctx); err != nil {
			p.refuse(ctx, ex, client, gate.CodeOf(err))
			return
		}
		entered <- who
		<-release
		p.refuse(ctx, ex, client, gate.CodeDenied)
	}
	return p, addr, c, entered, release
}

// refusedCode is the code of an answer that refuses; empty for another.
func refusedCode(t *testing.T, resp *http.Response) string {
	t.Helper()
	var m struct {
		Error struct{ Data struct{ Code string } }
	}
	if err := json.Unmarshal([]byte(text(t, resp)), &m); err != nil {
		t.Fatal(err)
	}
	return m.Error.Data.Code
}

const ping = `{"jsonrpc":"2.0","id":7,"method":"ping"}`

// TestRES36_WhatFindsNoRoomIsToldAtOnce fills the ceiling with calls of two principals: a third message
// is refused before anybody is asked who sent it, health is told all the while, and there is room again
// when a call has ended.
func TestRES36_WhatFindsNoRoomIsToldAtOnce(t *testing.T) {
	p, addr, c, entered, release := crowded(t, ceiling.Most{Messages: 2, Bytes: 1 << 20})
	done := make(chan *http.Response, 2)
	for _, who := range []string{"alice", "bob"} {
		go func() { done <- send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer "+who) }()
		<-entered
	}
	resp := send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer carol")
	if code := refusedCode(t, resp); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" || code != "gateway.overload" {
		t.Errorf("a message over the ceiling: %d, Retry-After %q, %q", resp.StatusCode, resp.Header.Get("Retry-After"), code)
	}
	if resp := send(t, "GET", "http://"+addr+"/healthz", ""); resp.StatusCode != 200 {
		t.Errorf("health answers with %d", resp.StatusCode)
	}
	if got := p.turnedAway(); len(got) != 1 || got[0] != gate.CodeOverload || len(p.exchanges()) != 2 || len(p.recorded()) != 0 {
		t.Errorf("turned away %v, %d exchanges, %d events", got, len(p.exchanges()), len(p.recorded()))
	}
	release <- struct{}{}
	<-done
	go func() { done <- send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer carol") }()
	if who := <-entered; who != "carol" {
		t.Errorf("%s entered", who)
	}
	close(release)
	<-done
	<-done
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have ended", got)
	}
}

// TestRES36_WhatEndsOthersPasses: beside a full ceiling a cancellation and an answer have room, and a
// request of the same size has none.
func TestRES36_WhatEndsOthersPasses(t *testing.T) {
	_, addr, c, entered, release := crowded(t, ceiling.Most{Messages: 1, Bytes: 1 << 10})
	done := make(chan *http.Response, 3)
	for _, body := range []string{ping, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`, `{"jsonrpc":"2.0","id":1,"result":{}}`} {
		go func() { done <- send(t, "POST", "http://"+addr+"/mcp", body, "Authorization: Bearer alice") }()
		<-entered
	}
	resp := send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer bob")
	if code := refusedCode(t, resp); resp.StatusCode != 503 || code != "gateway.overload" || len(entered) != 0 {
		t.Errorf("a request beside a full ceiling: %d, %q", resp.StatusCode, code)
	}
	close(release)
	for range 3 {
		<-done
	}
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have ended", got)
	}
}

// A principal with half of the ceiling under way is refused, and another served; so are bodies for which
// there is no room, before they are read.
func TestRES36_ShareAndBytes(t *testing.T) {
	_, addr, c, entered, release := crowded(t, ceiling.Most{Messages: 4, Bytes: 400 << 10})
	done := make(chan *http.Response, 4)
	large := `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":"` + strings.Repeat("x", 100<<10) + `"}}`
	for _, body := range []string{ping, large} {
		go func() { done <- send(t, "POST", "http://"+addr+"/mcp", body, "Authorization: Bearer flood") }()
		<-entered
	}
	resp := send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer flood")
	if code := refusedCode(t, resp); resp.StatusCode != 503 || code != "gateway.overload" {
		t.Errorf("a principal over its share: %d, %q", resp.StatusCode, code)
	}
	huge := strings.Replace(large, "xx", strings.Repeat("x", 300<<10), 1)
	resp = send(t, "POST", "http://"+addr+"/mcp", huge, "Authorization: Bearer alice")
	if code := refusedCode(t, resp); resp.StatusCode != 503 || code != "gateway.overload" {
		t.Errorf("a body without room: %d, %q", resp.StatusCode, code)
	}
	go func() { done <- send(t, "POST", "http://"+addr+"/mcp", ping, "Authorization: Bearer alice") }()
	if who := <-entered; who != "alice" {
		t.Errorf("%s entered", who)
	}
	close(release)
	for range 3 {
		<-done
	}
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have ended", got)
	}
}

// On stdin a request over the ceiling is refused under its own id; what ends something passes.
func TestRES36_OnAConnection(t *testing.T) {
	p, _, c, entered, release := crowded(t, ceiling.Most{Messages: 1, Bytes: 1 << 20})
	in, line, done := stdio(t, p)
	write(t, in, ping)
	<-entered
	write(t, in, `{"jsonrpc":"2.0","id":"over","method":"ping"}`)
	m := line()
	failure, _ := m["error"].(map[string]any)
	if data, _ := failure["data"].(map[string]any); m["id"] != "over" || data["code"] != "gateway.overload" {
		t.Errorf("a request over the ceiling: %v", m)
	}
	write(t, in, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	<-entered
	close(release)
	go func() {
		for line() != nil { // what else is said
		}
	}()
	_ = in.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have ended", got)
	}
}
