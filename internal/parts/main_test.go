package parts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/sandbox/lacking"
)

// doorward is the binary under test, and oneEra holds a server to one era; both
// are built by TestMain.
var doorward, oneEra string

// fixtureWord is the argument that makes this binary the server of the matrix;
// a directory for its gates follows.
const fixtureWord = "serve-the-fixture"

// withoutWord is the argument that takes a layer of the sandbox from this process, which
// becomes the program that follows then.
const withoutWord = "without"

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == withoutWord {
		err := lacking.From(os.Args[2])
		if err == nil {
			err = syscall.Exec(os.Args[3], os.Args[3:], os.Environ())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == fixtureWord {
		if err := fixture(gates(os.Args[2])).Run(context.Background(), &mcp.StdioTransport{}); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == howToWord {
		if err := howToServer().Run(context.Background(), &mcp.StdioTransport{}); err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doorward-parts-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	doorward, oneEra = filepath.Join(dir, "doorward"), filepath.Join(dir, "one-era")
	for path, source := range map[string]string{doorward: "doorward/cmd/doorward", oneEra: "doorward/internal/parts/testdata/one-era"} {
		build := []string{"go", "build", "-o", path, source}
		if built := os.Getenv("DOORWARD_BINARY"); built != "" && path == doorward { // make test has built it
			build = []string{"cp", built, path}
		}
		if out, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", source, err, out)
			return 1
		}
	}
	return m.Run()
}

// self is the path of this test's binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// part is the path of something that scripts/parts installs. Without it the
// test fails with one line.
func part(t *testing.T, path ...string) string {
	t.Helper()
	name, err := filepath.Abs(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("%s is missing: run scripts/parts first (make test does)", filepath.Join(path...))
	}
	return name
}

func packages(t *testing.T, path ...string) string {
	t.Helper()
	return part(t, append([]string{"testdata", "npm", "node_modules"}, path...)...)
}

func node(t *testing.T) string {
	t.Helper()
	return packages(t, ".bin", "node")
}

// server is the argv of one of the reference servers, as YAML and JSON.
func server(t *testing.T, name string, args ...string) string {
	t.Helper()
	argv := append([]string{node(t), packages(t, "@modelcontextprotocol", "server-"+name, "dist", "index.js")}, args...)
	return `["` + strings.Join(argv, `", "`) + `"]`
}

// threeServers is a configuration with the reference servers as upstreams.
func threeServers(t *testing.T) string {
	t.Helper()
	// The memory server keeps what it is told beside its code otherwise.
	memory := `[env, MEMORY_FILE_PATH=$DIR/kept/memory.jsonl, ` + server(t, "memory")[1:]
	return fmt.Sprintf(`version: 1
listen: {address: "127.0.0.1:0"}
upstreams:
  files: {command: %s, sandbox: {read: [docs]}}
  everything: {command: %s}
  memory: {command: %s, sandbox: {write: [kept]}}
`, server(t, "filesystem", "docs"), server(t, "everything"), memory)
}

// result is what a program printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// patience is how long a test waits for what must come: longer than it takes where tests of
// other packages have the machine busy. How soon it must come, the tests of the packages hold
// by clocks of their own.
const patience = 2 * time.Minute

// execute runs a program to its end, at most for as long as the tests wait.
func execute(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	_ = cmd.Wait() // the exit code says it
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// eventually waits for a condition of another process.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
