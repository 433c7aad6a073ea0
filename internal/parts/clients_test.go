package parts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// session is what a client saw of the three servers through one gateway.
type session struct {
	Version    string    `json:"version"`
	Tools      []string  `json:"tools"`
	Prompts    []string  `json:"prompts"`
	Everything string    `json:"everything"`
	Files      string    `json:"files"`
	Memory     string    `json:"memory"`
	Resource   string    `json:"resource"`
	Template   string    `json:"template"`
	Prompt     string    `json:"prompt"`
	Elicited   string    `json:"elicited"`
	Sampled    string    `json:"sampled"`
	Progress   []float64 `json:"progress"`
	Invalid    string    `json:"invalid"`
	Unknown    string    `json:"unknown"`
	Cancelled  string    `json:"cancelled"`
}

// check holds a session to what every client must see, whatever era it speaks:
// the reference servers have the stateful one alone.
func (s *session) check(t *testing.T, who, version string) {
	t.Helper()
	if s.Version != version {
		t.Errorf("version %q was negotiated, want %s", s.Version, version)
	}
	for _, name := range []string{"files__read_text_file", "everything__echo", "memory__read_graph", "everything__trigger-elicitation-request"} {
		if !slices.Contains(s.Tools, name) {
			t.Errorf("the tools lack %s: %v", name, s.Tools)
		}
	}
	if !slices.Contains(s.Prompts, "everything__args-prompt") {
		t.Errorf("the prompts are %v", s.Prompts)
	}
	for _, tc := range []struct{ what, got, want string }{
		{"everything/echo", s.Everything, "hello"},
		{"files/read_text_file", s.Files, "hello from a file"},
		{"memory/create_entities", s.Memory, "Ada"},
		{"resource", s.Resource, "# Everything Server"},
		{"resource of a template", s.Template, "demo://resource/dynamic/text/7"},
		{"prompt", s.Prompt, "What's weather in London?"},
		{"elicitation", s.Elicited, "Ada of the " + who},
		{"sampling", s.Sampled, "sampled by " + who},
		{"invalid arguments", s.Invalid, "a"},
		{"unknown tool", s.Unknown, "no such tool"},
		{"cancellation", s.Cancelled, "enough"},
	} {
		if !strings.Contains(tc.got, tc.want) {
			t.Errorf("%s: %q, want %q in it", tc.what, tc.got, tc.want)
		}
	}
	if s.Invalid == "no error" {
		t.Error("arguments that break the schema are let pass")
	}
	// What reaches the client's own handler is the SDK's affair: the Go SDK 1.8.0 and the
	// TypeScript SDK 2 lose or repeat one of three now and then. What the gateway sends is
	// held to in "no SDK".
	if len(s.Progress) == 0 || slices.ContainsFunc(s.Progress, func(p float64) bool { return p < 1 || p > 3 }) {
		t.Errorf("progress %v, want some of 1, 2, 3", s.Progress)
	}
}

// heardOf makes a call as a client without an SDK, and returns what it hears of the
// call's progress: every notification, in order.
func heardOf(t *testing.T, g *gateway, k string) (heard []float64) {
	t.Helper()
	_, body := g.stateless(k, `"name":"everything__trigger-long-running-operation","arguments":{"duration":0.3,"steps":3}`, `"progressToken":"p",`)
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(line, "data: ")
		var m struct {
			Method string
			Params struct{ Progress float64 }
		}
		if ok && json.Unmarshal([]byte(data), &m) == nil && m.Method == "notifications/progress" {
			heard = append(heard, m.Params.Progress)
		}
	}
	return heard
}

// The everything server offers some tools only to clients that can elicit and
// sample, so those are approved when the first such client was there.
func TestClientsOfThreeServers(t *testing.T) {
	t.Parallel()
	g := start(t, threeServers(t))
	g.must("trust", "approve", "--all")
	k := g.key("create", "clients").Key
	_ = goClient(t, g.url, k).Close()
	if held := g.entries("everything", "--state", "held"); !slices.ContainsFunc(held, func(e entry) bool { return e.Name == "trigger-elicitation-request" }) {
		t.Fatalf("what only this client is offered waits for no approval: %v", held)
	}
	g.must("trust", "approve", "everything")

	t.Run("clients", func(t *testing.T) { clients(t, g, k) })
	var cancelled []record
	eventually(t, "the outcomes of the cancelled calls, for which nobody waits", func() bool {
		cancelled = g.records("--item", "trigger-long-running-operation", "--kind", "outcome", "--status", "failed")
		return len(cancelled) >= 4
	})
	if len(cancelled) != 4 || cancelled[0].Code != "exchange.cancelled" {
		t.Errorf("outcomes of the four cancelled calls: %+v", cancelled)
	}
	g.must("audit", "verify")
}

