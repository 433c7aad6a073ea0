package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// keyHeader is where the clients of these tests bring their keys.
const keyHeader = "X-Gemini-Key"

// arrived is a request as the upstream got it.
type arrived struct {
	verb, method, raw string // method is the message's; empty for a response, and for no message
	header            http.Header
}

// recorder notes every request before the handler sees it.
type recorder struct {
	http.Handler
	mu  sync.Mutex
	all []arrived
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(raw))
	var m said
	_ = json.Unmarshal(raw, &m)
	r.mu.Lock()
	r.all = append(r.all, arrived{req.Method, m.Method, string(raw), req.Header.Clone()})
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, req)
}

// since are the requests after the first n.
func (r *recorder) since(n int) []arrived {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all[n:])
}

func (r *recorder) count(method string) (n int) {
	for _, a := range r.since(0) {
		if a.method == method {
			n++
		}
	}
	return n
}

// keyed are the requests with a key, as "message: key".
func keyed(all []arrived) (out []string) {
	for _, a := range all {
		for _, key := range a.header.Values("X-Api-Key") {
			out = append(out, a.method+": "+key)
		}
	}
	return out
}

// ownKeys makes the pool's upstream one that takes its clients' own keys.
func ownKeys(c *upstream.Config) {
	c.Upstreams[0].Credential = upstream.Credential{Header: "x-api-key", Prefix: "Key ", Request: keyHeader}
	c.Secret = func(string) (upstream.Secret, error) { return known("canary-of-the-gateway"), nil }
}

// with is the exchange with a key that its client brought.
func with(ex *gate.Exchange, key string) *gate.Exchange {
	ex.Inbound.Keys = map[string]gate.Secret{keyHeader: gate.NewSecret(key), "X-Other-Key": gate.NewSecret("canary-other")}
	return ex
}

// fullServer is a real server with something of everything. Its tool hang ends with
// the test.
func fullServer(t *testing.T) *sdk.Server {
	t.Helper()
	s := sdk.NewServer(&sdk.Implementation{Name: "real", Version: "1"}, &sdk.ServerOptions{
		CompletionHandler: func(context.Context, *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
			return &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: []string{"x"}}}, nil
		},
		SubscribeHandler:   func(context.Context, *sdk.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *sdk.UnsubscribeRequest) error { return nil },
	})
	tool := func(name string, f func(context.Context, *sdk.ServerSession)) {
		s.AddTool(&sdk.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			f(ctx, req.Session)
			return &sdk.CallToolResult{Content: []sdk.Content{}}, ctx.Err()
		})
	}
	tool("say", func(context.Context, *sdk.ServerSession) {})
	tool("hang", func(ctx context.Context, _ *sdk.ServerSession) {
		select {
		case <-ctx.Done():
		case <-t.Context().Done():
		}
	})
	tool("ask", func(ctx context.Context, session *sdk.ServerSession) {
		_, _ = session.Elicit(ctx, &sdk.ElicitParams{Message: "?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{}}`)})
	})
	s.AddResource(&sdk.Resource{URI: "a://b", Name: "b"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "a://b", Text: "x"}}}, nil
	})
	s.AddPrompt(&sdk.Prompt{Name: "p"}, func(context.Context, *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{}, nil
	})
	return s
}

// The links of an upstream over HTTP, and the clients of either era on them.
var keyedLinks = []struct {
	name      string
	transport string
	stateless bool // the upstream has that era alone
	modern    bool // the client has the stateless era
}{
	{name: "stateful"},
	{name: "stateless", stateless: true, modern: true},
	{name: "stateless client", modern: true},
	{name: "stateful client", stateless: true},
	{name: "sse", transport: overSSE},
	{name: "sse, stateless client", transport: overSSE, modern: true},
}

func handlerOf(s *sdk.Server, transport string, stateless bool) http.Handler {
	get := func(*http.Request) *sdk.Server { return s }
	switch {
	case transport == overSSE:
		return sdk.NewSSEHandler(get, nil)
	case stateless:
		return statelessOnly(sdk.NewStreamableHTTPHandler(get, &sdk.StreamableHTTPOptions{Stateless: true}))
	}
	return sdk.NewStreamableHTTPHandler(get, nil)
}

// message is a client's message in its era.
func message(modern bool, method, params string) string {
	if modern {
		params += "," + meta
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, strings.TrimPrefix(params, ","))
}
