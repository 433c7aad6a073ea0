package parts_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// looks are the three things that the Inspector is made to do, and what its
// answer must hold.
var looks = []struct {
	name string
	args []string
	want string
}{
	{"list", []string{"--method", "tools/list"}, `"sdk__test_simple_text"`},
	{"call", []string{"--method", "tools/call", "--tool-name", "sdk__test_simple_text"}, `This is a simple text response for testing.`},
	{"read", []string{"--method", "resources/read", "--uri", "test://static-text"}, `test://static-text`},
}

func inspector(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(node(t), append([]string{packages(t, ".bin", "mcp-inspector"), "--cli"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "MCP_INSPECTOR_SECRET_STORE=memory", "HOME="+cmd.Dir)
	return cmd
}

func inspect(t *testing.T, target []string) {
	t.Helper()
	for _, look := range looks {
		t.Run(look.name, func(t *testing.T) {
			r := execute(t, inspector(t, append(target, append(look.args, "--format", "json", "-q")...)...))
			if r.code != 0 || !strings.Contains(r.stdout, look.want) {
				t.Errorf("exit %d, want 0 and %s in\n%s\n%s", r.code, look.want, r.stdout, r.stderr)
			}
		})
	}
}

// everythingServer starts the Go SDK's over HTTP and returns its URL.
func everythingServer(t *testing.T, stateless bool) string {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.Command(part(t, ".parts", "bin", "everything-server"), "-http", address, fmt.Sprintf("-stateless=%t", stateless))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "everything-server", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return "http://" + address
}

func TestInspectorOverHTTP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		era       string
		stateless bool
	}{{"legacy", false}, {"modern", true}, {"auto", true}, {"auto", false}} {
		t.Run(fmt.Sprintf("%s/stateless=%t", tc.era, tc.stateless), func(t *testing.T) {
			t.Parallel()
			g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  sdk: {url: %q}\n", everythingServer(t, tc.stateless)))
			g.must("trust", "approve", "sdk")
			inspect(t, []string{
				g.url, "--transport", "http", "--protocol-era", tc.era,
				"--header", "Authorization: Bearer " + g.key("create", "inspector").Key,
			})
			// The credential decides, and the Inspector says so.
			r := execute(t, inspector(t, g.url, "--transport", "http", "--protocol-era", tc.era,
				"--header", "Authorization: Bearer dw_wrong", "--method", "tools/list", "-q", "--stored-auth-only"))
			if r.code == 0 {
				t.Errorf("a wrong key lists tools: %s", r.stdout)
			}
		})
	}
}

func TestInspectorOverStdio(t *testing.T) {
	t.Parallel()
	for _, era := range []string{"legacy", "modern", "auto"} {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			g := directory(t, fmt.Sprintf("version: 1\nupstreams:\n  sdk: {command: [%q]}\n", part(t, ".parts", "bin", "everything-server")))
			g.must("trust", "approve", "sdk")
			inspect(t, []string{doorward, "stdio", "-e", "DOORWARD_CONFIG=" + g.dir + "/doorward.yaml", "--protocol-era", era})
			if r := g.run("audit", "verify"); r.code != 0 {
				t.Errorf("audit verify: exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}
