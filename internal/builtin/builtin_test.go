package builtin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/builtin"
)

// A panic in a tool is an error of its call; the next call works; after Close nothing does,
// and what belongs to the server has ended.
func TestServer(t *testing.T) {
	server := mcp.NewServer(&mcp.Implementation{Name: "own", Version: "1"}, nil)
	type in struct {
		Text string `json:"text"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "say"}, func(_ context.Context, _ *mcp.CallToolRequest, a in) (*mcp.CallToolResult, any, error) {
		if a.Text == "panic" {
			panic("CANARY")
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: a.Text}}}, nil, nil
	})
	stopped := false
	s := builtin.Serve(server, func() { stopped = true })
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	connect := func() (*mcp.ClientSession, error) {
		return client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://builtin/mcp", HTTPClient: &http.Client{Transport: s.Wire()}, MaxRetries: -1}, nil)
	}
	c, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "say", Arguments: in{"panic"}}); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a panic: %v", err)
	}
	if r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "say", Arguments: in{"hello"}}); err != nil || r.Content[0].(*mcp.TextContent).Text != "hello" {
		t.Errorf("the call after: %v, %v", r, err)
	}
	_ = c.Close()
	s.Close()
	s.Close()
	if !stopped {
		t.Error("what belongs to it goes on")
	}
	if _, err := connect(); err == nil {
		t.Error("connected to what is closed")
	}
}
