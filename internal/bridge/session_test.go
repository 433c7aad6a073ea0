package bridge_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/bridge"
)

// forgetful is a server whose sessions end when it says so.
type forgetful struct {
	mu      sync.Mutex
	id      int    // of the current session
	version string // that it negotiates
	closed  bool   // no session begins any more
}

func (f *forgetful) forget(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id++
	if change != nil {
		change()
	}
}

func (f *forgetful) answer(w http.ResponseWriter, _ *http.Request, g got, _ int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := fmt.Sprintf("s%d", f.id)
	switch {
	case g.Method == "GET":
		w.WriteHeader(http.StatusMethodNotAllowed)
	case strings.Contains(g.Body, `"initialize"`):
		if f.closed {
			asJSON(w, http.StatusOK, `{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}`)
			return
		}
		w.Header().Set("Mcp-Session-Id", own)
		asJSON(w, http.StatusOK, `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"`+f.version+`","serverInfo":{}}}`)
	case g.Header.Get("Mcp-Session-Id") != own:
		asJSON(w, http.StatusNotFound, `{"jsonrpc":"2.0","id":null,"error":{"code":4040,"message":"unknown session"}}`)
	case strings.Contains(g.Body, `"notifications/`) || g.Method == "DELETE":
		w.WriteHeader(http.StatusAccepted)
	default:
		asJSON(w, http.StatusOK, `{"jsonrpc":"2.0","id":`+idOf(g.Body)+`,"result":{}}`)
	}
}

// A session that the server has lost, as after a restart, begins anew without the
// client's doing, once however many requests find it lost.
func TestLostSession(t *testing.T) {
	t.Parallel()
	f := &forgetful{version: "2025-06-18"}
	s := serve(t, f.answer)
	c := start(t, s.url)
	c.greet()
	f.forget(nil)
	for i := range 8 {
		c.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, i+1))
	}
	for range 8 {
		if l := c.line(); !strings.Contains(l, `"result":{}`) {
			t.Errorf("answered with %s", l)
		}
	}
	hellos, readies := 0, 0
	for _, g := range s.requests("POST") {
		switch g.Body {
		case hello:
			hellos++
			if g.Header.Get("Mcp-Session-Id") != "" {
				t.Error("initialize has a session")
			}
		case ready:
			readies++
		}
	}
	if hellos != 2 || readies != 2 {
		t.Errorf("%d handshakes begun and %d finished, want 2", hellos, readies)
	}
	if rest := c.end(); rest != nil {
		t.Errorf("the client also gets %q", rest)
	}
	if ends := s.requests("DELETE"); len(ends) != 1 || ends[0].Header.Get("Mcp-Session-Id") != "s1" {
		t.Errorf("ended %v", ends)
	}
}

func TestLostForGood(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*forgetful){
		"another version": func(f *forgetful) { f.version = "2025-03-26" },
		"no session":      func(f *forgetful) { f.closed = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &forgetful{version: "2025-06-18"}
			s := serve(t, f.answer)
			c := start(t, s.url)
			c.greet()
			f.forget(func() { change(f) })
			c.write(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
			if got := c.fault(); got.Error.Data.Code != "remote.session" || got.ID != 1.0 || !strings.Contains(got.Error.Message, "restart the client") {
				t.Errorf("answered with %+v", got)
			}
			c.end()
		})
	}
}

// A server that forgets every session at once is asked twice, and then its own
// words are handed on.
func TestSessionThatNeverHolds(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if !welcome(w, g) {
			asJSON(w, http.StatusNotFound, `{"jsonrpc":"2.0","id":null,"error":{"code":4040,"message":"unknown session"}}`)
		}
	})
	c := start(t, s.url)
	c.greet()
	c.write(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if got := c.fault(); got.Error.Code != 4040 || got.Error.Message != "unknown session" || got.ID != 1.0 {
		t.Errorf("answered with %+v", got)
	}
	c.end()
}

func TestHandshakeRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		says   string
	}{
		"no version": {func(w http.ResponseWriter) { asJSON(w, 200, `{"jsonrpc":"2.0","id":0,"result":{}}`) }, "without a version"},
		"a stateless one": {func(w http.ResponseWriter) {
			asJSON(w, 200, `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2026-07-28"}}`)
		}, "without a version"},
		"a strange session": {func(w http.ResponseWriter) {
			w.Header().Set("Mcp-Session-Id", "a b")
			asJSON(w, 200, `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}`)
		}, "an id that none may have"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { tc.answer(w) })
			c := start(t, s.url)
			c.write(hello)
			if got := c.fault(); got.ID != 0.0 || got.Error.Data.Code != "remote.protocol" || !strings.Contains(got.Error.Message, tc.says) {
				t.Errorf("answered with %+v", got)
			}
			if rest := c.end(); rest != nil {
				t.Errorf("the client also gets %q", rest)
			}
		})
	}
}

// What comes behind initialize waits for its session.
func TestHandshakeSettlesFirst(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if strings.Contains(g.Body, `"initialize"`) {
			<-release
		}
		if !welcome(w, g) {
			asJSON(w, 200, `{"jsonrpc":"2.0","id":1,"result":{"session":"`+g.Header.Get("Mcp-Session-Id")+`"}}`)
		}
	})
	c := start(t, s.url)
	go c.write(hello, ready, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	s.await(t, "POST", 1)
	close(release)
	c.line()
	if l := c.line(); !strings.Contains(l, `"session":"s1"`) {
		t.Errorf("answered with %s", l)
	}
	c.end()
}

// So it does when everything comes at once, and the end of stdin with it.
func TestHandshakeInOneGo(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, g got, _ int) {
		if !welcome(w, g) {
			asJSON(w, 200, `{"jsonrpc":"2.0","id":`+idOf(g.Body)+`,"result":{"session":"`+g.Header.Get("Mcp-Session-Id")+`"}}`)
		}
	})
	text := []string{hello, ready}
	for i := range 20 {
		text = append(text, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, i+1))
	}
	c := start(t, s.url, func(o *bridge.Options) { o.In, o.Drain = strings.NewReader(strings.Join(text, "\n")), time.Hour })
	rest := c.wait()
	if len(rest) != 21 {
		t.Errorf("%d lines, want 21: %q", len(rest), rest)
	}
	for _, l := range rest[1:] {
		if !strings.Contains(l, `"session":"s1"`) {
			t.Errorf("answered with %s", l)
		}
	}
}

// hang is a server that answers nothing until its client goes.
func hang(t *testing.T) (*server, chan struct{}) {
	t.Helper()
	gone := make(chan struct{}, 100)
	return serve(t, func(w http.ResponseWriter, r *http.Request, g got, _ int) {
		if strings.Contains(g.Body, `"params":{"hang"`) || strings.Contains(g.Body, "subscriptions/listen") || strings.Contains(g.Body, `"id":"h"`) {
			<-r.Context().Done()
			gone <- struct{}{}
			return
		}
		if !welcome(w, g) {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}), gone
}

// The end of stdin lets requests end, for as long as it was said, and then
// answers them itself.
func TestEndDrains(t *testing.T) {
	t.Parallel()
	s, gone := hang(t)
	c := start(t, s.url, func(o *bridge.Options) { o.Drain = 50 * time.Millisecond })
	c.greet()
	c.write(`{"jsonrpc":"2.0","id":5,"method":"x","params":{"hang":1}}`)
	s.await(t, "POST", 3)
	rest := c.end()
	<-gone
	if len(rest) != 1 || !strings.Contains(rest[0], `"id":5`) || !strings.Contains(rest[0], "bridge.stopped") {
		t.Errorf("the client gets %q", rest)
	}
	if n := len(s.requests("DELETE")); n != 1 {
		t.Errorf("%d DELETE, want 1", n)
	}
}

// An answer that comes while the bridge drains is the client's.
func TestEndWaitsForAnswers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
		<-release
		asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
	})
	c := start(t, s.url, func(o *bridge.Options) { o.Drain = time.Hour })
	c.write(ask)
	s.await(t, "POST", 1)
	_ = c.in.Close()
	close(release)
	if rest := c.end(); len(rest) != 1 || !strings.Contains(rest[0], `"result":{}`) {
		t.Errorf("the client gets %q", rest)
	}
}

