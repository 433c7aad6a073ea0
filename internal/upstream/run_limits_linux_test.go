package upstream_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// bomb runs a script that takes what it can, in a sandbox with these limits. It fails unless the script
// is ended for that limit, which is on record, and its caller's next run is held back, but nobody
// else's.
func bomb(t *testing.T, script, limit string, limits sandbox.Limits) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("[ $1 = well ] && exit\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var met []string
	p := runPool(t, map[string]upstream.Run{"x": {Argv: []string{"sh", path, "{how}"}}}, func(c *upstream.Config) {
		c.Upstreams[0].Sandbox = &upstream.Confinement{Given: sandbox.Given{Read: []string{path}, Limits: limits}}
		c.Events = func(_ context.Context, e gate.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if e.Kind == "upstream.limit" {
				met = append(met, e.Detail)
			}
			return nil
		}
	})
	run := func(caller, how string) (upstream.Ended, error) {
		return p.Run(t.Context(), "up", upstream.Running{Name: "x", Of: "test", Argv: []string{"sh", path, how}, Caller: caller, Stdout: io.Discard, Stderr: io.Discard})
	}
	if how, err := run("one", "all"); err != nil || how.Limit != limit || how.Status == 0 {
		t.Errorf("%+v, %v", how, err)
	}
	mu.Lock()
	if len(met) != 1 || !strings.HasPrefix(met[0], limit+": x: ") {
		t.Errorf("on record is %q", met)
	}
	mu.Unlock()
	if how, err := run("one", "well"); gate.CodeOf(err) != gate.CodeUpstreamDown || how.Started {
		t.Errorf("it is not held back: %+v, %v", how, err)
	}
	if how, err := run("other", "well"); err != nil || how.Status != 0 {
		t.Errorf("another caller's: %+v, %v", how, err)
	}
}

// TestSBX09_RunOfManyProcesses: a run that starts processes without end is ended with all of them.
func TestSBX09_RunOfManyProcesses(t *testing.T) {
	t.Parallel()
	limits := roomy()
	limits.Tasks = 24
	bomb(t, "(while :; do sleep 1000 & done) 2>/dev/null; sleep 1000", sandbox.OverTasks, limits)
}
