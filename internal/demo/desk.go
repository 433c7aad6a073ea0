package demo

import (
	"context"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// bindTime is how long bind takes.
const bindTime = 100 * time.Millisecond

// Desk is an MCP server with an ordinary tool, file, and one that takes a while, bind. The
// drill plays with it.
func Desk() http.Handler {
	s := mcp.NewServer(&mcp.Implementation{Name: "desk", Version: "1.0.0"}, nil)
	type memo struct {
		Text string `json:"text,omitempty" jsonschema:"what to file"`
	}
	answer := func() (*mcp.CallToolResult, any, error) {
		return text("filed"), nil, nil
	}
	mcp.AddTool(s, &mcp.Tool{Name: "file", Description: "File a memo."},
		func(context.Context, *mcp.CallToolRequest, memo) (*mcp.CallToolResult, any, error) { return answer() })
	mcp.AddTool(s, &mcp.Tool{Name: "bind", Description: "Bind the file."},
		func(ctx context.Context, _ *mcp.CallToolRequest, _ memo) (*mcp.CallToolResult, any, error) {
			select {
			case <-time.After(bindTime):
			case <-ctx.Done():
			}
			return answer()
		})
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, nil)
}
