package clients_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/clients"
	"doorward/internal/config"
)

// What Doorward needs of the servers that it takes the place of stays in the
// client's file, for Doorward; it is printed nowhere, a second install keeps it,
// and uninstall brings back what there was.
func TestInstallCarriesVariables(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"cursor": `{
  // mine
  "mcpServers": {
    "a": {"command": "one", "args": ["x"], "env": {"TOKEN": "` + canary + `", "OTHER": "left"}},
    "b": {"url": "https://b.example/mcp", "headers": {"Authorization": "Bearer ` + canary + `-b"}},
    "c": {"command": "unserved", "env": {"TOKEN": "elsewhere"}}
  }
}
`,
		"codex": "# mine\n[mcp_servers.a]\ncommand = \"one\"\nargs = [\"x\"]\n\n[mcp_servers.a.env]\nTOKEN = \"" + canary + "\"\nOTHER = \"left\"\n\n[mcp_servers.b]\nurl = \"https://b.example/mcp\"\n\n[mcp_servers.b.http_headers]\nAuthorization = \"Bearer " + canary + "-b\"\n\n[mcp_servers.c]\ncommand = \"unserved\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := clients.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			q := clients.Request{
				Client: c, Env: clients.Env{GOOS: "linux", Home: home}, Scope: clients.ScopeUser, Target: byCommand(),
				Upstreams: map[string]config.Upstream{
					"a": {Command: []string{"one", "x"}, Env: map[string]string{"TOKEN": "a-token"}},
					"b": {URL: "https://b.example/mcp", Credential: &config.Credential{Bearer: "b-token"}},
				},
				Secrets: map[string]config.Secret{"a-token": {From: "env:A_TOKEN"}, "b-token": {From: "env:B_TOKEN"}},
			}
			path := place(t, q.Env, c, q.Scope).Path
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			res := install(t, q, clients.StateInstalled)
			if got := strings.Join(res.Carried, " "); got != "A_TOKEN B_TOKEN" {
				t.Errorf("carried %s", got)
			}
			written, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"A_TOKEN", "B_TOKEN", canary + `-b"`, "unserved", "mine"} {
				if !strings.Contains(string(written), want) {
					t.Errorf("no %s in %s", want, written)
				}
			}
			if strings.Contains(string(written), "left") {
				t.Errorf("a variable that Doorward does not need was carried: %s", written)
			}
			install(t, q, clients.StateAlready)
			uninstall(t, q, clients.StateRestored)
			if back, err := os.ReadFile(path); err != nil || string(back) != text {
				t.Errorf("%s came back, %v", back, err)
			}
			q.Target = byURL()
			if res := install(t, q, clients.StateInstalled); res.Carried != nil {
				t.Errorf("carried %v to a gateway that is not started", res.Carried)
			}
		})
	}
}
