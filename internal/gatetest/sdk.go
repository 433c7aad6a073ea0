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

// SDKServer starts a server of the official SDK and returns its URL. Its tools
// are echo and, unless it serves each request for itself (stateless), ask, which
// asks the client and returns what that did: "accept", "decline" or "cancel".
func SDKServer(t testing.TB, stateless bool) string {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "sdk", Version: "1"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Description: "Says it again."},
		func(_ context.Context, _ *mcp.CallToolRequest, in Said) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Text}}}, nil, nil
		})
	if !stateless {
		mcp.AddTool(s, &mcp.Tool{Name: "ask", Description: "Asks the user."},
			func(ctx context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
				res, err := req.Session.Elicit(ctx, &mcp.ElicitParams{Message: "May I?"})
				if err != nil {
					return nil, nil, err
				}
				return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: res.Action}}}, nil, nil
			})
	}
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: stateless})
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL
}

// SDKClient connects a client of the official SDK to the gateway with a key;
// opts may be nil. It ends with the test.
func (g *GW) SDKClient(key string, opts *mcp.ClientOptions) *mcp.ClientSession {
	g.t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "sdk-client", Version: "1"}, opts)
	next := &http.Transport{}
	g.t.Cleanup(next.CloseIdleConnections)
	session, err := c.Connect(g.t.Context(), &mcp.StreamableClientTransport{
		Endpoint: g.URL(), HTTPClient: &http.Client{Transport: &bearer{key, next}},
	}, nil)
	if err != nil {
		g.t.Fatalf("connecting the SDK's client: %v", err)
	}
	g.t.Cleanup(func() {
		if err := session.Close(); err != nil {
			g.t.Errorf("closing the SDK's client: %v", err)
		}
	})
	return session
}

// bearer adds a key to every request.
type bearer struct {
	key  string
	next *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return b.next.RoundTrip(r)
}
