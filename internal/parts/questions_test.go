package parts_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Two clients of one key, and an upstream whose question names no call: it is
// put to the client whose call it belongs to, though another's is older.
func TestQuestionsReachTheirClient(t *testing.T) {
	t.Parallel()
	for _, b := range []struct {
		name     string
		upstream func(*testing.T) string
	}{
		{"stdio", nodeStdio("1")},
		{"HTTP", nodeHTTP("1")},
	} {
		for _, version := range []string{stateful, stateless} {
			t.Run(b.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams: {up: %s}\ntrust: {first_use: approve}\n", b.upstream(t)))
				askBeside(t, g, g.key("create", "both").Key, version)
			})
		}
	}
}

// askBeside has one client wait in a call while another is asked in its own.
func askBeside(t *testing.T, g *gateway, k, version string) {
	t.Helper()
	var wrong atomic.Int32
	waiting := make(chan struct{}, 10)
	first := goClientOf(t, version, g.url, k, func(o *mcp.ClientOptions) {
		o.ElicitationHandler = func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			wrong.Add(1)
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "the first client"}}, nil
		}
		o.ProgressNotificationHandler = func(context.Context, *mcp.ProgressNotificationClientRequest) { waiting <- struct{}{} }
	})
	defer func() { _ = first.Close() }()
	second := goClientOf(t, version, g.url, k, func(o *mcp.ClientOptions) {
		o.ElicitationHandler = func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "the second client"}}, nil
		}
	})
	defer func() { _ = second.Close() }()

	call, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		p := &mcp.CallToolParams{Name: "up__wait", Arguments: map[string]any{"name": "older"}}
		p.SetProgressToken("older")
		_, err := first.CallTool(call, p)
		over <- err
	}()
	select {
	case <-waiting:
	case err := <-over:
		t.Errorf("the older call is over: %v", err)
		over <- nil
	}
	r, err := second.CallTool(t.Context(), &mcp.CallToolParams{Name: "up__ask", Arguments: map[string]any{}})
	if err != nil || r.IsError || !strings.Contains(textOf(r), "accept: the second client") {
		t.Errorf("the second client's question: %+v, error %v", r, err)
	}
	if n := wrong.Load(); n != 0 {
		t.Errorf("the first client was asked %d of the second one's questions", n)
	}
	cancel()
	if err := <-over; err == nil {
		t.Error("the older call was answered, not cancelled")
	}
}
