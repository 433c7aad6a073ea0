package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/argv"
	"doorward/internal/builtin/commands"
)

// started runs commands as this process does.
func started(ctx context.Context, r *commands.Run) (commands.Ended, error) {
	cmd := exec.CommandContext(ctx, r.Argv[0], r.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = r.Stdout, r.Stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); ended && ctx.Err() == nil {
		err = nil
	}
	return commands.Ended{Status: cmd.ProcessState.ExitCode()}, err
}

// connected is a client of a server with these commands.
func connected(t *testing.T, set commands.Settings, options *mcp.ClientOptions) *mcp.ClientSession {
	t.Helper()
	set.Name, set.Version = "ops", "1"
	s, err := commands.New(set)
	if err != nil {
		t.Fatal(err)
	}
	here, there := mcp.NewInMemoryTransports()
	at, err := s.Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, options).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = at.Wait() })
	return c
}

type answer struct {
	Ended     string
	ExitCode  int `json:"exit_code"`
	Signal    string
	Limit     string
	Stdout    string
	Stderr    string
	Truncated bool
	Replaced  bool
}

func call(t *testing.T, c *mcp.ClientSession, name string, args map[string]any) (a answer, r *mcp.CallToolResult, err error) {
	t.Helper()
	if r, err = c.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: args}); err != nil {
		return a, r, err
	}
	raw, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	return a, r, err
}

