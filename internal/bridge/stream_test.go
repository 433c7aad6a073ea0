package bridge_test

import (
	"net/http"
	"strings"
	"testing"
)

const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}`

// A stream that breaks off is resumed with what was last seen, until the answer
// has come (SEP-1699).
func TestResumes(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		switch last := g.Header.Get("Last-Event-Id"); {
		case welcome(w, g):
		case g.Method == "POST":
			asEvents(w, "retry: 10\nid: e1\ndata:\n\n")
		case last == "e1":
			asEvents(w, "id: e2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\nid: e3\n")
		case last == "e2":
			asEvents(w, "id: e4\r\rdata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r\n\r\n")
		default:
			w.WriteHeader(http.StatusMethodNotAllowed) // the session has no stream of its own
		}
	})
	c := start(t, s.url)
	c.greet()
	c.write(call)
	if l := c.line(); !strings.Contains(l, "notifications/progress") {
		t.Errorf("the client gets %s", l)
	}
	if l := c.line(); !strings.Contains(l, `"id":1,"result"`) {
		t.Errorf("the client gets %s", l)
	}
	if rest := c.end(); rest != nil {
		t.Errorf("the client also gets %q", rest)
	}
	for _, g := range s.requests("GET") {
		if g.Header.Get("Mcp-Session-Id") != "s1" || g.Header.Get("Mcp-Protocol-Version") != "2025-11-25" || g.Header.Get("Accept") != "text/event-stream" || g.Header.Get("Authorization") != "Bearer good" {
			t.Errorf("GET with %v", g.Header)
		}
	}
}

// One that is never finished is given up.
func TestResumingEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		again func(w http.ResponseWriter)
		named string
		gets  int // with Last-Event-ID
	}{
		"without a new event": {func(w http.ResponseWriter) { asEvents(w, "retry: 10\n\n") }, "remote.cut", 5},
		"refused":             {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "remote.status", 1},
		"as a page":           {func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }, "remote.status", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
				switch {
				case welcome(w, g):
				case g.Method == "POST":
					asEvents(w, "retry: 10\nid: e1\ndata:\n\n")
				case g.Header.Get("Last-Event-Id") != "":
					tc.again(w)
				default:
					w.WriteHeader(http.StatusMethodNotAllowed)
				}
			})
			c := start(t, s.url)
			c.greet()
			c.write(call)
			if f := c.fault(); f.Error.Data.Code != tc.named || f.ID != 1.0 {
				t.Errorf("answered with %+v", f)
			}
			n := 0
			for _, g := range s.requests("GET") {
				if g.Header.Get("Last-Event-Id") == "e1" {
					n++
				}
			}
			if n != tc.gets {
				t.Errorf("resumed %d times, want %d", n, tc.gets)
			}
			c.end()
		})
	}
}

// 2026-07-28 has no resuming.
func TestStatelessStreamsAreNotResumed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { asEvents(w, "id: e1\ndata:\n\n") })
	c := start(t, s.url)
	c.write(ask)
	if f := c.fault(); f.Error.Data.Code != "remote.cut" {
		t.Errorf("answered with %+v", f)
	}
	c.end()
	if n := len(s.requests("GET")); n != 0 {
		t.Errorf("%d GET, want none", n)
	}
}

// A server may leave a stream open after the answer; nobody waits for its end.
func TestStreamThatStaysOpen(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ got, _ int) {
		asEvents(w, "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{}}\n\n")
		<-r.Context().Done()
		close(left)
	})
	c := start(t, s.url)
	c.write(ask)
	if l := c.line(); !strings.Contains(l, `"result"`) {
		t.Errorf("the client gets %s", l)
	}
	<-left
	c.end()
}

// What the server sends by itself reaches the client, also after its stream was
// cut; what can belong to nobody does not.
func TestStreamOfTheSession(t *testing.T) {
	t.Parallel()
	answered := make(chan string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request, g got, n int) {
		switch {
		case welcome(w, g):
		case g.Method == "POST":
			answered <- g.Body
			w.WriteHeader(http.StatusAccepted)
		case n == 0:
			w.WriteHeader(http.StatusBadGateway) // a proxy that is just starting
		case n == 1:
			asEvents(w, "retry: 10\n\nid: a\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"+
				"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\ndata: garbage\n\nevent: other\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n")
		case g.Header.Get("Last-Event-Id") == "a":
			asEvents(w, "data: {\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"roots/list\"}\n\n")
			<-r.Context().Done()
		}
	})
	c := start(t, s.url)
	c.greet()
	if l := c.line(); !strings.Contains(l, "list_changed") {
		t.Errorf("the client gets %s", l)
	}
	if l := c.line(); !strings.Contains(l, "roots/list") {
		t.Errorf("the client gets %s", l)
	}
	c.write(`{"jsonrpc":"2.0","id":"s","result":{"roots":[]}}`)
	if got := <-answered; got != `{"jsonrpc":"2.0","id":"s","result":{"roots":[]}}` {
		t.Errorf("the server gets %s", got)
	}
	if rest := c.end(); rest != nil {
		t.Errorf("the client also gets %q", rest)
	}
}

// A server without such a stream is not asked again.
func TestNoStreamOfTheSession(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if !welcome(w, g) {
			w.WriteHeader(http.StatusMethodNotAllowed)
			asked <- struct{}{}
		}
	})
	c := start(t, s.url)
	c.greet()
	<-asked
	c.end()
	if n := len(s.requests("GET")); n != 1 {
		t.Errorf("%d GET, want 1", n)
	}
	ends := s.requests("DELETE")
	if len(ends) != 1 || ends[0].Header.Get("Mcp-Session-Id") != "s1" || ends[0].Header.Get("Authorization") != "Bearer good" {
		t.Errorf("ended with %v", ends)
	}
}

// The client cancels: in 2026-07-28 the connection's end says so, before that a
// notification does. Nobody waits for an answer then.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ request, cancel string }{
		"stateless":       {`{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"slow",` + meta + `}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"\u0061",` + meta + `}}`},
		"stateless, bare": {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow",` + meta + `}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`},
		"stateful":        {call, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stateless := strings.HasPrefix(name, "stateless")
			begun, told, gone := make(chan struct{}), make(chan string, 1), make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request, g got, _ int) {
				switch {
				case strings.Contains(g.Body, "notifications/cancelled"):
					told <- g.Body
					w.WriteHeader(http.StatusAccepted)
				case strings.Contains(g.Body, "tools/call"):
					asEvents(w, ": wait\n\n")
					close(begun)
					if stateless {
						<-r.Context().Done()
					} else {
						<-told
					}
					close(gone)
				case !welcome(w, g):
					w.WriteHeader(http.StatusMethodNotAllowed)
				}
			})
			c := start(t, s.url)
			c.greet()
			c.write(tc.request)
			<-begun
			c.write(tc.cancel)
			<-gone
			if rest := c.end(); rest != nil {
				t.Errorf("the client gets %q", rest)
			}
			posted := 0
			for _, g := range s.requests("POST") {
				if strings.Contains(g.Body, "notifications/cancelled") {
					posted++
				}
			}
			if (posted == 0) != stateless {
				t.Errorf("the notification was sent %d times", posted)
			}
		})
	}
}

// A cancellation of what is not under way goes nowhere in the stateless era.
func TestCancelledTooLate(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
		asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
	})
	c := start(t, s.url)
	c.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q",`+meta+`}}`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}`, ask)
	c.line()
	c.end()
	if n := len(s.requests("POST")); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
