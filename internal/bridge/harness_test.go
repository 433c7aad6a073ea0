package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/bridge"
)

// patience bounds every wait for something that must happen.
const patience = 2 * time.Minute

// client is one that speaks on stdin and stdout.
type client struct {
	t     testing.TB
	in    *io.PipeWriter
	lines chan string
	ended chan error
	stop  context.CancelFunc
	log   *journal
	cred  *credential
}

// journal is the bridge's log.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// credential is a token that can be renewed.
type credential struct {
	mu      sync.Mutex
	token   string
	next    []string // what renewing gives
	renewed []string // what was refused
}

func (c *credential) Token(context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == "broken" {
		return "", errors.New("the token cannot be had: run doorward login")
	}
	return c.token, nil
}

func (c *credential) Renew(_ context.Context, refused string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewed = append(c.renewed, refused)
	if len(c.next) == 0 {
		return "", errors.New("sign in first: run doorward login")
	}
	c.token, c.next = c.next[0], c.next[1:]
	return c.token, nil
}

func (c *credential) Lacks(h http.Header) string {
	if strings.Contains(h.Get("Www-Authenticate"), "insufficient_scope") {
		return "the token lacks the scope files:write: run doorward login --scope files:write"
	}
	return ""
}

func (c *credential) refused() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.renewed)
}

// start starts a bridge to url. It ends with the test, which then fails where it
// did not end well.
func start(t testing.TB, url string, change ...func(*bridge.Options)) *client {
	t.Helper()
	c := &client{t: t, lines: make(chan string, 1000), ended: make(chan error, 1), log: &journal{}, cred: &credential{token: "good"}}
	fromClient, in := io.Pipe()
	toClient, out := io.Pipe()
	c.in = in
	o := bridge.Options{
		URL: url, Credential: c.cred, In: fromClient, Out: out, Agent: "doorward-test",
		Log: slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go func() {
		err := bridge.Run(ctx, o)
		_ = out.Close()
		c.ended <- err
	}()
	go func() {
		defer close(c.lines)
		r := bufio.NewReader(toClient)
		for {
			l, err := r.ReadString('\n')
			if err != nil {
				return
			}
			c.lines <- strings.TrimSuffix(l, "\n")
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		stop()
		if t.Failed() {
			t.Logf("the bridge's log:\n%s", c.log)
		}
	})
	return c
}

// write writes lines to the bridge.
func (c *client) write(lines ...string) {
	c.t.Helper()
	for _, l := range lines {
		if _, err := io.WriteString(c.in, l+"\n"); err != nil {
			c.t.Fatalf("writing %.60s: %v", l, err)
		}
	}
}

// line is the next line that the bridge writes.
func (c *client) line() string {
	c.t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			c.t.Fatal("the bridge has ended")
		}
		return l
	case <-time.After(patience):
		c.t.Fatal("the bridge writes nothing")
	}
	return ""
}

// said is an error that the bridge answers with.
type said struct {
	ID    any `json:"id"`
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    struct {
			Code string `json:"code"`
		} `json:"data"`
	} `json:"error"`
}

// fault is the next line, which must be an error.
func (c *client) fault() said {
	c.t.Helper()
	l := c.line()
	var s said
	if err := json.Unmarshal([]byte(l), &s); err != nil || s.Error.Code == 0 {
		c.t.Fatalf("%s is no error (%v)", l, err)
	}
	return s
}

// end closes stdin and waits for the end.
func (c *client) end() []string {
	c.t.Helper()
	_ = c.in.Close()
	return c.wait()
}

// wait waits for the end, which must be a good one. It returns what was still
// written.
func (c *client) wait() []string {
	c.t.Helper()
	select {
	case err := <-c.ended:
		if err != nil {
			c.t.Errorf("the bridge ended with %v", err)
		}
	case <-time.After(patience):
		c.t.Fatal("the bridge does not end")
	}
	var rest []string
	for l := range c.lines {
		rest = append(rest, l)
	}
	return rest
}

// got is a request that a server got.
type got struct {
	Method string
	Body   string
	Header http.Header
}

// server is one that a test scripts: answer is called for each request.
type server struct {
	url string

	mu  sync.Mutex
	all []got
	new chan struct{} // a request has come
}

// serve starts a server. answer gets the request's number among those of its
// HTTP method, from 0.
func serve(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, g got, n int)) *server {
	t.Helper()
	s := &server{new: make(chan struct{}, 1000)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		g := got{r.Method, string(body), r.Header.Clone()}
		s.mu.Lock()
		n := 0
		for _, other := range s.all {
			if other.Method == g.Method {
				n++
			}
		}
		s.all = append(s.all, g)
		s.mu.Unlock()
		s.new <- struct{}{}
		answer(w, r, g, n)
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	s.url = srv.URL + "/mcp"
	return s
}

// requests are those of an HTTP method.
func (s *server) requests(method string) []got {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []got
	for _, g := range s.all {
		if g.Method == method {
			all = append(all, g)
		}
	}
	return all
}

// await waits until there are n requests of an HTTP method.
func (s *server) await(t testing.TB, method string, n int) {
	t.Helper()
	limit := time.After(patience)
	for len(s.requests(method)) < n {
		select {
		case <-s.new:
		case <-limit:
			t.Fatalf("%d requests of %s, want %d", len(s.requests(method)), method, n)
		}
	}
}

// The parts of a conversation.
const (
	hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	ready = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	meta  = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
)

// asJSON answers with a JSON body.
func asJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// asEvents answers with the beginning of a stream.
func asEvents(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, text)
	w.(http.Flusher).Flush()
}

// welcome answers the handshake of a session, and tells whether it did.
func welcome(w http.ResponseWriter, g got) bool {
	switch {
	case strings.Contains(g.Body, `"initialize"`):
		w.Header().Set("Mcp-Session-Id", "s1")
		asJSON(w, http.StatusOK, `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}`)
	case strings.Contains(g.Body, `"notifications/`):
		w.WriteHeader(http.StatusAccepted)
	case g.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

// greet does the handshake.
func (c *client) greet() {
	c.t.Helper()
	c.write(hello)
	if l := c.line(); !strings.Contains(l, `"serverInfo"`) {
		c.t.Fatalf("initialize was answered with %s", l)
	}
	c.write(ready)
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// parse reads an answer.
func parse(t testing.TB, line string) said {
	t.Helper()
	var s said
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		t.Fatalf("%.200s: %v", line, err)
	}
	return s
}
