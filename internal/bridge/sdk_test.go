package bridge_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/bridge"
	"doorward/internal/gatetest"
)

// sdkClient connects a client of the official SDK, which speaks on stdin and
// stdout, to the server at url.
func sdkClient(t *testing.T, url string, opts *mcp.ClientOptions, change ...func(*bridge.Options)) *mcp.ClientSession {
	t.Helper()
	fromClient, in := io.Pipe()
	toClient, out := io.Pipe()
	o := bridge.Options{URL: url, Credential: &credential{}, In: fromClient, Out: out, Agent: "test", Log: quiet()}
	for _, f := range change {
		f(&o)
	}
	ended := make(chan error, 1)
	go func() {
		err := bridge.Run(context.Background(), o)
		_ = out.Close()
		ended <- err
	}()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "c", Version: "1"}, opts).
		Connect(t.Context(), &mcp.IOTransport{Reader: toClient, Writer: in}, nil)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() {
		_ = session.Close()
		if err := <-ended; err != nil {
			t.Errorf("the bridge ended with %v", err)
		}
	})
	return session
}

// The official SDK's client and server find each other through the bridge in
// both eras. (The client asks with 2026-07-28 first, and falls back.)
func TestSDK(t *testing.T) {
	t.Parallel()
	for name, stateless := range map[string]bool{"stateful": false, "stateless": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session := sdkClient(t, gatetest.SDKServer(t, stateless), &mcp.ClientOptions{
				ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
					return &mcp.ElicitResult{Action: "accept", Content: map[string]any{}}, nil
				},
			})
			if got := session.InitializeResult().ProtocolVersion; (got >= "2026-07-28") != stateless {
				t.Errorf("they speak %s", got)
			}
			call := func(tool string, args any) string {
				res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
				if err != nil {
					t.Fatalf("calling %s: %v", tool, err)
				}
				return res.Content[0].(*mcp.TextContent).Text
			}
			if got := call("echo", map[string]any{"text": "grüß"}); got != "grüß" {
				t.Errorf("echo says %q", got)
			}
			if !stateless {
				// The server asks while it answers, and the client answers that.
				if got := call("ask", map[string]any{}); got != "accept" {
					t.Errorf("ask says %q", got)
				}
			}
			if list, err := session.ListTools(t.Context(), nil); err != nil || len(list.Tools) == 0 {
				t.Errorf("tools %v, %v", list, err)
			}
			if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "none"}); err == nil {
				t.Error("an unknown tool can be called")
			}
		})
	}
}

// A whole gateway, with a key, in both eras and for both kinds of client.
func TestGateway(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{})
	g := gatetest.Gateway(t, "trust: {first_use: approve}\nupstreams: {up: {url: \"${up}\"}}\n", map[string]*gatetest.UP{"up": up})
	key := g.Key("me")
	withKey := func(o *bridge.Options) { o.Credential = &credential{token: key} }
	session := sdkClient(t, g.URL(), nil, withKey)
	if _, err := session.ListTools(t.Context(), nil); err != nil {
		t.Errorf("listing tools in 2026-07-28: %v", err)
	}

	c := start(t, g.URL(), withKey)
	c.greet()
	c.write(`{"jsonrpc":"2.0","id":"l","method":"tools/list"}`)
	if l := c.line(); !strings.HasPrefix(l, `{"jsonrpc":"2.0","id":"l","result":`) {
		t.Errorf("listing tools in 2025-11-25: %s", l)
	}
	c.end()

	c = start(t, g.URL(), func(o *bridge.Options) { o.Credential = &credential{token: "dw_wrong"} })
	c.write(hello)
	if f := c.fault(); f.Error.Data.Code != "remote.sign_in" || f.ID != 0.0 {
		t.Errorf("a wrong key: %+v", f)
	}
	c.end()
}

// What a gateway refuses reaches the client as it was written, with the code that
// finds the record.
func TestRefusalsAreHandedOn(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, "upstreams: {}\n", nil)
	key := g.Key("me")
	c := start(t, g.URL(), func(o *bridge.Options) { o.Credential = &credential{token: key} })
	c.write(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"none__such","arguments":{},` + meta + `}}`)
	if f := c.fault(); f.Error.Data.Code != "tool.unknown" || f.ID != 7.0 {
		t.Errorf("an unknown tool: %+v", f)
	}
	c.write(`{"jsonrpc":"2.0","id":"x","method":"no/such",` + `"params":{` + meta + `}}`)
	if f := c.fault(); f.Error.Code != -32601 || f.ID != "x" {
		t.Errorf("an unknown method: %+v", f)
	}
	c.write(`{"jsonrpc":"2.0","id":8,"method":"tools/list"}`)
	if f := c.fault(); f.Error.Data.Code != "session.missing" || f.ID != 8.0 {
		t.Errorf("without a session: %+v", f)
	}
	c.end()
}
