package upstream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// The transports whose calls share one stream.
const (
	overSSE = "sse"
	overWS  = "websocket"
)

// said is a message as a server of these tests reads it.
type said struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
		Meta      struct {
			Token json.RawMessage `json:"progressToken"`
		} `json:"_meta"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
}

func (m *said) result(r string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, r)
}

// oldServer is a server of HTTP+SSE or WebSocket with the tool echo. What a test
// adds is in the fields; each may be nil.
type oldServer struct {
	transport string
	tool      func(m *said, write func(string)) bool // true: it has dealt with the message
	endpoint  func(r *http.Request) string           // the data of the first event
	before    func(w http.ResponseWriter, r *http.Request) bool

	left   chan struct{} // has one value for each connection that the client ended
	closed chan websocket.StatusCode

	mu      sync.Mutex
	headers []http.Header
	streams map[string]func(string)
}

func (s *oldServer) pool(t *testing.T, change func(*upstream.Config)) *upstream.Pool {
	t.Helper()
	s.left, s.closed, s.streams = make(chan struct{}, 100), make(chan websocket.StatusCode, 100), map[string]func(string){}
	return httpPool(t, s, func(c *upstream.Config) {
		c.Upstreams[0].Transport = s.transport
		if change != nil {
			change(c)
		}
	})
}

func (s *oldServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.headers = append(s.headers, r.Header.Clone())
	s.mu.Unlock()
	switch {
	case s.before != nil && s.before(w, r):
	case s.transport == overWS:
		s.socket(w, r)
	case r.Method == http.MethodGet:
		s.stream(w, r)
	default:
		s.posted(w, r)
	}
}

func (s *oldServer) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mcp"}})
	if err != nil {
		return
	}
	c.SetReadLimit(16 << 20)
	for {
		_, raw, err := c.Read(r.Context())
		if err != nil {
			s.closed <- websocket.CloseStatus(err)
			s.left <- struct{}{}
			return
		}
		s.hear(raw, func(text string) {
			if text == hangUp {
				_ = c.CloseNow()
				return
			}
			_ = c.Write(r.Context(), websocket.MessageText, []byte(text))
		})
	}
}

// hangUp, written, ends the connection without another word.
const hangUp = "hang up"

func (s *oldServer) stream(w http.ResponseWriter, r *http.Request) {
	var mu sync.Mutex
	over := make(chan struct{})
	out := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-over:
			return
		default:
		}
		if text == hangUp {
			close(over)
			return
		}
		fmt.Fprint(w, text)
		_ = http.NewResponseController(w).Flush()
	}
	id := fmt.Sprint(time.Now().UnixNano())
	s.mu.Lock()
	s.streams[id] = func(text string) {
		if text != hangUp {
			text = "event: message\ndata: " + text + "\n\n"
		}
		out(text)
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	to := "/messages?session=" + id
	if s.endpoint != nil {
		to = s.endpoint(r)
	}
	out(": welcome\n\nevent: endpoint\ndata: " + to + "\n\n")
	select {
	case <-r.Context().Done():
		s.left <- struct{}{}
		out(hangUp)
	case <-over:
	}
}

// posted accepts a message when what it leads to has been written: the client
// must not wait for that before it reads.
func (s *oldServer) posted(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	out := s.streams[r.URL.Query().Get("session")]
	s.mu.Unlock()
	if out == nil {
		http.NotFound(w, r)
		return
	}
	var raw json.RawMessage
	if json.NewDecoder(r.Body).Decode(&raw) == nil {
		s.hear(raw, out)
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *oldServer) hear(raw []byte, write func(string)) {
	var m said
	if json.Unmarshal(raw, &m) != nil || s.tool != nil && s.tool(&m, write) {
		return
	}
	switch m.Method {
	case "initialize":
		write(m.result(`{"protocolVersion":"2024-11-05","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"old","version":"1"}}`))
	case "tools/list":
		write(m.result(`{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`))
	case "tools/call":
		write(m.result(fmt.Sprintf(`{"content":[],"canary":%s}`, m.Params.Arguments)))
	case "server/discover":
		write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, m.ID))
	}
}

// tools makes a tool out of what one method or tool does.
func tools(named map[string]func(m *said, write func(string))) func(*said, func(string)) bool {
	return func(m *said, write func(string)) bool {
		name := m.Method
		if name == "tools/call" {
			name = m.Params.Name
		}
		f := named[name]
		if f != nil {
			f(m, write)
		}
		return f != nil
	}
}

func eachOld(t *testing.T, test func(t *testing.T, transport string)) {
	t.Helper()
	for _, transport := range []string{overSSE, overWS} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			test(t, transport)
		})
	}
}

// meter counts what a pool counts.
type meter struct {
	mu sync.Mutex
	n  map[string]int
}

func (m *meter) Count(_, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.n == nil {
		m.n = map[string]int{}
	}
	m.n[what]++
}

func (m *meter) of(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n[what]
}

// forbidden is a server that nobody may reach.
func forbidden(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached a place that the upstream chose", r.Method, r.URL.Path)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// mustEcho is a call that has to work, at last.
func mustEcho(t *testing.T, p *upstream.Pool, session *gate.Session) {
	t.Helper()
	var err error
	eventually(t, 20*time.Second, "a call works again", func() bool {
		var got []*gate.Message
		got, err = forward(t, p, exchange(t, session, "up", call("echo", `{"n":1}`)))
		if err != nil && gate.CodeOf(err) != gate.CodeUpstreamDown && gate.CodeOf(err) != gate.CodeUpstreamTimeout {
			t.Fatal(err)
		}
		return err == nil && len(got) == 1 && got[0].Kind == gate.Result
	})
}

var errNoSecret = errors.New("no such secret")
