package listen_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/decode"
	"doorward/internal/gate"
	"doorward/internal/listen"
	"doorward/internal/mcp"
	"doorward/internal/pipeline"
)

// bearer signs in whoever sends a Bearer token, by that name.
type bearer struct{}

func (bearer) Name() string            { return "identify" }
func (bearer) Applies(gate.Route) bool { return true }

func (bearer) Judge(_ context.Context, ex *gate.Exchange) (gate.Verdict, error) {
	who := ex.Inbound.Header.Get("Authorization")
	if who == "" {
		return gate.Refuse(gate.CodeUnauthenticated, "no header", ""), nil
	}
	ex.Principal = &gate.Principal{Method: "test", Subject: who}
	return gate.Pass(), nil
}

// paper is a log that takes everything, and an observer that sees nothing.
type paper struct{}

func (paper) Intent(context.Context, *gate.Exchange) error                { return nil }
func (paper) Outcome(context.Context, *gate.Exchange, gate.Outcome) error { return nil }
func (paper) Event(context.Context, gate.Event) error                     { return nil }
func (paper) Sample(*gate.Exchange) bool                                  { return false }
func (paper) Stage(string, time.Duration)                                 {}
func (paper) Done(*gate.Exchange, gate.Outcome)                           {}

// far is an upstream with one tool, or with those that it is given.
type far struct {
	server *listen.Server
	tools  string // the result of tools/list; empty: the one tool
}

func (f *far) Forward(ctx context.Context, ex *gate.Exchange, emit gate.Emit) error {
	answer := map[string]string{
		"initialize": `{"protocolVersion":"` + ex.Call.Version + `","capabilities":{"tools":{}},"serverInfo":{"name":"far","version":"1"}}`,
		"tools/list": `{"tools":[{"name":"x","inputSchema":{"type":"object"}}],"resultType":"complete"}`,
		"tools/call": `{"content":[{"type":"text","text":"done"}]}`,
	}[ex.Call.Route.Method]
	if ex.Call.Route.Method == "tools/list" && f.tools != "" {
		answer = f.tools
	}
	if answer == "" {
		return f.server.Forward(ctx, ex, emit)
	}
	if at, ok := ex.Call.Message.MetaField("progressToken"); ok {
		params := `{"progressToken":` + string(ex.Call.Message.Bytes(at)) + `,"progress":1}`
		if err := emit(ctx, mcp.NewNotification("notifications/progress", []byte(params))); err != nil {
			return err
		}
	}
	return emit(ctx, mcp.NewResult(ex.Call.Message.Bytes(ex.Call.Message.ID), []byte(answer)))
}

// walked runs a server on a line with the real pipeline and decode stage.
func walked(t *testing.T) string { return walkedTo(t, &far{}) }

func walkedTo(t *testing.T, up *far) string {
	t.Helper()
	var line *pipeline.Line
	server, err := listen.New(listen.Config{
		Serve:    func(ctx context.Context, ex *gate.Exchange, c gate.Client) { line.Serve(ctx, ex, c) },
		Settings: func() *listen.Settings { return &listen.Settings{LegacySSE: true, WebSocket: true} },
	})
	if err != nil {
		t.Fatal(err)
	}
	up.server = server
	stages := []gate.Stage{bearer{}, decode.New(decode.Config{Sessions: server})}
	if line, err = pipeline.New(pipeline.Config{Stages: stages, Forward: up, Record: paper{}, Observe: paper{}}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l, nil) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// signing adds alice's credential to what a client of the SDK sends.
type signing struct{ next http.RoundTripper }

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer alice")
	return s.next.RoundTrip(r)
}

// TestLegacySDK: the official client calls a tool over HTTP+SSE.
func TestLegacySDK(t *testing.T) {
	addr := walked(t)
	progress := make(chan float64, 1)
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	session, err := client.Connect(t.Context(), &sdk.SSEClientTransport{
		Endpoint: "http://" + addr + "/sse", HTTPClient: &http.Client{Transport: signing{transport}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 1 || tools.Tools[0].Name != "x" {
		t.Errorf("tools: %+v, %v", tools, err)
	}
	params := &sdk.CallToolParams{Name: "x"}
	params.SetProgressToken("p")
	got, err := session.CallTool(t.Context(), params)
	if err != nil || len(got.Content) != 1 {
		t.Errorf("call: %+v, %v", got, err)
	}
	if n := <-progress; n != 1 {
		t.Errorf("progress %v", n)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

// TestWebSocketOnTheLine: what decode makes of both eras on one connection.
func TestWebSocketOnTheLine(t *testing.T) {
	c := dial(t, walked(t), "/ws", []string{"mcp"})
	stateless := `{"jsonrpc":"2.0","id":"m","method":"tools/list","params":{"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	for _, tc := range []struct {
		sends, id string
		fails     bool
	}{
		{list, "1", true}, // before the handshake
		{stateless, `"m"`, false},
		{hello25, "1", false},
		{list, "1", false},
		{"[" + list + "]", "null", true},
		{`{"jsonrpc":"2.0","id":9,"method":"connection/open"}`, "9", true},
		{stateless, `"m"`, false},
	} {
		say(t, c, tc.sends)
		m := hear(t, c)
		if got := mustJSON(m["id"]); got != tc.id || (m["error"] != nil) != tc.fails {
			t.Errorf("%.60s: %v", tc.sends, m)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}
