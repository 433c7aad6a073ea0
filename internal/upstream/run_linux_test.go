package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"doorward/internal/gate"
	"doorward/internal/sandbox"
	"doorward/internal/upstream"
)

// runPool has one server of Doorward's own, with these commands.
func runPool(t *testing.T, runs map[string]upstream.Run, change func(*upstream.Config)) *upstream.Pool {
	t.Helper()
	cfg := upstream.Config{Upstreams: []upstream.Settings{{Name: "up", URL: "http://builtin/mcp", Wire: http.NewFileTransport(http.Dir(t.TempDir())), Builtin: "test", Runs: runs}}}
	if change != nil {
		change(&cfg)
	}
	return newPool(t, cfg)
}

// roomy is room for process 1, which is this binary, with the race detector in it.
func roomy() sandbox.Limits { return sandbox.Limits{Memory: 1 << 40} }

// ranAs runs one of the commands with these words.
func ranAs(ctx context.Context, p *upstream.Pool, name string, argv ...string) (out string, how upstream.Ended, err error) {
	var stdout, stderr bytes.Buffer
	how, err = p.Run(ctx, "up", upstream.Running{Name: name, Of: "test", Argv: argv, Stdout: &stdout, Stderr: &stderr})
	return stdout.String() + stderr.String(), how, err
}

// A command runs to its end with nothing on its input, and its start is on record without its
// values. In a sandbox it sees what it was given alone.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "note"), []byte("CANARY"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs := map[string]upstream.Run{"show": {Argv: []string{"cat", "{path}"}}, "input": {Argv: []string{"cat"}}}
	for _, confined := range []bool{false, true} {
		var mu sync.Mutex
		var details []string
		p := runPool(t, runs, func(c *upstream.Config) {
			if confined {
				c.Upstreams[0].Sandbox = &upstream.Confinement{Given: sandbox.Given{Limits: roomy()}}
			}
			c.Events = func(_ context.Context, e gate.Event) error {
				mu.Lock()
				defer mu.Unlock()
				if e.Kind == "upstream.start" {
					details = append(details, e.Detail)
				}
				return nil
			}
		})
		out, how, err := ranAs(t.Context(), p, "show", "cat", filepath.Join(dir, "note"))
		if err != nil || strings.Contains(out, "CANARY") == confined || (how.Status == 0) == confined {
			t.Errorf("confined %v: %q, %v, %v", confined, out, how, err)
		}
		if out, how, err := ranAs(t.Context(), p, "input", "cat"); out != "" || how.Status != 0 || err != nil {
			t.Errorf("confined %v, of its input: %q, %v, %v", confined, out, how, err)
		}
		if len(details) != 2 || !strings.HasPrefix(details[0], "show sha256:") || strings.Contains(details[0], dir) || strings.Contains(details[0], "not confined") == confined {
			t.Errorf("confined %v: on record is %q", confined, details)
		}
	}
}

