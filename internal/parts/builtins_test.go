package parts_test

import (
	"database/sql"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	_ "modernc.org/sqlite" // makes the database
)

// ownServers is a configuration with Doorward's own four servers.
const ownServers = `version: 1
listen: {address: "127.0.0.1:0"}
upstreams:
  notes: {builtin: files, root: docs}
  shop: {builtin: sql, dsn: shop, tables: [orders]}
  handbook: {builtin: docs}
  ops:
    builtin: commands
    commands: {state: {argv: [/bin/echo, "unit {unit}"], description: Show the state of a unit., read_only: true}}
    parameters: {unit: {enum: [nginx, redis]}}
secrets: {shop: {from: "file:$DIR/dsn"}}
`

// ownCalls are a call of each of them, and what must stand in its structured content.
var ownCalls = []struct {
	Name      string         `json:"name"`
	Arguments map[string]any `json:"arguments"`
	want      string
}{
	{"notes__stat", map[string]any{"path": "hello.txt"}, `"kind":"file"`},
	{"shop__query", map[string]any{"sql": "SELECT item FROM orders WHERE id = ?", "params": []any{1}}, `"rows":[["green tea"]]`},
	{"handbook__search", map[string]any{"query": "how is the service enabled on linux", "k": 1}, `"heading":"Linux"`},
	{"ops__state", map[string]any{"unit": "nginx"}, `"stdout":"unit nginx\n"`},
}

// ownResources are those that are read, and what must stand in them.
var ownResources = []struct{ uri, want string }{
	{"files://notes/hello.txt", "hello from a file"},
	{"docs://handbook/book/install.md", "run the installer"},
}

// ownSeen is what a client saw of the four.
type ownSeen struct {
	Tools  []*mcp.Tool               `json:"tools"`
	Called []*mcp.CallToolResult     `json:"called"`
	Read   []*mcp.ReadResourceResult `json:"read"`
}

