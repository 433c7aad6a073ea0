package parts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A client of the matrix.
type front struct {
	name    string
	era     string // the version that it speaks
	over    string // http, sse, websocket or stdio
	sdk     string // go, 1 or 2
	initial string // of the tools that it adds
}

const stateful, stateless = "2025-11-25", "2026-07-28"

// fronts are all clients of the matrix.
var fronts = []front{
	{"Go SDK, HTTP, stateful", stateful, "http", "go", "a"},
	{"Go SDK, HTTP, stateless", stateless, "http", "go", "b"},
	{"Go SDK, stdio, stateful", stateful, "stdio", "go", "c"},
	{"Go SDK, stdio, stateless", stateless, "stdio", "go", "d"},
	{"TypeScript SDK 1, HTTP", stateful, "http", "1", "e"},
	{"TypeScript SDK 1, SSE", stateful, "sse", "1", "f"},
	{"TypeScript SDK 1, WebSocket", stateful, "websocket", "1", "g"},
	{"TypeScript SDK 1, stdio", stateful, "stdio", "1", "h"},
	{"TypeScript SDK 2, HTTP, stateful", stateful, "http", "2", "i"},
	{"TypeScript SDK 2, HTTP, stateless", stateless, "http", "2", "j"},
	{"TypeScript SDK 2, SSE, stateless", stateless, "sse", "2", "k"},
	{"TypeScript SDK 2, stdio, stateless", stateless, "stdio", "2", "l"},
}

// prefix is that of the names of tools: HTTP is used with a profile that has
// plain names, and stdio has no profiles.
func (f *front) prefix() string {
	if f.over == "stdio" {
		return "up__"
	}
	return ""
}

// target is where the client finds a gateway.
func (f *front) target(g *gateway) string {
	root := strings.TrimSuffix(g.url, "/mcp")
	switch f.over {
	case "stdio":
		return filepath.Join(g.dir, "doorward.yaml")
	case "sse":
		return root + "/sse/plain"
	case "websocket":
		return "ws" + strings.TrimPrefix(root, "http") + "/ws/plain"
	}
	return g.url + "/plain"
}

// atOnce is how many gateways a client uses at the same time: each use may start
// several processes.
const atOnce = 2

// use has the client use all gateways, and tells what it saw of each, by
// capability.
func (f *front) use(ctx context.Context, all []*gateway, n *nodeParts) []map[string]string {
	seen := make([]map[string]string, len(all))
	if f.sdk != "go" {
		if err := f.useNode(ctx, all, n, &seen); err != nil {
			for i := range all {
				seen[i] = map[string]string{"version": err.Error()}
			}
		}
		return seen
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, g := range all {
		room <- struct{}{}
		wg.Go(func() {
			seen[i] = f.useGo(ctx, g)
			<-room
		})
	}
	wg.Wait()
	return seen
}

// nodeParts are what the clients of the TypeScript SDKs need.
type nodeParts struct{ node, script, packages string }

func (f *front) useNode(ctx context.Context, all []*gateway, n *nodeParts, seen *[]map[string]string) error {
	era := "legacy"
	if f.era == stateless {
		era = "modern"
	}
	args := []string{n.script, n.packages, f.sdk, era, f.over, f.initial, f.prefix(), strconv.Itoa(atOnce)}
	for _, g := range all {
		args = append(args, f.target(g))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.node, args...)
	cmd.Env = append(os.Environ(), "DOORWARD="+doorward)
	var errs printed
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, seen)
	}
	if err == nil && len(*seen) != len(all) {
		err = fmt.Errorf("%d of %d gateways were used", len(*seen), len(all))
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s\n%s", n.script, err, out, errs.String())
	}
	return nil
}

// goUse is one use of a gateway by the Go SDK's client.
type goUse struct {
	f       *front
	cs      *mcp.ClientSession
	steps   chan float64
	changed chan struct{}
	seen    map[string]string
}

func (f *front) useGo(ctx context.Context, g *gateway) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var transport mcp.Transport = &mcp.StreamableClientTransport{Endpoint: f.target(g)}
	if f.over == "stdio" {
		cmd := exec.Command(doorward, "stdio", "--config", f.target(g))
		cmd.Stderr = &g.log
		transport = &mcp.CommandTransport{Command: cmd}
	}
	return f.useGoOver(ctx, transport)
}

// useGoOver is one use by the Go SDK's client over a transport.
func (f *front) useGoOver(ctx context.Context, transport mcp.Transport) map[string]string {
	u, err := f.connectGo(ctx, transport)
	if err != nil {
		return map[string]string{"version": "error: " + err.Error()}
	}
	defer func() { _ = u.cs.Close() }()
	u.seen["version"] = u.cs.InitializeResult().ProtocolVersion
	for _, what := range []struct {
		name string
		look func(context.Context) (string, error)
	}{
		{"tools", u.tools},
		{"call", func(ctx context.Context) (string, error) { return u.call(ctx, "echo", "me") }},
		{"resources", u.resources},
		{"templates", u.templates},
		{"prompts", u.prompts},
		{"completion", u.completion},
		{"elicitation", func(ctx context.Context) (string, error) { return u.call(ctx, "ask", "") }},
		{"sampling", func(ctx context.Context) (string, error) { return u.call(ctx, "sample", "") }},
		{"progress", u.progress},
		{"cancellation", u.cancellation},
		{"list_changed", u.listChanged},
	} {
		ctx, cancel := context.WithTimeout(ctx, patience)
		text, err := what.look(ctx)
		cancel()
		if err != nil {
			text = "error: " + err.Error()
		}
		u.seen[what.name] = text
	}
	return u.seen
}