// What has no end of its own ends with stdin: a subscription.
func TestEndEndsSubscriptions(t *testing.T) {
	t.Parallel()
	s, gone := hang(t)
	c := start(t, s.url, func(o *bridge.Options) { o.Drain = time.Hour })
	c.write(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},` + meta + `}}`)
	s.await(t, "POST", 1)
	if rest := c.end(); rest != nil {
		t.Errorf("the client gets %q", rest)
	}
	<-gone
}

// The end of stdin is noticed while the server keeps the handshake waiting.
func TestEndDuringHandshake(t *testing.T) {
	t.Parallel()
	s, gone := hang(t)
	c := start(t, s.url, func(o *bridge.Options) { o.Drain = 50 * time.Millisecond })
	c.write(strings.Replace(hello, `"id":0`, `"id":"h"`, 1))
	s.await(t, "POST", 1)
	if rest := c.end(); len(rest) != 1 || !strings.Contains(rest[0], `"id":"h"`) {
		t.Errorf("the client gets %q", rest)
	}
	<-gone
}

// Also behind what the client has written already.
func TestEndBehindTheHandshake(t *testing.T) {
	t.Parallel()
	s, _ := hang(t)
	text := strings.Replace(hello, `"id":0`, `"id":"h"`, 1) + "\n" + ready + "\n" + `{"jsonrpc":"2.0","id":2,"method":"x","params":{"hang":1}}`
	c := start(t, s.url, func(o *bridge.Options) { o.In, o.Drain = strings.NewReader(text), 50*time.Millisecond })
	rest := c.wait()
	if all := strings.Join(rest, "\n"); len(rest) != 2 || !strings.Contains(all, `"id":"h"`) || !strings.Contains(all, `"id":2`) {
		t.Errorf("the client gets %q", rest)
	}
}

// Ctrl-C ends everything at once, and the session with it.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s, gone := hang(t)
	c := start(t, s.url, func(o *bridge.Options) { o.Drain = time.Hour })
	c.greet()
	c.write(`{"jsonrpc":"2.0","id":5,"method":"x","params":{"hang":1}}`)
	s.await(t, "POST", 3)
	c.stop()
	c.wait()
	<-gone
	if n := len(s.requests("DELETE")); n != 1 {
		t.Errorf("%d DELETE, want 1", n)
	}
}

// A client that cannot be written to is gone.
func TestStdoutIsGone(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
		asJSON(w, 200, `{"jsonrpc":"2.0","id":"q","result":{}}`)
	})
	broken, out := io.Pipe()
	_ = broken.CloseWithError(errors.New("the client has closed it"))
	c := start(t, s.url, func(o *bridge.Options) { o.Out = out })
	c.write(ask)
	select {
	case err := <-c.ended:
		if err == nil || !strings.Contains(err.Error(), "writing to stdout: the client has closed it") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// No more than so many requests are under way, and those over are told so: the
// client's answers and cancellations must come through.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	s, gone := hang(t)
	c := start(t, s.url)
	for i := range 64 {
		c.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"x","params":{"hang":1,%s}}`, i, meta))
	}
	s.await(t, "POST", 64)
	c.write(`{"jsonrpc":"2.0","id":"more","method":"x","params":{}}`)
	if f := c.fault(); f.ID != "more" || f.Error.Data.Code != "bridge.busy" {
		t.Errorf("answered with %+v", f)
	}
	for i := range 64 {
		c.write(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, i))
		<-gone
	}
	if rest := c.end(); rest != nil {
		t.Errorf("the client also gets %q", rest)
	}
}