// TestPOL32Run: whatever words are put in, a command executes the files that were approved, and
// breaks no launch rule that it did not break then.
func TestPOL32Run(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script, ran := filepath.Join(dir, "script"), filepath.Join(dir, "ran")
	if err := os.WriteFile(script, []byte("echo > "+ran), 0o600); err != nil {
		t.Fatal(err)
	}
	runs := map[string]upstream.Run{
		"find": {Argv: []string{"find", "{dir}"}}, "sh": {Argv: []string{"sh", "{script}"}}, "env": {Argv: []string{"env", "A={set}", "cat"}},
		"tar": {Argv: []string{"tar", "tf", "{file}"}}, "behind": {Argv: []string{"timeout", "{time}", "cat"}}, "another": {Argv: []string{"tar", "-I", "{x}", "-cf", "x", "{y}"}}, "git": {Argv: []string{"cat", "{sub}"}},
	}
	p := runPool(t, runs, func(c *upstream.Config) {
		c.Upstreams[0].AllowLaunch = []string{"runs", "code", "variables", "fetches"}
	})
	for _, tc := range []struct {
		name string
		argv []string
	}{
		{"find", []string{"find", ".", "-exec", "touch", ran, ";"}},
		{"find", []string{"tar", "tf", "."}},
		{"sh", []string{"sh", script}},
		{"sh", []string{"sh", "-c", "echo > " + ran}},
		{"env", []string{"env", "LD_PRELOAD=/x.so", "cat"}},
		{"env", []string{"env", "touch", ran}},
		{"tar", []string{"tar", "tf", "x", "--checkpoint-action=exec=touch " + ran}},
		{"behind", []string{"timeout", "-k", "cat"}},
		{"another", []string{"tar", "--to-command=touch " + ran, "a", "-cf", "x", "y"}},
		{"git", []string{"cat", "a\x00b"}},
		{"git", []string{"cat", strings.Repeat("x", 2<<20)}},
		{"git", append([]string{"cat"}, slices.Repeat([]string{"x"}, 100_000)...)},
		{"git", nil},
	} {
		out, _, err := ranAs(t.Context(), p, tc.name, tc.argv...)
		if gate.CodeOf(err) != gate.CodeParams || out != "" || strings.Contains(err.Error(), ran) {
			t.Errorf("%s: %.80q: %q, %v", tc.name, tc.argv, out, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("something else ran")
	}
	chosen := map[string]upstream.Run{"x": {Argv: []string{"env", "{program}"}}}
	if out, _, err := ranAs(t.Context(), runPool(t, chosen, nil), "x", "env", "id"); err == nil || out != "" {
		t.Errorf("a program that a value chooses: %q", out)
	}
	if _, err := p.Run(t.Context(), "up", upstream.Running{Name: "find", Of: "as it was before", Argv: []string{"find", "."}, Stdout: io.Discard, Stderr: io.Discard}); gate.CodeOf(err) != gate.CodeUpstreamDown {
		t.Errorf("a command of before: %v", err)
	}
}

// A program that the lock does not know, or knows no more, is not run.
func TestRunHeld(t *testing.T) {
	t.Parallel()
	runs := map[string]upstream.Run{"x": {Argv: []string{"cat"}}}
	p := runPool(t, runs, func(c *upstream.Config) { c.Pins = pins{state: gate.Approved, command: gate.Deny} })
	if out, _, err := ranAs(t.Context(), p, "x", "cat"); gate.CodeOf(err) != gate.CodeUpstreamHeld || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	p = runPool(t, runs, func(c *upstream.Config) {
		c.Events = func(context.Context, gate.Event) error { return errors.New("the disk is full") }
	})
	if out, _, err := ranAs(t.Context(), p, "x", "cat"); gate.CodeOf(err) != gate.CodeAudit || out != "" {
		t.Errorf("without a record: %q, %v", out, err)
	}
}

// When the caller waits no more, nothing of a command is left: not what it started, whatever
// session that moved to, and whatever signals that ignores.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	for _, confined := range []bool{false, true} {
		dir := t.TempDir()
		file, script := filepath.Join(dir, "pids"), filepath.Join(dir, "script")
		program := strings.Join(childCommand(""), " ")
		if err := os.WriteFile(script, []byte(program+"sleeper /dev/null | "+program+"grandchild "+file), 0o600); err != nil { // whose input does not end
			t.Fatal(err)
		}
		runs := map[string]upstream.Run{"x": {Argv: []string{"sh", script}}}
		p := runPool(t, runs, func(c *upstream.Config) {
			if confined {
				c.Upstreams[0].Sandbox = &upstream.Confinement{Given: sandbox.Given{Read: []string{filepath.Dir(servers)}, Write: []string{dir}, Limits: roomy()}}
			}
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, _, err := ranAs(ctx, p, "x", runs["x"].Argv...)
			ended <- err
		}()
		late := errors.New("too late")
		eventually(t, 20*time.Second, "the grandchild runs", func() bool { return len(pidsIn(t, file)) == 1 })
		cancel(late)
		if err := <-ended; !errors.Is(err, late) {
			t.Errorf("confined %v: %v", confined, err)
		}
		if pid := pidsIn(t, file)[0]; !confined && alive(pid) { // confined, it is a number of its own namespace
			t.Errorf("process %d is alive", pid)
		}
		if left := below(t, os.Getpid()); slices.ContainsFunc(left, func(pid int) bool { return strings.Contains(commandLine(pid), file) }) {
			t.Errorf("confined %v: something is left", confined)
		}
	}
}

func commandLine(pid int) string {
	raw, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return string(raw)
}

// refusing takes no output.
type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("enough") }

