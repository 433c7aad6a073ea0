package parts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An upstream of the matrix: a server that speaks one era over one transport.
type behind struct {
	name     string
	upstream func(*testing.T) string // its YAML
}

// behinds are all upstreams of the matrix.
var behinds = []behind{
	{"Go SDK, HTTP, stateful", overHTTP("stateful")},
	{"Go SDK, HTTP, stateless", overHTTP("stateless")},
	{"Go SDK, stdio, stateful", overStdio("stateful")},
	{"Go SDK, stdio, stateless", overStdio("stateless")},
	{"Go SDK, SSE, stateful", overHTTP("sse")},
	{"Go SDK, WebSocket, stateful", overHTTP("websocket/stateful")},
	{"Go SDK, WebSocket, stateless", overHTTP("websocket/stateless")},
	{"TypeScript SDK 1, HTTP, stateful", nodeHTTP("1")},
	{"TypeScript SDK 1, stdio, stateful", nodeStdio("1")},
	{"TypeScript SDK 2, HTTP, stateless", nodeHTTP("2")},
	{"TypeScript SDK 2, stdio, stateless", nodeStdio("2")},
}

// overHTTP is the fixture in this process, behind a URL.
func overHTTP(which string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		server := fixture(gates(t.TempDir()))
		get := func(*http.Request) *mcp.Server { return server }
		mux := http.NewServeMux()
		mux.Handle("/stateful", mcp.NewStreamableHTTPHandler(get, nil))
		mux.Handle("/stateless", withoutHandshake(mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true})))
		mux.Handle("/sse", mcp.NewSSEHandler(get, nil))
		mux.HandleFunc("/websocket/{era}", func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mcp"}})
			if err != nil {
				return // it has answered
			}
			_ = server.Run(r.Context(), &socket{c: c, era: r.PathValue("era")}) // ends with the connection
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		// Closing one of httptest would wait for calls that nobody ends.
		hs := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
		over := make(chan struct{})
		go func() {
			defer close(over)
			_ = hs.Serve(ln) // until it is closed
		}()
		t.Cleanup(func() {
			_ = hs.Close()
			<-over
		})
		url, transport := "http://"+ln.Addr().String()+"/"+which, ""
		switch {
		case which == "sse":
			transport = ", transport: sse"
		case strings.HasPrefix(which, "websocket"):
			url = "ws" + strings.TrimPrefix(url, "http")
		}
		return fmt.Sprintf("{url: %q%s}", url, transport)
	}
}

// unsupported is how a server without a stateful era answers initialize
// (specification 2026-07-28, "Versioning").
const unsupported = `{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}}`

// withoutHandshake takes the stateful era, which it serves without sessions,
// from a stateless handler.
func withoutHandshake(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if err == nil && json.Unmarshal(body, &m) == nil && m.Method == "initialize" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":%s}`, m.ID, unsupported)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// socket is a WebSocket as the SDK's server sees it, on which only one era is
// spoken.
type socket struct {
	c    *websocket.Conn
	era  string
	once sync.Once
}

func (s *socket) Connect(context.Context) (mcp.Connection, error) { return s, nil }
func (s *socket) SessionID() string                               { return "" }

func (s *socket) Close() error {
	s.once.Do(func() { _ = s.c.CloseNow() })
	return nil
}

func (s *socket) Write(ctx context.Context, m jsonrpc.Message) error {
	b, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return err
	}
	// A write that is given up ends the whole connection.
	return s.c.Write(context.WithoutCancel(ctx), websocket.MessageText, b)
}

func (s *socket) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		_, b, err := s.c.Read(ctx)
		if err != nil {
			return nil, io.EOF
		}
		m, err := jsonrpc.DecodeMessage(b)
		if err != nil {
			return nil, err
		}
		var fault *jsonrpc.Error
		if r, ok := m.(*jsonrpc.Request); ok && s.era == "stateful" && r.Method == "server/discover" {
			fault = &jsonrpc.Error{Code: -32601, Message: "Method not found"}
		} else if ok && s.era == "stateless" && r.Method == "initialize" {
			fault = new(jsonrpc.Error)
			if err := json.Unmarshal([]byte(unsupported), fault); err != nil {
				return nil, err
			}
		}
		if fault == nil {
			return m, nil
		}
		if err := s.Write(ctx, &jsonrpc.Response{ID: m.(*jsonrpc.Request).ID, Error: fault}); err != nil {
			return nil, err
		}
	}
}

// overStdio is the fixture in a process of its own: this test's binary.
func overStdio(era string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		return fmt.Sprintf("{command: [%q, %s, %q, %s, %q], sandbox: {read: [/usr, %q], write: [%q]}}", oneEra, era, self(t), fixtureWord, dir, self(t), dir)
	}
}

// server.mjs is the same server made with a TypeScript SDK.
func script(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "server.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{node(t), path, packages(t), dir}, args...)
}

func nodeStdio(sdk string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		dir := t.TempDir()
		return fmt.Sprintf(`{command: ["%s"], sandbox: {read: [%q], write: [%q]}}`, strings.Join(script(t, dir, sdk, "stdio"), `", "`), packages(t), dir)
	}
}

func nodeHTTP(sdk string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		argv := script(t, t.TempDir(), sdk, "http")
		cmd := exec.Command(argv[0], argv[1:]...)
		var out, errs printed
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("server.mjs printed:\n%s", errs.String())
			}
		})
		eventually(t, "the URL of server.mjs", func() bool { return out.count("\n") > 0 })
		return fmt.Sprintf("{url: %q}", strings.TrimSpace(out.String()))
	}
}