// startOwn starts a gateway with the four, whose documents are in and which are approved.
func startOwn(t *testing.T) *gateway {
	t.Helper()
	g := directory(t, ownServers)
	db, err := sql.Open("sqlite", filepath.Join(g.dir, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`CREATE TABLE orders (id integer PRIMARY KEY, item text); INSERT INTO orders VALUES (1, 'green tea')`); err != nil {
		t.Fatal(err)
	}
	g.write("dsn", "sqlite:"+filepath.Join(g.dir, "shop.db"))
	g.write("book/install.md", "# Install\n\nUnpack the archive and run the installer.\n\n## Linux\n\nThe service is enabled with systemctl.\n")
	g.must("docs", "ingest", "--name", "book", "book")
	g.serve()
	g.must("trust", "approve", "--all")
	return g
}

// ownUse is one client of the four, with a key of its own. Its name is that of who calls.
type ownUse struct {
	name   string
	Client string `json:"client"` // go; v1 or v2 of the TypeScript SDK; inspector
	Era    string `json:"era"`
	Key    string `json:"key"`
}

// The Inspector and the SDKs use Doorward's own four servers in both eras: what the tools
// answer fits the schemas that they are listed with, and each call is on record.
func TestClientsOfOwnServers(t *testing.T) {
	t.Parallel()
	g := startOwn(t)
	uses := []ownUse{
		{name: "go-stateful", Client: "go", Era: "stateful"},
		{name: "go-stateless", Client: "go", Era: "stateless"},
		{name: "typescript-1", Client: "v1", Era: "stateful"},
		{name: "typescript-2", Client: "v2", Era: "stateless"},
		{name: "inspector-stateful", Client: "inspector", Era: "stateful"},
		{name: "inspector-stateless", Client: "inspector", Era: "stateless"},
	}
	for i := range uses {
		uses[i].Key = g.key("create", uses[i].name).Key
	}
	seen := append(ownByGo(t, g, uses[:2]), ownByNode(t, g, uses[2:])...)
	records := g.records("--kind", "outcome")
	for i, u := range uses {
		t.Run(u.name, func(t *testing.T) {
			seen[i].check(t)
			var made []string
			for _, r := range records {
				if r.Principal.Subject == u.name && (r.Method == "tools/call" || r.Method == "resources/read") {
					made = append(made, strings.Join([]string{r.Era, r.Status, r.Code}, " "))
				}
			}
			if n := len(ownCalls) + len(ownResources); !slices.Equal(made, slices.Repeat([]string{u.Era + " ok "}, n)) {
				t.Errorf("on record: %q, want %d that are %s and ok", made, n, u.Era)
			}
		})
	}
	g.must("audit", "verify")
}

// check holds what a client saw to what it must see.
func (s *ownSeen) check(t *testing.T) {
	t.Helper()
	if len(s.Called) != len(ownCalls) || len(s.Read) != len(ownResources) {
		t.Fatalf("%d calls and %d resources were answered", len(s.Called), len(s.Read))
	}
	for i, call := range ownCalls {
		at := slices.IndexFunc(s.Tools, func(tool *mcp.Tool) bool { return tool.Name == call.Name })
		if at < 0 {
			t.Errorf("%s is not listed", call.Name)
			continue
		}
		r := s.Called[i]
		if err := fits(s.Tools[at].OutputSchema, r.StructuredContent); err != nil {
			t.Errorf("%s answers what its schema does not have: %v", call.Name, err)
		}
		content, err := json.Marshal(r.StructuredContent)
		if err != nil || r.IsError || !strings.Contains(string(content), call.want) || len(r.Content) == 0 {
			t.Errorf("%s: %s with %d blocks (error: %t, %v), want %s", call.Name, content, len(r.Content), r.IsError, err, call.want)
		}
	}
	for i, resource := range ownResources {
		c := s.Read[i].Contents
		if len(c) != 1 || c[0].URI != resource.uri || !strings.Contains(c[0].Text, resource.want) {
			t.Errorf("%s: %+v, want %s", resource.uri, c, resource.want)
		}
	}
}

// fits tells how a value breaks a schema; both are as the SDK decoded them.
func fits(schema, value any) error {
	raw, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	r, err := s.Resolve(nil)
	if err != nil {
		return err
	}
	return r.Validate(value)
}

func ownByGo(t *testing.T, g *gateway, uses []ownUse) (all []*ownSeen) {
	t.Helper()
	for _, u := range uses {
		version := stateful
		if u.Era == "stateless" {
			version = stateless
		}
		cs := goClientOf(t, version, g.url, u.Key)
		all = append(all, ownBySession(t, cs))
		_ = cs.Close()
	}
	return all
}

func ownBySession(t *testing.T, cs *mcp.ClientSession) *ownSeen {
	t.Helper()
	listed, err := cs.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &ownSeen{Tools: listed.Tools}
	for _, call := range ownCalls {
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: call.Name, Arguments: call.Arguments})
		if err != nil {
			t.Fatalf("%s: %v", call.Name, err)
		}
		s.Called = append(s.Called, r)
	}
	for _, resource := range ownResources {
		r, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: resource.uri})
		if err != nil {
			t.Fatalf("%s: %v", resource.uri, err)
		}
		s.Read = append(s.Read, r)
	}
	return s
}

// ownByNode has the clients that are no Go in one process: most of what they cost is to load them.
func ownByNode(t *testing.T, g *gateway, uses []ownUse) (all []*ownSeen) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("testdata", "builtins.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	var uris []string
	for _, resource := range ownResources {
		uris = append(uris, resource.uri)
	}
	wishes, err := json.Marshal(map[string]any{"uses": uses, "calls": ownCalls, "uris": uris})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node(t), script, packages(t), g.url, string(wishes))
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Environ(), "MCP_INSPECTOR_SECRET_STORE=memory", "HOME="+cmd.Dir)
	r := execute(t, cmd)
	if r.code != 0 {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	decode := func(v any) {
		if err := dec.Decode(v); err != nil {
			t.Fatalf("%v in\n%s\n%s", err, r.stdout, r.stderr)
		}
	}
	for _, u := range uses {
		s := &ownSeen{}
		if u.Client == "inspector" {
			s.decode(decode)
		} else {
			decode(s)
		}
		all = append(all, s)
	}
	return all
}

// decode reads what the Inspector's runs printed.
func (s *ownSeen) decode(next func(any)) {
	var list struct{ Result mcp.ListToolsResult }
	next(&list)
	s.Tools = list.Result.Tools
	for range ownCalls {
		var one struct{ Result mcp.CallToolResult }
		next(&one)
		s.Called = append(s.Called, &one.Result)
	}
	for range ownResources {
		var one struct{ Result mcp.ReadResourceResult }
		next(&one)
		s.Read = append(s.Read, &one.Result)
	}
}