func (f *front) connectGo(ctx context.Context, transport mcp.Transport) (*goUse, error) {
	u := &goUse{f: f, steps: make(chan float64, 10), changed: make(chan struct{}, 1), seen: map[string]string{}}
	opts := &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "client " + u.f.initial}}, nil
		},
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) { //nolint:staticcheck // deprecated, and spoken
			return &mcp.CreateMessageResult{Role: "assistant", Model: "none", Content: &mcp.TextContent{Text: "words of " + u.f.initial}}, nil //nolint:staticcheck // deprecated, and spoken
		},
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { u.steps <- r.Params.Progress },
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			select {
			case u.changed <- struct{}{}:
			default: // one that nobody has seen yet says the same
			}
		},
	}
	var err error
	client := mcp.NewClient(&mcp.Implementation{Name: "go-client", Version: "1"}, opts)
	u.cs, err = client.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: f.era})
	return u, err
}

// call calls a tool with an argument, and asks for progress.
func (u *goUse) call(ctx context.Context, tool, name string) (string, error) {
	args := map[string]any{}
	if name != "" {
		args["name"] = name
	}
	p := &mcp.CallToolParams{Name: u.f.prefix() + tool, Arguments: args}
	p.SetProgressToken("progress of " + tool)
	r, err := u.cs.CallTool(ctx, p)
	if err != nil {
		return "", err
	}
	if r.IsError {
		return "error: " + textOf(r), nil
	}
	return textOf(r), nil
}

// names are those of all tools, without the prefix.
func (u *goUse) names(ctx context.Context) ([]string, error) {
	var names []string
	for tool, err := range u.cs.Tools(ctx, nil) {
		if err != nil {
			return nil, err
		}
		names = append(names, strings.TrimPrefix(tool.Name, u.f.prefix()))
	}
	slices.Sort(names)
	return names, nil
}

func (u *goUse) tools(ctx context.Context) (string, error) {
	names, err := u.names(ctx)
	return strings.Join(slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "grown") }), " "), err
}

func (u *goUse) read(ctx context.Context, uri string) (string, error) {
	r, err := u.cs.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil || len(r.Contents) != 1 {
		return fmt.Sprintf("%+v", r), err
	}
	return r.Contents[0].Text, nil
}

func (u *goUse) resources(ctx context.Context) (string, error) {
	r, err := u.cs.ListResources(ctx, nil)
	if err != nil || len(r.Resources) != 1 {
		return fmt.Sprintf("%+v", r), err
	}
	return u.read(ctx, r.Resources[0].URI)
}

func (u *goUse) templates(ctx context.Context) (string, error) {
	r, err := u.cs.ListResourceTemplates(ctx, nil)
	if err != nil || len(r.ResourceTemplates) != 1 {
		return fmt.Sprintf("%+v", r), err
	}
	return u.read(ctx, strings.ReplaceAll(r.ResourceTemplates[0].URITemplate, "{n}", "7"))
}

func (u *goUse) prompts(ctx context.Context) (string, error) {
	list, err := u.cs.ListPrompts(ctx, nil)
	if err != nil || len(list.Prompts) != 1 {
		return fmt.Sprintf("%+v", list), err
	}
	r, err := u.cs.GetPrompt(ctx, &mcp.GetPromptParams{Name: list.Prompts[0].Name, Arguments: map[string]string{"city": "Rome"}})
	if err != nil || len(r.Messages) != 1 {
		return fmt.Sprintf("%+v", r), err
	}
	text, _ := r.Messages[0].Content.(*mcp.TextContent)
	return text.Text, nil
}

func (u *goUse) completion(ctx context.Context) (string, error) {
	r, err := u.cs.Complete(ctx, &mcp.CompleteParams{
		Ref:      &mcp.CompleteReference{Type: "ref/prompt", Name: u.f.prefix() + "weather"},
		Argument: mcp.CompleteParamsArgument{Name: "city", Value: "L"},
	})
	if err != nil {
		return "", err
	}
	return strings.Join(r.Completion.Values, " "), nil
}

func (u *goUse) progress(ctx context.Context) (string, error) {
	answered := make(chan error, 1)
	go func() {
		_, err := u.call(ctx, "steps", u.f.initial)
		answered <- err
	}()
	var heard []string
	for len(heard) < 3 {
		select {
		case n := <-u.steps:
			heard = append(heard, fmt.Sprint(n))
		case err := <-answered:
			return strings.Join(heard, " "), err
		}
	}
	if _, err := u.call(ctx, "leave", u.f.initial); err != nil {
		return "", err
	}
	return strings.Join(heard, " "), <-answered
}

func (u *goUse) cancellation(ctx context.Context) (string, error) {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	name := u.grown()
	answered := make(chan string, 1)
	go func() {
		text, _ := u.call(call, "wait", name)
		answered <- text
	}()
	select {
	case <-u.steps:
	case text := <-answered:
		return "answered: " + text, nil
	case <-ctx.Done():
		return "no progress", nil
	}
	cancel()
	<-answered
	return u.call(ctx, "ended", name)
}

func (u *goUse) grown() string { return "grown-" + u.f.initial }

func (u *goUse) listChanged(ctx context.Context) (string, error) {
	if _, err := u.call(ctx, "grow", u.grown()); err != nil {
		return "", err
	}
	for text := "not heard"; ; text = "heard, and not listed" {
		select {
		case <-u.changed:
		case <-ctx.Done():
			return text, nil
		}
		names, err := u.names(ctx)
		if err != nil {
			return "", err
		}
		if slices.Contains(names, u.grown()) {
			return u.call(ctx, u.grown(), "a new tool")
		}
	}
}