// A command is a tool with a schema of its parameters; what it wrote and how it ended is in the
// answer, and a bad end is an error.
func TestCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := dir + "/script"
	if err := os.WriteFile(script, []byte("printf 'to %s\\377\\033[2J\\n' \"$1\"; echo aside >&2; exit $2"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := commands.Command{Timeout: time.Minute, Output: 1 << 10}
	run, big, cut := one, one, one
	run.Argv, run.Description = []string{"sh", script, "{who}", "{status}"}, "Say it."
	big.Argv, big.ReadOnly = []string{"seq", "1", "{status}"}, true
	cut.Argv, cut.Output = []string{"printf", "{who}"}, 2
	c := connected(t, commands.Settings{Run: started, Commands: map[string]commands.Command{"run": run, "big": big, "cut": cut}, Parameters: map[string]commands.Parameter{
		"who": {Rule: argv.Rule{Pattern: "[^ ]+", Default: "all"}}, "status": {Rule: argv.Rule{Type: argv.Integer, Minimum: new(int64(0)), Maximum: new(int64(5000))}},
	}}, nil)
	list, err := c.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) != 3 {
		t.Fatal(list, err)
	}
	for _, tool := range list.Tools {
		raw, err := json.Marshal(tool.InputSchema)
		if err != nil {
			t.Fatal(err)
		}
		if tool.Name == "run" && (string(raw) != `{"additionalProperties":false,"properties":{"status":{"maximum":5000,"minimum":0,"type":"integer"},"who":{"description":"all unless it is sent.","maxLength":256,"minLength":1,"pattern":"^(?:[^ ]+)$","type":"string"}},"required":["status"],"type":"object"}` || !strings.HasPrefix(tool.Description, "Say it. ")) {
			t.Errorf("%s: %s", raw, tool.Description)
		}
		if a := tool.Annotations; a.ReadOnlyHint != (tool.Name == "big") || *a.DestructiveHint == a.ReadOnlyHint {
			t.Errorf("%s: %+v", tool.Name, a)
		}
	}
	if a, r, err := call(t, c, "run", map[string]any{"status": 0, "who": "$(id)"}); err != nil || r.IsError || a.Ended != "exited" || a.Stdout != "to $(id)\ufffd\ufffd[2J\n" || a.Stderr != "aside\n" || !a.Replaced || a.Truncated {
		t.Errorf("%+v, %+v, %v", a, r, err)
	}
	if a, r, err := call(t, c, "run", map[string]any{"status": 3}); err != nil || !r.IsError || a.ExitCode != 3 || !strings.Contains(r.Content[0].(*mcp.TextContent).Text, "exit code 3\n--- stdout\nto all") {
		t.Errorf("%+v, %+v, %v", a, r, err)
	}
	if a, _, err := call(t, c, "run", map[string]any{"status": 137}); err != nil || a.Signal != "killed" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := call(t, c, "big", map[string]any{"status": 5000}); err != nil || len(a.Stdout) != 1<<10 || !a.Truncated || a.Replaced {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := call(t, c, "cut", map[string]any{"who": "aé"}); err != nil || a.Stdout != "a" || !a.Truncated || a.Replaced {
		t.Errorf("a character that was cut: %+v, %v", a, err)
	}
	for _, args := range []map[string]any{
		{}, {"status": "1"}, {"status": 1.5}, {"status": -1}, {"status": true}, {"status": nil}, {"status": 1, "who": 1}, {"status": 1, "who": []string{"a"}}, {"status": 1, "else": "x"},
	} {
		var wrong *jsonrpc.Error
		if _, _, err := call(t, c, "run", args); !errors.As(err, &wrong) || wrong.Code != jsonrpc.CodeInvalidParams {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// A command that writes without end is ended, and so is one that takes too long; what they wrote
// is in the answer.
func TestCommandsEnded(t *testing.T) {
	t.Parallel()
	set := commands.Settings{Run: started, Commands: map[string]commands.Command{
		"flood": {Argv: []string{"yes"}, Timeout: time.Minute, Output: 4},
		"wait":  {Argv: []string{"tail", "-n", "1", "-f", "commands_test.go"}, Timeout: 200 * time.Millisecond, Output: 1 << 10},
	}}
	c := connected(t, set, nil)
	if a, r, err := call(t, c, "flood", nil); err != nil || !r.IsError || a.Ended != "output" || a.Stdout != "y\ny\n" || !a.Truncated {
		t.Errorf("%+v, %v", a, err)
	}
	if a, r, err := call(t, c, "wait", nil); err != nil || !r.IsError || a.Ended != "timeout" {
		t.Errorf("%+v, %v", a, err)
	}
}

// What could not be run is an error that says what its runner says.
func TestCommandsNotRun(t *testing.T) {
	t.Parallel()
	c := connected(t, commands.Settings{
		Run: func(context.Context, *commands.Run) (commands.Ended, error) {
			return commands.Ended{}, errors.New("it is held")
		},
		Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Minute, Output: 4}},
	}, nil)
	if r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "x"}); err != nil || !r.IsError || r.StructuredContent != nil || r.Content[0].(*mcp.TextContent).Text != "it is held" {
		t.Errorf("%+v, %v", r, err)
	}
	changed := connected(t, commands.Settings{
		Run: func(ctx context.Context, r *commands.Run) (commands.Ended, error) {
			_, _ = r.Stdout.Write(make([]byte, 65<<20)) // a flood, which would be the answer
			<-ctx.Done()
			return commands.Ended{}, fmt.Errorf("%w: x", commands.ErrWithheld)
		},
		Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Millisecond, Output: 4}},
	}, nil)
	if r, err := changed.CallTool(t.Context(), &mcp.CallToolParams{Name: "x"}); err != nil || !r.IsError || r.StructuredContent != nil || !strings.Contains(r.Content[0].(*mcp.TextContent).Text, "withheld") {
		t.Errorf("of files that were changed: %+v, %v", r, err)
	}
	for _, set := range []commands.Settings{
		{Commands: map[string]commands.Command{"x": {Argv: []string{"echo", "{v}"}}}},
		{Commands: map[string]commands.Command{"x": {Argv: []string{"echo", "{v}"}}}, Parameters: map[string]commands.Parameter{"v": {}}},
	} {
		if _, err := commands.New(set); err == nil {
			t.Errorf("%+v is served", set)
		}
	}
}

// A call that nobody waits for any more ends its command, and no more than 16 run at once.
func TestCommandsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most, cancelled := 0, 0, 0
		c := connected(t, commands.Settings{
			Run: func(ctx context.Context, _ *commands.Run) (commands.Ended, error) {
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				running--
				cancelled++
				return commands.Ended{}, ctx.Err()
			},
			Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Hour, Output: 4}},
		}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() { _, _ = c.CallTool(ctx, &mcp.CallToolParams{Name: "x"}) })
		}
		synctest.Wait()
		cancel()
		calls.Wait()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if most != 16 || running != 0 || cancelled < 16 {
			t.Errorf("%d at once, %d left, %d cancelled", most, running, cancelled)
		}
	})
}