// A command whose output is not taken ends, though it would write for ever.
func TestRunOutputRefused(t *testing.T) {
	t.Parallel()
	runs := map[string]upstream.Run{"x": {Argv: []string{"yes"}}}
	var met []string
	p := runPool(t, runs, func(c *upstream.Config) {
		c.Events = func(_ context.Context, e gate.Event) error {
			if e.Kind == "upstream.limit" {
				met = append(met, e.Detail)
			}
			return nil
		}
	})
	_, err := p.Run(t.Context(), "up", upstream.Running{Name: "x", Of: "test", Argv: []string{"yes"}, Stdout: refusing{}, Stderr: refusing{}})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("%v", err)
	}
	if len(met) != 1 || !strings.HasPrefix(met[0], "output: x: ") {
		t.Errorf("on record is %q", met)
	}
	if out, how, err := ranAs(t.Context(), p, "x", "yes"); gate.CodeOf(err) != gate.CodeUpstreamDown || how.Started || out != "" {
		t.Errorf("it is not held back: %q, %+v, %v", out, how, err)
	}
	if how, err := p.Run(t.Context(), "up", upstream.Running{Name: "x", Of: "test", Argv: []string{"yes"}, Caller: "other", Stdout: refusing{}, Stderr: refusing{}}); err == nil || !how.Started {
		t.Errorf("another caller is held back: %+v, %v", how, err)
	}
}

