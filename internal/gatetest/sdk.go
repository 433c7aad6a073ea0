package gatetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Said is what the SDK server's echo tool takes.
type Said struct {
	Text string `json:"text"`
}

// SDKServer starts a server of the official SDK with one tool, echo, and
// returns its URL. Stateless serves each request for itself.
func SDKServer(t testing.TB, stateless bool) string {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "sdk", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Description: "Says it again."},
		func(_ context.Context, _ *mcp.CallToolRequest, in Said) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Text}}}, nil, nil
		})
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: stateless})
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL
}

// SDKClient connects a client of the official SDK to the gateway with a key.
func (g *GW) SDKClient(key string) *mcp.ClientSession {
	g.t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "sdk-client", Version: "1"}, nil)
	session, err := c.Connect(g.t.Context(), &mcp.StreamableClientTransport{
		Endpoint: g.URL(), HTTPClient: &http.Client{Transport: bearer(key)},
	}, nil)
	if err != nil {
		g.t.Fatalf("connecting the SDK's client: %v", err)
	}
	return session
}

// bearer adds a key to every request.
type bearer string

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r) //nolint:forbidigo // a test's
}
