package clients_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/clients"
)

// What one server set for itself is not set for Doorward, or for every other
// command: such a variable gets another name on the way.
func TestVariablesThatSteerDoorwardAreRenamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HOME", "home", "SSL_CERT_FILE", "GODEBUG", "GOFLAGS", "DOORWARD_CONFIG", "DOORWARD_TRANSPORT", "XDG_CONFIG_HOME", "TMPDIR", "LC_ALL", "HTTPS_PROXY"} {
		path := filepath.Join(t.TempDir(), "mcp.json")
		if err := os.WriteFile(path, []byte(`{"mcpServers":{"a":{"command":"x","env":{"`+name+`":"`+canary+`"}}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		im, err := clients.FromFile(clients.Env{GOOS: "linux", Home: t.TempDir()}, path)
		if err != nil {
			t.Fatal(err)
		}
		env := im.Upstreams["a"].Env
		if from := im.Secrets[env[name]].From; len(env) != 1 || from != "env:X_"+name || strings.Contains(from, canary) {
			t.Errorf("%s is read from %q", name, from)
		}
	}
}