func clients(t *testing.T, g *gateway, k string) {
	t.Helper()
	t.Run("no SDK", func(t *testing.T) {
		t.Parallel()
		for range 3 {
			if heard := heardOf(t, g, k); !slices.Equal(heard, []float64{1, 2, 3}) {
				t.Errorf("progress %v, want 1, 2, 3", heard)
			}
		}
	})
	t.Run("Go SDK", func(t *testing.T) {
		t.Parallel()
		useGoClient(t, g.url, k).check(t, "Go SDK", stateless)
	})
	for _, tc := range []struct{ sdk, mode, version string }{{"v1", "legacy", stateful}, {"v2", "legacy", stateful}, {"v2", "auto", stateless}} {
		t.Run("TypeScript SDK "+tc.sdk+" "+tc.mode, func(t *testing.T) {
			t.Parallel()
			script, err := filepath.Abs(filepath.Join("testdata", "client.mjs"))
			if err != nil {
				t.Fatal(err)
			}
			r := execute(t, exec.Command(node(t), script, packages(t), tc.sdk, tc.mode, g.url, k))
			var s session
			if r.code != 0 || json.Unmarshal([]byte(r.stdout), &s) != nil {
				t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			s.check(t, tc.sdk, tc.version)
		})
	}
}

// bearer adds a key to every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// goClient connects the official SDK's client, which takes the stateless era
// where it is offered, and lists the tools.
func goClient(t *testing.T, url, k string, change ...func(*mcp.ClientOptions)) *mcp.ClientSession {
	t.Helper()
	return goClientOf(t, stateless, url, k, change...)
}

// goClientOf is goClient with the version that it asks for.
func goClientOf(t *testing.T, version, url, k string, change ...func(*mcp.ClientOptions)) *mcp.ClientSession {
	t.Helper()
	opts := &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ada of the Go SDK"}}, nil
		},
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) { //nolint:staticcheck // deprecated, and spoken
			return &mcp.CreateMessageResult{Role: "assistant", Model: "none", Content: &mcp.TextContent{Text: "sampled by Go SDK"}}, nil //nolint:staticcheck // deprecated, and spoken
		},
	}
	for _, f := range change {
		f(opts)
	}
	c := mcp.NewClient(&mcp.Implementation{Name: "go-client", Version: "1"}, opts)
	cs, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearer(k)}}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	if _, err := cs.ListTools(t.Context(), nil); err != nil {
		t.Fatalf("listing tools: %v", err)
	}
	return cs
}

func useGoClient(t *testing.T, url, k string) *session {
	t.Helper()
	var s session
	var mu sync.Mutex
	var onProgress func(float64)
	cs := goClient(t, url, k, func(o *mcp.ClientOptions) {
		o.ProgressNotificationHandler = func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			mu.Lock()
			defer mu.Unlock()
			onProgress(r.Params.Progress)
		}
	})
	defer func() { _ = cs.Close() }()
	call := func(ctx context.Context, name string, args map[string]any) (string, error) {
		p := &mcp.CallToolParams{Name: name, Arguments: args}
		p.SetProgressToken("progress of " + name)
		r, err := cs.CallTool(ctx, p)
		if err != nil {
			return err.Error(), err
		}
		return textOf(r), nil
	}
	must := func(name string, args map[string]any) string {
		t.Helper()
		out, err := call(t.Context(), name, args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return out
	}
	s.Version = cs.InitializeResult().ProtocolVersion
	for tool, err := range cs.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		s.Tools = append(s.Tools, tool.Name)
	}
	for prompt, err := range cs.Prompts(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		s.Prompts = append(s.Prompts, prompt.Name)
	}
	s.Everything = must("everything__echo", map[string]any{"message": "hello"})
	s.Files = must("files__read_text_file", map[string]any{"path": "hello.txt"})
	s.Memory = must("memory__create_entities", map[string]any{"entities": []any{
		map[string]any{"name": "Ada of Go", "entityType": "person", "observations": []string{"Go SDK"}},
	}})
	if r, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "demo://resource/static/document/features.md"}); err != nil {
		t.Error(err)
	} else {
		s.Resource = r.Contents[0].Text
	}
	if r, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "demo://resource/dynamic/text/7"}); err != nil {
		t.Error(err)
	} else {
		s.Template = r.Contents[0].URI
	}
	if r, err := cs.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "everything__args-prompt", Arguments: map[string]string{"city": "London"}}); err != nil {
		t.Error(err)
	} else if text, ok := r.Messages[0].Content.(*mcp.TextContent); ok {
		s.Prompt = text.Text
	}
	s.Elicited = must("everything__trigger-elicitation-request", map[string]any{})
	s.Sampled = must("everything__trigger-sampling-request", map[string]any{"prompt": "say something"})

	mu.Lock()
	onProgress = func(p float64) { s.Progress = append(s.Progress, p) }
	mu.Unlock()
	must("everything__trigger-long-running-operation", map[string]any{"duration": 0.3, "steps": 3})
	s.Invalid, _ = call(t.Context(), "everything__get-sum", map[string]any{"a": "one", "b": 2})
	s.Unknown, _ = call(t.Context(), "everything__no-such-tool", nil)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	mu.Lock()
	all := s.Progress
	onProgress = func(float64) { cancel() }
	mu.Unlock()
	if _, err := call(ctx, "everything__trigger-long-running-operation", map[string]any{"duration": 60, "steps": 600}); ctx.Err() == context.Canceled && err != nil {
		s.Cancelled = "enough"
	}
	s.Progress = all
	return &s
}

