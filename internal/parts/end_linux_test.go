package parts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// process is one that runs or ran: a pid alone may come to mean another.
type process struct {
	pid     int
	parent  int
	started string
	name    string
}

// processes are all that live; zombies do not.
func processes(t *testing.T) map[int]process {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]process{}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		// The name in parentheses may hold anything; state, ppid, … start time follow (proc_pid_stat(5)).
		open, end := strings.IndexByte(string(raw), '('), strings.LastIndexByte(string(raw), ')')
		fields := strings.Fields(string(raw[end+1:]))
		if fields[0] == "Z" {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		all[pid] = process{pid, parent, fields[19], string(raw[open+1 : end])}
	}
	return all
}

// descendants are the children of a process, and theirs.
func descendants(t *testing.T, of int) []process {
	t.Helper()
	all := processes(t)
	var found []process
	for _, p := range all {
		for q := p; ; {
			if q.parent == of {
				found = append(found, p)
				break
			}
			var ok bool
			if q, ok = all[q.parent]; !ok {
				break
			}
		}
	}
	return found
}

func TestKillLeavesNoProcess(t *testing.T) {
	t.Parallel()
	config := threeServers(t) + fmt.Sprintf("  grandparent: {command: [sh, -c, \"sleep 600 & setsid sleep 601 & exec $0 $1\", %s, allow_launch: [code], sandbox: {read: [%q]}}\n", server(t, "everything")[1:], packages(t))
	g := start(t, config)
	if r := g.run("trust", "approve", "--all"); r.code != 3 || !strings.Contains(r.stderr, "shadow.clone") {
		t.Fatalf("one server run twice is to be reviewed: exit %d, %s", r.code, r.stderr)
	}
	g.must("trust", "approve", "everything", "echo")
	g.must("trust", "approve", "grandparent", "echo")
	cs := goClient(t, g.url, g.key("create", "me").Key)
	for _, name := range []string{"everything__echo", "grandparent__echo"} {
		if _, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{"message": "hello"}}); err != nil {
			t.Fatal(err)
		}
	}
	var before []process
	eventually(t, "the gateway's processes are there", func() bool {
		before = descendants(t, g.cmd.Process.Pid)
		sleeping := 0 // until then it is still a shell
		for _, p := range before {
			if p.name == "sleep" {
				sleeping++
			}
		}
		return sleeping == 2 && len(before) >= 6
	})
	if err := g.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-g.exited
	left := func() (left []process) {
		all := processes(t)
		for _, p := range before {
			if q, ok := all[p.pid]; ok && q.started == p.started {
				left = append(left, q)
			}
		}
		return left
	}
	eventually(t, "no process is left", func() bool { return len(left()) == 0 })
	g.must("audit", "verify")
}

func TestSIGTERMLetsACallFinish(t *testing.T) {
	t.Parallel()
	g := start(t, fmt.Sprintf("version: 1\nlisten: {address: \"127.0.0.1:0\"}\nupstreams:\n  everything: {command: %s}\n", server(t, "everything")))
	g.must("trust", "approve", "--all")
	// A call of the stateless era would be over each time the server asks for roots.
	cs := goClientOf(t, stateful, g.url, g.key("create", "me").Key)
	answered := make(chan error, 1)
	go func() {
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{
			Name: "everything__trigger-long-running-operation", Arguments: map[string]any{"duration": 2, "steps": 2},
		})
		if err == nil && !strings.Contains(textOf(r), "completed") {
			err = fmt.Errorf("the answer is %q", textOf(r))
		}
		answered <- err
	}()
	eventually(t, "the call is under way", func() bool {
		return len(g.records("--item", "trigger-long-running-operation", "--kind", "intent")) == 1
	})
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	select {
	case <-g.exited:
	case <-time.After(patience):
		t.Fatal("the gateway goes on")
	}
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	outcomes := g.records("--item", "trigger-long-running-operation", "--kind", "outcome")
	if len(outcomes) != 1 || outcomes[0].Status != "ok" {
		t.Errorf("outcomes %+v", outcomes)
	}
	g.must("audit", "verify")
}
