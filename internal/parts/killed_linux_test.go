package parts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// running is the process below of, but not a child's supervisor, that runs what
// the words name.
func running(t *testing.T, of int, words string) (process, bool) {
	t.Helper()
	found := slices.DeleteFunc(descendants(t, of), func(p process) bool {
		argv, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		return err != nil || !strings.Contains(string(argv), words) || strings.HasPrefix(string(argv), "doorward")
	})
	if len(found) != 1 {
		return process{}, false
	}
	return found[0], true
}

// useThree calls a tool of each of the three servers but those left out, after
// listing what all of them have.
func useThree(t *testing.T, cs *mcp.ClientSession, but ...string) {
	t.Helper()
	prefixes := map[string]int{}
	for tool, err := range cs.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		prefix, _, _ := strings.Cut(tool.Name, "__")
		prefixes[prefix]++
	}
	for _, tc := range []struct {
		upstream, tool string
		args           map[string]any
		want           string
	}{
		{"files", "read_text_file", map[string]any{"path": "hello.txt"}, "hello from a file"},
		{"everything", "echo", map[string]any{"message": "hello"}, "hello"},
		{"memory", "read_graph", map[string]any{}, "entities"},
	} {
		if prefixes[tc.upstream] == 0 {
			t.Errorf("the list has no tools of %s: %v", tc.upstream, prefixes)
		}
		if slices.Contains(but, tc.upstream) {
			continue
		}
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: tc.upstream + "__" + tc.tool, Arguments: tc.args})
		if err != nil || r.IsError || !strings.Contains(textOf(r), tc.want) {
			t.Errorf("%s: %+v, error %v, want %q", tc.tool, r, err, tc.want)
		}
	}
}

// A server that is killed in the middle of a call ends that call alone: the
// other two go on, the list stays whole, and the killed one is back by itself.
// It measures, and so runs beside no other test.
func TestOneOfThreeServersIsKilled(t *testing.T) {
	g := start(t, threeServers(t))
	g.must("trust", "approve", "--all")
	steps := make(chan struct{}, 100)
	cs := goClient(t, g.url, g.key("create", "me").Key, func(o *mcp.ClientOptions) {
		o.ProgressNotificationHandler = func(context.Context, *mcp.ProgressNotificationClientRequest) { steps <- struct{}{} }
	})
	defer func() { _ = cs.Close() }()
	useThree(t, cs)

	answered := make(chan error, 1)
	go func() {
		p := &mcp.CallToolParams{Name: "everything__trigger-long-running-operation", Arguments: map[string]any{"duration": 60, "steps": 600}}
		p.SetProgressToken("long")
		_, err := cs.CallTool(t.Context(), p)
		answered <- err
	}()
	select {
	case <-steps:
	case err := <-answered:
		t.Fatalf("the long call was answered at once: %v", err)
	}
	victim, ok := running(t, g.cmd.Process.Pid, "server-everything")
	if !ok {
		t.Fatalf("no process of server-everything among %v", descendants(t, g.cmd.Process.Pid))
	}
	if err := syscall.Kill(victim.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	select {
	case err := <-answered:
		var fault *jsonrpc.Error
		var data struct {
			Code string `json:"code"`
		}
		if !errors.As(err, &fault) || json.Unmarshal(fault.Data, &data) != nil || data.Code != "upstream.outcome_unknown" || !strings.Contains(fault.Message, "everything") {
			t.Errorf("the call under way: %v (%+v)", err, fault)
		}
	case <-time.After(patience):
		t.Fatal("the call under way is not answered")
	}
	t.Logf("the call under way was answered after %v", time.Since(began).Round(time.Millisecond))
	useThree(t, cs, "everything")
	eventually(t, "the killed server is back", func() bool {
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "everything__echo", Arguments: map[string]any{"message": "again"}})
		return err == nil && !r.IsError && strings.Contains(textOf(r), "again")
	})
	useThree(t, cs)
	if now, ok := running(t, g.cmd.Process.Pid, "server-everything"); !ok || now.pid == victim.pid {
		t.Errorf("the killed process %v was not replaced: %v", victim, descendants(t, g.cmd.Process.Pid))
	}
	// The server asks for its client's roots a moment after it has started. Where that falls into
	// the call, the call has an earlier round, which ended well; and where it is killed before the
	// next, that names no tool any more.
	rounds := g.records("--item", "trigger-long-running-operation", "--kind", "outcome")
	unknown := g.records("--code", "upstream.outcome_unknown", "--kind", "outcome")
	if n := len(rounds); n == 0 || n > 2 || n == 2 && rounds[0].Status != "ok" ||
		len(unknown) != 1 || unknown[0].Status != "failed" {
		t.Errorf("the outcomes on record: %+v, unknown %+v", rounds, unknown)
	}
	g.must("audit", "verify")
}
