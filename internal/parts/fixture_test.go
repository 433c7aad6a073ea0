package parts_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The server of the matrix, made with the Go SDK: one tool for each thing that
// can happen in a call. It asks its client the way of the stateless era; the
// SDK turns that into requests where the session is of the other.

// named is the argument of the tools that take one.
type named struct {
	Name string `json:"name"`
}

// gates are what one call waits for until another opens it: files of a
// directory, because a gateway may give each call a process of its own.
type gates string

func (g gates) open(gate string) error {
	return os.WriteFile(filepath.Join(string(g), gate), nil, 0o600)
}

// passed waits until a gate is open, at most for what a gateway gives a call (limits.timeout).
func (g gates) passed(ctx context.Context, gate string) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(string(g), gate)); err == nil {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func fixture(g gates) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "fixture", Version: "1"}, &mcp.ServerOptions{CompletionHandler: complete})
	mcp.AddTool(s, &mcp.Tool{Name: "echo", Description: "Says it back"}, echo)
	mcp.AddTool(s, &mcp.Tool{Name: "steps", Description: "Makes progress, three times, and waits until it may end"}, g.steps)
	mcp.AddTool(s, &mcp.Tool{Name: "leave", Description: "Lets steps end"}, g.leave)
	mcp.AddTool(s, &mcp.Tool{Name: "ask", Description: "Asks the person for a name"}, ask)
	mcp.AddTool(s, &mcp.Tool{Name: "sample", Description: "Asks the client's model"}, sample)
	mcp.AddTool(s, &mcp.Tool{Name: "wait", Description: "Waits until it is cancelled"}, g.wait)
	mcp.AddTool(s, &mcp.Tool{Name: "ended", Description: "Tells whether the call of wait was cancelled"}, g.end)
	mcp.AddTool(s, &mcp.Tool{Name: "grow", Description: "Adds a tool"}, func(_ context.Context, _ *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
		mcp.AddTool(s, &mcp.Tool{Name: in.Name, Description: "Says it back"}, echo)
		return says("grown"), nil, nil
	})
	read := func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, MIMEType: "text/plain", Text: "the text of " + r.Params.URI}}}, nil
	}
	s.AddResource(&mcp.Resource{URI: "fixture://note", Name: "note", MIMEType: "text/plain"}, read)
	s.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "fixture://numbers/{n}", Name: "numbers", MIMEType: "text/plain"}, read)
	s.AddPrompt(&mcp.Prompt{Name: "weather", Arguments: []*mcp.PromptArgument{{Name: "city", Required: true}}}, func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		text := &mcp.TextContent{Text: "What is the weather in " + r.Params.Arguments["city"] + "?"}
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{Role: "user", Content: text}}}, nil
	})
	return s
}

func says(text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

func complete(_ context.Context, r *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
	var found []string
	for _, city := range []string{"Lisbon", "London", "Paris"} {
		if strings.HasPrefix(city, r.Params.Argument.Value) {
			found = append(found, city)
		}
	}
	return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: found, Total: len(found)}}, nil
}

func echo(_ context.Context, _ *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
	return says("echo of " + in.Name), nil, nil
}

func progress(ctx context.Context, r *mcp.CallToolRequest, n float64) error {
	return r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: n, Total: 3})
}

// steps answers when its progress was heard: the TypeScript SDKs drop what they
// read together with the answer.
func (g gates) steps(ctx context.Context, r *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
	for n := range 3 {
		if err := progress(ctx, r, float64(n+1)); err != nil {
			return nil, nil, err
		}
	}
	g.passed(ctx, "steps-"+in.Name)
	return says("three steps"), nil, nil
}

func (g gates) leave(_ context.Context, _ *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
	return says("go on"), nil, g.open("steps-" + in.Name)
}

func ask(_ context.Context, r *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
	if answer, ok := r.Params.InputResponses["who"].(*mcp.ElicitResult); ok {
		return says(fmt.Sprintf("%s: %v", answer.Action, answer.Content["name"])), nil, nil
	}
	schema := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{"name": {Type: "string"}}, Required: []string{"name"}}
	return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"who": &mcp.ElicitParams{Message: "Who are you?", RequestedSchema: schema}}}, nil, nil
}

func sample(_ context.Context, r *mcp.CallToolRequest, _ any) (*mcp.CallToolResult, any, error) {
	//nolint:staticcheck // deprecated, and spoken
	if answer, ok := r.Params.InputResponses["text"].(*mcp.CreateMessageWithToolsResult); ok && len(answer.Content) == 1 {
		if text, ok := answer.Content[0].(*mcp.TextContent); ok {
			return says("the model says " + text.Text), nil, nil
		}
	}
	question := &mcp.SamplingMessage{Role: "user", Content: &mcp.TextContent{Text: "Say something"}} //nolint:staticcheck // deprecated, and spoken
	params := &mcp.CreateMessageParams{MaxTokens: 10, Messages: []*mcp.SamplingMessage{question}}    //nolint:staticcheck // deprecated, and spoken
	return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"text": params}}, nil, nil
}

func (g gates) wait(ctx context.Context, r *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
	if err := progress(ctx, r, 1); err != nil {
		return nil, nil, err
	}
	select {
	case <-ctx.Done():
		return nil, nil, errors.Join(ctx.Err(), g.open("wait-"+in.Name))
	case <-time.After(patience):
		return says("nobody cancelled"), nil, nil
	}
}

func (g gates) end(ctx context.Context, _ *mcp.CallToolRequest, in named) (*mcp.CallToolResult, any, error) {
	if g.passed(ctx, "wait-"+in.Name) {
		return says("cancelled"), nil, nil
	}
	return says("still running"), nil, nil
}