// TestPOL34RunDrained: a command does not outlive the configuration that has it, and none is started
// when that is gone.
func TestPOL34RunDrained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, script := filepath.Join(dir, "pids"), filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("trap '' TERM\necho $$ > "+file+"\ntail -f /dev/null\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs := map[string]upstream.Run{"x": {Argv: []string{"sh", script}}, "y": {Argv: []string{"cat"}}}
	p := runPool(t, runs, nil)
	ended := make(chan error, 1)
	var how upstream.Ended
	go func() {
		var err error
		_, how, err = ranAs(t.Context(), p, "x", runs["x"].Argv...)
		ended <- err
	}()
	eventually(t, 20*time.Second, "the script runs", func() bool { return len(pidsIn(t, file)) == 1 })
	if _, err := p.Reconfigure(nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !how.Started || !strings.Contains(err.Error(), "configuration") {
		t.Errorf("%+v, %v", how, err)
	}
	if pid := pidsIn(t, file)[0]; alive(pid) {
		t.Errorf("process %d is alive", pid)
	}
	if out, how, err := ranAs(t.Context(), p, "y", "cat"); err == nil || how.Started || out != "" {
		t.Errorf("of an upstream that is gone: %q, %+v, %v", out, how, err)
	}
}

// TestRunChanged: what a file that was changed meanwhile wrote is not believed, however it ended.
func TestRunChanged(t *testing.T) {
	t.Parallel()
	script, begun := filepath.Join(t.TempDir(), "script"), filepath.Join(t.TempDir(), "begun")
	write := func(more string) {
		if err := os.WriteFile(script, []byte("echo > "+begun+"\n"+"exec tail -f /dev/null\n"+more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	runs := map[string]upstream.Run{"x": {Argv: []string{"sh", script}}}
	p := runPool(t, runs, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := ranAs(ctx, p, "x", runs["x"].Argv...)
		ended <- err
	}()
	eventually(t, 20*time.Second, "the script runs", func() bool { _, err := os.Stat(begun); return err == nil })
	write("# other")
	cancel()
	if err := <-ended; !errors.Is(err, upstream.ErrChanged) || gate.CodeOf(err) != gate.CodeUpstreamDown {
		t.Errorf("%v", err)
	}
}

// While a command runs, whoever hands on what it wrote is told that a file was changed.
func TestRunStill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script, fifo := filepath.Join(dir, "script"), filepath.Join(dir, "fifo")
	text := "mkfifo " + fifo + "\necho begun\nread line < " + fifo + "\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := runPool(t, map[string]upstream.Run{"x": {Argv: []string{"sh", script}}}, nil)
	var still func() error
	wrote := writing(func([]byte) {
		if err := still(); err != nil {
			t.Errorf("nothing was changed: %v", err)
		}
		if err := os.WriteFile(script, []byte(text+"# other"), 0o600); err != nil {
			t.Error(err)
		}
		if still() == nil {
			t.Error("a change is not seen")
		}
		if f, err := os.OpenFile(fifo, os.O_WRONLY, 0); err != nil || f.Close() != nil {
			t.Error(err)
		}
	})
	_, err := p.Run(t.Context(), "up", upstream.Running{Name: "x", Of: "test", Argv: []string{"sh", script}, Stdout: wrote, Stderr: io.Discard, Began: func(s func() error) { still = s }})
	if !errors.Is(err, upstream.ErrChanged) {
		t.Errorf("%v", err)
	}
}

// writing is told of what is written.
type writing func([]byte)

func (w writing) Write(b []byte) (int, error) { w(b); return len(b), nil }

// locked lets an upstream be reached as it was when that was approved.
type locked struct {
	pins

	mu             sync.Mutex
	seen, approved gate.Digest
}

func (l *locked) ReachAllowed(it gate.Item) gate.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen = it.Digest; l.seen != l.approved {
		return gate.Verdict{Effect: gate.Deny, Code: gate.CodeUpstreamHeld}
	}
	return gate.Pass()
}

func (l *locked) approve() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.approved = l.seen
}

// TestPOL34RunAnother: a command that is another one by now is not run, whichever way it came to be
// that, nor is one beside it; once that is approved, they are.
func TestPOL34RunAnother(t *testing.T) {
	early, late := t.TempDir(), t.TempDir()
	t.Setenv("PATH", early+":"+late+":"+os.Getenv("PATH"))
	put := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho "+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(late, "tool-x", "first")
	put(late, "tool-y", "beside")
	lock := &locked{pins: approveAll()}
	p := runPool(t, map[string]upstream.Run{"x": {Argv: []string{"tool-x"}}, "y": {Argv: []string{"tool-y"}}}, func(c *upstream.Config) { c.Pins = lock })
	held := func(name string) {
		t.Helper()
		if out, how, err := ranAs(t.Context(), p, name, "tool-"+name); gate.CodeOf(err) != gate.CodeUpstreamHeld || how.Started || out != "" {
			t.Errorf("%s: %q, %+v, %v", name, out, how, err)
		}
	}
	says := func(name, want string) {
		t.Helper()
		if out, _, err := ranAs(t.Context(), p, name, "tool-"+name); err != nil || out != want+"\n" {
			t.Errorf("%s: %q, %v, want %s", name, out, err, want)
		}
	}
	held("x")
	lock.approve()
	says("x", "first")
	says("y", "beside")
	says("x", "first")
	put(late, "tool-x", "other")
	held("y")
	held("x")
	lock.approve()
	says("x", "other")
	put(early, "tool-x", "earlier") // no file of before was changed
	held("x")
	held("y")
	lock.approve()
	says("x", "earlier")
	says("y", "beside")
}

// What is left of a command that holds its output open is read no longer than that: also where pipes
// have no deadlines, as on Windows, and as this one.
func TestRunOutputEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil { // which blocks, so that it has none
			t.Fatal(err)
		}
		from, to := os.NewFile(uintptr(fds[0]), "from"), os.NewFile(uintptr(fds[1]), "to")
		defer to.Close()
		ended := upstream.EndOutput([]*os.File{from})
		time.Sleep(time.Minute)
		if _, err := from.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("it is open: %v", err)
		}
		ended()
		upstream.EndOutput([]*os.File{to})()
		time.Sleep(time.Minute)
		if _, err := to.Write([]byte("x")); errors.Is(err, os.ErrClosed) {
			t.Errorf("it was closed when nobody read any more: %v", err)
		}
	})
}

// A breach is one that was approved where values alone make it another.
func TestRunFilled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		template, text string
		want           bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a{x}", "ab", true},
		{"a{x}", "a", true},
		{"{x}a", "ba", true},
		{"{x}a", "b", false},
		{"{x}", "anything\n", true},
		{"a{x}b{y}c", "a1b2c", true},
		{"a{x}b{y}c", "a1c", false},
		{"ab{x}ba", "aba", false},
		{"a{x}b{y}b", "a1b", false},
		{"a{X}", "ab", false},
		{"a.{x}", "abc", false},
		{"{x}{y}", "", true},
	} {
		if got := upstream.Filled(tc.template, tc.text); got != tc.want {
			t.Errorf("%s of %q: %v", tc.template, tc.text, got)
		}
	}
}
