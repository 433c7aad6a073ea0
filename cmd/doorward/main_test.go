package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// program is the directory of doorward as its users build it: the scripts start it hundreds
// of times, and the race detector watches the same code in the tests of its packages.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if program, err = os.MkdirTemp("", "doorward-program-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(program) }()
	build := []string{"go", "build", "-o", program, "."}
	if built := os.Getenv("DOORWARD_BINARY"); built != "" { // make test has built it
		build = []string{"cp", built, program}
	}
	if out, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building doorward: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// An address on which somebody else listens.
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { ln.Close() })
			env.Setenv("TAKEN", ln.Addr().String())
			env.Setenv("NO_COLOR", "1")
			env.Setenv("PATH", program+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "signed": signed},
	})
}

// exits runs a command that must end with a certain exit code:
//
//	exits 2 doorward --nonsense
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if code != want {
		ts.Fatalf("%s", fmt.Sprintf("exit code %d, want %d", code, want))
	}
}