func textOf(r *mcp.CallToolResult) string {
	var b strings.Builder
	for _, c := range r.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			b.WriteString(text.Text)
		}
	}
	return b.String()
}

// Upstreams of both eras behind one URL: a client of either era sees all of
// them.
func TestMixedErasLoseNoUpstream(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  files: {command: %s, sandbox: {read: [docs]}}\n  sdk: {url: %q}\nprofiles:\n  modern: {upstreams: [sdk]}\n",
		server(t, "filesystem", "docs"), everythingServer(t, true)))
	g.must("trust", "approve", "--all")
	k := g.key("create", "me").Key
	for _, tc := range []struct{ url, version, call string }{
		{g.url, stateful, "files__list_allowed_directories"},
		{g.url, stateful, "sdk__test_simple_text"},
		{g.url, stateless, "files__list_allowed_directories"},
		{g.url, stateless, "sdk__test_simple_text"},
		{g.url + "/modern", stateful, "sdk__test_simple_text"},
		{g.url + "/modern", stateless, "sdk__test_simple_text"},
	} {
		cs := goClientOf(t, tc.version, tc.url, k)
		if v := cs.InitializeResult().ProtocolVersion; v != tc.version {
			t.Errorf("%s: version %s, want %s", tc.url, v, tc.version)
		}
		if r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: tc.call, Arguments: map[string]any{}}); err != nil || r.IsError {
			t.Errorf("%s: %s of %s: %v, error %v", tc.url, tc.call, tc.version, r, err)
		}
		_ = cs.Close()
	}
}

// What a server sends outside any call reaches the client it is meant for, and
// no other. Only the stateful era has a level of log messages by session.
func TestNotificationsReachTheirClient(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  everything: {command: %s}\n", server(t, "everything")))
	g.must("trust", "approve", "everything", "toggle-simulated-logging", "toggle-subscriber-updates")
	const uri = "demo://resource/static/document/features.md"
	g.must("trust", "approve", "everything", uri)
	k := g.key("create", "me").Key
	type heard struct {
		mu              sync.Mutex
		logs, resources int
		lists           int
	}
	client := func(h *heard) *mcp.ClientSession {
		note := func(n *int) {
			h.mu.Lock()
			*n++
			h.mu.Unlock()
		}
		return goClientOf(t, stateful, g.url, k, func(o *mcp.ClientOptions) {
			o.LoggingMessageHandler = func(_ context.Context, r *mcp.LoggingMessageRequest) { //nolint:staticcheck // deprecated, and spoken
				// Each session's server also tells of that session's roots.
				if text, ok := r.Params.Data.(string); ok && strings.Contains(text, "level message") {
					note(&h.logs)
				}
			}
			o.ResourceUpdatedHandler = func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
				if r.Params.URI == uri {
					note(&h.resources)
				}
			}
			o.ToolListChangedHandler = func(context.Context, *mcp.ToolListChangedRequest) { note(&h.lists) }
		})
	}
	var mine, other heard
	cs, idle := client(&mine), client(&other)
	defer func() { _ = cs.Close() }()
	defer func() { _ = idle.Close() }()
	if err := cs.SetLoggingLevel(t.Context(), &mcp.SetLoggingLevelParams{Level: "debug"}); err != nil { //nolint:staticcheck // deprecated, and spoken
		t.Error(err)
	}
	if err := cs.Subscribe(t.Context(), &mcp.SubscribeParams{URI: uri}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"everything__toggle-simulated-logging", "everything__toggle-subscriber-updates"} {
		if r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{}}); err != nil || r.IsError {
			t.Errorf("%s: %v, error %v", name, r, err)
		}
	}
	eventually(t, "a log message and a resource's update", func() bool {
		mine.mu.Lock()
		defer mine.mu.Unlock()
		return mine.logs > 0 && mine.resources > 0
	})
	// An approval changes everybody's list.
	g.must("trust", "approve", "everything", "echo")
	for _, h := range []*heard{&mine, &other} {
		eventually(t, "the list changed", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.lists > 0
		})
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.logs > 0 || other.resources > 0 {
		t.Errorf("another session heard %d log messages and %d updates", other.logs, other.resources)
	}
}