// Who asks for progress hears the lines while the command runs, few messages of many lines, and
// nobody else does.
func TestCommandsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []*mcp.ProgressNotificationParams
		options := &mcp.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r.Params)
		}}
		c := connected(t, commands.Settings{
			Run: func(_ context.Context, r *commands.Run) (commands.Ended, error) {
				r.Began(func() error { return nil })
				for i := range 10_000 {
					_, _ = fmt.Fprintf(r.Stdout, "line %d\x1b[2J\nhalf", i)
					if i == 0 {
						_, _ = io.WriteString(r.Stderr, strings.Repeat("x", 5000)+"\n")
					}
					time.Sleep(time.Millisecond)
				}
				return commands.Ended{}, nil
			},
			Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Hour, Output: 4}},
		}, options)
		if _, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "x"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(heard) != 0 {
			t.Errorf("%d messages that nobody asked for", len(heard))
		}
		params := &mcp.CallToolParams{Name: "x"}
		params.SetProgressToken("p")
		if _, err := c.CallTool(t.Context(), params); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(heard) < 35 || len(heard) > 41 || !strings.HasPrefix(heard[0].Message, "line 0\ufffd[2J\n"+strings.Repeat("x", 1024)+"\nhalfline 1") {
			t.Fatalf("%d messages, the first %.90q", len(heard), heard[0].Message)
		}
		for i, h := range heard {
			if h.ProgressToken != "p" || len(h.Message) > 3*4096 || i > 0 && h.Progress <= heard[i-1].Progress {
				t.Errorf("message %d: %v %v, %d bytes", i, h.ProgressToken, h.Progress, len(h.Message))
			}
		}
	})
}

// What was written after the command became another one is told to nobody: each message is sent once
// that was asked.
func TestCommandsProgressStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []string
		options := &mcp.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r.Params.Message)
		}}
		changed := false
		c := connected(t, commands.Settings{
			Run: func(_ context.Context, r *commands.Run) (commands.Ended, error) {
				r.Began(func() error {
					mu.Lock()
					defer mu.Unlock()
					if changed {
						return errors.New("it is another one")
					}
					return nil
				})
				for _, line := range []string{"approved", "another", "again"} {
					mu.Lock()
					changed = line != "approved"
					mu.Unlock()
					_, _ = fmt.Fprintln(r.Stdout, line)
					time.Sleep(time.Second)
				}
				return commands.Ended{}, commands.ErrWithheld
			},
			Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Hour, Output: 4}},
		}, options)
		params := &mcp.CallToolParams{Name: "x"}
		params.SetProgressToken("p")
		if r, err := c.CallTool(t.Context(), params); err != nil || !r.IsError {
			t.Errorf("%+v, %v", r, err)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(heard) != 1 || heard[0] != "approved" {
			t.Errorf("%q", heard)
		}
	})
}

// Where it takes long to ask whether a command is what was approved, less is told, and a tenth of the time
// is spent on asking.
func TestCommandsProgressShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked, heard atomic.Int64
		options := &mcp.ClientOptions{ProgressNotificationHandler: func(context.Context, *mcp.ProgressNotificationClientRequest) { heard.Add(1) }}
		c := connected(t, commands.Settings{
			Run: func(_ context.Context, r *commands.Run) (commands.Ended, error) {
				r.Began(func() error { asked.Add(1); time.Sleep(time.Second); return nil })
				for i := range 600 {
					_, _ = fmt.Fprintln(r.Stdout, i)
					time.Sleep(100 * time.Millisecond)
				}
				return commands.Ended{}, nil
			},
			Commands: map[string]commands.Command{"x": {Argv: []string{"true"}, Timeout: time.Hour, Output: 4}},
		}, options)
		params := &mcp.CallToolParams{Name: "x"}
		params.SetProgressToken("p")
		if _, err := c.CallTool(t.Context(), params); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := asked.Load(); n < 5 || n > 7 || heard.Load() != n { // in a minute: every 11 s, and at the end
			t.Errorf("asked %d times, told %d", n, heard.Load())
		}
	})
}
