//go:build linux

package stress_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// childFlag makes the test binary the stdio server: what follows are the
// arguments of serveStdio.
const childFlag = "-stdio-server"

// doorward is the built binary, set once by TestMain.
var doorward string

// TestMain builds doorward once, without the race detector even where the tests
// have it: what is measured is what ships.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childFlag {
		serveStdio(os.Args[2:])
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doorward-stress-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	doorward = filepath.Join(dir, "doorward")
	build := exec.Command("go", "build", "-o", doorward, "doorward/cmd/doorward")
	if built := os.Getenv("DOORWARD_BINARY"); built != "" { // make test has built it
		build = exec.Command("cp", built, doorward)
	}
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building doorward:", err)
		return 1
	}
	return m.Run()
}

// times is how often a test does what it repeats: the number in a variable of the
// environment, which `make crash` sets, or else few.
func times(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s = %q", variable, text)
	}
	return n
}
