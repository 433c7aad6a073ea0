package parts_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// status is the HTTP status that a key gets for an initialize.
func (g *gateway) status(k string) int {
	g.t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}` + "\n"
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Content-Type", "application/json")
	if k != "" {
		r.Header.Set("Authorization", "Bearer "+k)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestKeysWhileTheGatewayRuns(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  sdk: {url: %q}\n", everythingServer(t, false)))
	g.must("trust", "approve", "sdk")
	want := func(k string, status int, when string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s: status %d, want %d", when, g.status(k), status), func() bool { return g.status(k) == status })
	}
	want("", http.StatusUnauthorized, "no key")
	first := g.key("create", "ci")
	want(first.Key, http.StatusOK, "a new key")
	second := g.key("rotate", "ci", "--overlap", "1h")
	want(first.Key, http.StatusOK, "the old key in the overlap")
	want(second.Key, http.StatusOK, "the key that replaces it")
	third := g.key("rotate", second.ID)
	want(second.Key, http.StatusUnauthorized, "the old key without an overlap")
	want(third.Key, http.StatusOK, "the third key")

	cs := goClient(t, g.url, third.Key)
	defer func() { _ = cs.Close() }()
	g.must("key", "revoke", third.ID)
	want(third.Key, http.StatusUnauthorized, "a revoked key")
	if _, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "sdk__test_simple_text", Arguments: map[string]any{}}); err == nil {
		t.Error("a session goes on with a revoked key")
	}
	list := g.must("key", "list", "--format", "json")
	for _, k := range []key{first, second, third} {
		if strings.Contains(list, k.Key) || !strings.Contains(list, k.ID) {
			t.Errorf("key list: %s", list)
		}
		for _, text := range []string{g.log.String(), g.must("audit", "search", "--format", "json")} {
			if strings.Contains(text, k.Key) {
				t.Error("a key's text is in the log")
			}
		}
	}
	if r := g.run("key", "create", "x", "--role", "nobody"); r.code != 1 || !strings.Contains(r.stderr, "nobody") {
		t.Errorf("a key with a role that is not there: exit %d, %s", r.code, r.stderr)
	}
}

func TestTrustAndReloadWhileTheGatewayRuns(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  files: {command: %s, sandbox: {read: [docs]}}\n", server(t, "filesystem", "docs"))
	g := start(t, config)
	k := g.key("create", "me").Key
	tools := func() (names []string) {
		t.Helper()
		cs := goClient(t, g.url, k)
		defer func() { _ = cs.Close() }()
		for tool, err := range cs.Tools(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, tool.Name)
		}
		return names
	}
	if got := tools(); len(got) != 0 {
		t.Errorf("tools that nobody approved: %v", got)
	}
	g.must("trust", "approve", "files", "read_text_file")
	if got := tools(); !slices.Equal(got, []string{"files__read_text_file"}) {
		t.Errorf("after one approval the tools are %v", got)
	}
	g.must("trust", "approve", "files")
	if got := tools(); len(got) < 10 {
		t.Errorf("after all approvals the tools are %v", got)
	}
	g.must("trust", "verify")
	if r := g.run("trust", "diff"); r.code != 0 {
		t.Errorf("trust diff: exit %d, %s%s", r.code, r.stdout, r.stderr)
	}
	g.must("trust", "reject", "files", "write_file")
	if got := tools(); slices.Contains(got, "files__write_file") {
		t.Errorf("a rejected tool is shown: %v", got)
	}

	// A configuration that is bad is refused whole, by file and by signal.
	g.write("doorward.yaml", config+"  broken: {comand: [x]}\n")
	eventually(t, "the bad file is refused", func() bool { return g.log.count("configuration refused, the old one stays") > 0 })
	refused := g.log.count("configuration refused")
	_ = g.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the signal is heard", func() bool { return g.log.count("configuration refused") > refused })
	if got := tools(); len(got) < 10 {
		t.Errorf("after a bad configuration the tools are %v", got)
	}

	// Another command is another pin: nothing of it runs before it is approved.
	g.write("docs2/other.txt", "other\n")
	g.write("doorward.yaml", strings.NewReplacer(`"docs"`, `"docs2"`, "[docs]", "[docs2]").Replace(config))
	eventually(t, "the new file is read", func() bool { return g.log.count("configuration reloaded") > 0 })
	cs := goClientOrNone(t, g.url, k)
	if cs != nil {
		defer func() { _ = cs.Close() }()
		if r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "files__list_allowed_directories", Arguments: map[string]any{}}); err == nil && !r.IsError {
			t.Errorf("a changed command runs: %s", textOf(r))
		}
	}
	r := g.run("trust", "verify")
	if r.code != 3 || !strings.Contains(r.stdout, "command") {
		t.Errorf("trust verify of a changed command: exit %d, want 3\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r = g.run("trust", "diff"); r.code != 3 || !strings.Contains(r.stdout, "docs2") {
		t.Errorf("trust diff of a changed command: exit %d, want 3\n%s%s", r.code, r.stdout, r.stderr)
	}
	g.must("trust", "approve", "files")
	cs = goClient(t, g.url, k)
	defer func() { _ = cs.Close() }()
	res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "files__list_allowed_directories", Arguments: map[string]any{}})
	if err != nil || !strings.Contains(textOf(res), "docs2") {
		t.Errorf("after the approval: %v, error %v", res, err)
	}

	// A signal alone reloads too, and the log knows who asked.
	reloaded := g.log.count("configuration reloaded")
	_ = g.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the signal is heard", func() bool { return g.log.count("configuration reloaded") > reloaded })
	actors := map[string]int{}
	for _, rec := range g.records("--kind", "event") {
		if rec.Event == "config.reload" {
			actors[rec.Actor]++
		}
	}
	if actors["file"] < 1 || actors["signal"] != 1 {
		t.Errorf("reloads on record: %v", actors)
	}
	g.must("audit", "verify")
}

// goClientOrNone is goClient where a gateway with nothing to offer may refuse.
func goClientOrNone(t *testing.T, url, k string) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "go-client", Version: "1"}, nil)
	cs, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearer(k)}}, nil)
	if err != nil {
		return nil
	}
	return cs
}

func TestInitFromAClientsFile(t *testing.T) {
	t.Parallel()
	g := directory(t, "")
	if err := os.Remove(filepath.Join(g.dir, "doorward.yaml")); err != nil {
		t.Fatal(err)
	}
	everything, memory := server(t, "everything"), server(t, "memory")
	files := server(t, "filesystem", filepath.Join(g.dir, "docs"))
	entry := func(argv string, more string) string {
		command, args, _ := strings.Cut(strings.Trim(argv, "[]"), ", ")
		return fmt.Sprintf(`{"command": %s, "args": [%s]%s}`, command, args, more)
	}
	g.write("mcp.json", fmt.Sprintf(`{
  // as Cursor writes it
  "mcpServers": {
    "files": %s,
    "Every thing!": %s,
    "memory": %s,
    "nothing": {}
  },
}`, entry(files, ""), entry(everything, `, "env": {"TOKEN": "do-not-copy"}`), entry(memory, "")))
	out := g.must("init", "--from", "mcp.json")
	config, err := os.ReadFile(filepath.Join(g.dir, "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(config)+out, "do-not-copy") || !strings.Contains(out, "TOKEN") {
		t.Errorf("init said\n%s\nand wrote\n%s", out, config)
	}
	if r := g.run("init"); r.code != 1 {
		t.Errorf("init over a file that exists: exit %d", r.code)
	}
	g.write("doorward.yaml", string(config)+"\nlisten: {address: \"127.0.0.1:0\"}\n")
	g.env = []string{"TOKEN=do-not-copy"} // where the configuration now says it is
	g.serve()
	g.must("trust", "approve", "--all")
	cs := goClient(t, g.url, g.key("create", "me").Key)
	defer func() { _ = cs.Close() }()
	prefixes := map[string]int{}
	for tool, err := range cs.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		prefix, _, _ := strings.Cut(tool.Name, "__")
		prefixes[prefix]++
	}
	if len(prefixes) != 3 {
		t.Errorf("tools by upstream: %v", prefixes)
	}
}
