package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"doorward/internal/sandbox"
	"doorward/internal/supervise"
)

// What the binary is for itself must not wait for the gateway's packages: the trace of the
// initialisation (GODEBUG=inittrace=1) says which were initialised.
func TestRolesRunBeforeThePackagesOfTheGateway(t *testing.T) {
	t.Parallel()
	const databases, schemas, json = "modernc.org/sqlite", "github.com/santhosh-tekuri/jsonschema/v6", "encoding/json"
	for name, c := range map[string]struct {
		args []string
		has  []string
		lack []string
	}{
		"the command":     {[]string{"doorward", "version"}, []string{databases, schemas, json}, nil},
		"the supervisor":  {[]string{supervise.Name, "/bin/true", "true"}, nil, []string{databases, schemas, json}},
		"inside":          {[]string{sandbox.Name, "wait"}, nil, []string{databases, schemas}},
		"inside, by path": {[]string{sandbox.Entry, "wait"}, nil, []string{databases, schemas}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := &exec.Cmd{Path: filepath.Join(program, "doorward"), Args: c.args, Env: []string{"GODEBUG=inittrace=1"}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var initialised []string
			for _, m := range regexp.MustCompile(`(?m)^init (\S+) @`).FindAllSubmatch(out, -1) {
				initialised = append(initialised, string(m[1]))
			}
			if !slices.Contains(initialised, "os") {
				t.Fatalf("no trace: %s", out)
			}
			for _, p := range c.has {
				if !slices.Contains(initialised, p) {
					t.Errorf("%s was not initialised, so that its absence says nothing", p)
				}
			}
			for _, p := range c.lack {
				if slices.Contains(initialised, p) {
					t.Errorf("%s was initialised", p)
				}
			}
		})
	}
}
