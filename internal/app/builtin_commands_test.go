package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gatetest"
)

// servedCommands is a configuration with two commands.
func servedCommands(t *testing.T) (dir, yaml string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lines"), []byte("echo 1; echo 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, `upstreams:
  ops:
    builtin: commands
    sandbox: {kind: none}
    labels: {"*": []}
    commands:
      say: [echo, "unit {unit}"]
      lines: [sh, ` + dir + `/lines]
      fail: {argv: [cat, "{path}"], description: Show a file., read_only: true}
    parameters:
      unit: {enum: [nginx, redis]}
      path: {type: path, under: [` + dir + `]}
`
}

// Doorward's own server of commands is an upstream like any other, to clients of both eras: held
// until it is approved, and on record. Values that are none are refused before anything runs, and
// another command under the same name is a change that waits.
func TestBuiltinCommands(t *testing.T) {
	t.Parallel()
	dir, yaml := servedCommands(t)
	if err := os.WriteFile(filepath.Join(dir, "note"), []byte("green tea\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gw := gatetest.Gateway(t, yaml, nil)
	if r := gw.As("early").Open(modern).Call("ops__say", `{"unit":"nginx"}`); r.OK() {
		t.Errorf("called before it was approved: %s", r)
	}
	if n := gw.ApproveClean("ops"); n < 3 {
		t.Fatalf("%d definitions approved", n)
	}
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		c := gw.As("alice" + version).Open(version)
		r := c.Call("ops__say", `{"unit":"nginx"}`)
		if !r.OK() || !strings.Contains(string(r.Body), `"stdout":"unit nginx\n"`) || !strings.Contains(string(r.Body), `"exit_code":0`) {
			t.Errorf("%s: %s", version, r)
		} else if records := gw.Records(audit.Query{Exchange: r.Exchange}); len(records) != 2 {
			t.Errorf("%s: %d records", version, len(records))
		}
		asking := string(c.Request("7", "tools/call", `"name":"ops__lines","arguments":{}`))
		if asking = strings.Replace(asking, `"_meta":{`, `"_meta":{"progressToken":1,`, 1); !c.Stateless() {
			asking = strings.Replace(asking, `"arguments":{}`, `"arguments":{},"_meta":{"progressToken":1}`, 1)
		}
		told := c.Post([]byte(asking))
		if body := string(told.Body); !strings.Contains(body, "notifications/progress") || !strings.Contains(body, `"message":"1`) || !strings.Contains(body, `"stdout":"1\n2\n`) {
			t.Errorf("%s: progress: %s", version, told)
		}
		if r := c.Call("ops__fail", `{"path":"`+dir+`/note"}`); !r.OK() || !strings.Contains(string(r.Body), "green tea") {
			t.Errorf("%s: %s", version, r)
		}
		if r := c.Call("ops__fail", `{"path":"`+dir+`/absent"}`); !strings.Contains(string(r.Body), `"isError":true`) || !strings.Contains(string(r.Body), `"exit_code":1`) {
			t.Errorf("%s: %s", version, r)
		}
		if r := c.Call("ops__say", `{"unit":"nginx; id"}`); r.OK() || !strings.Contains(string(r.Body), "arguments.invalid") {
			t.Errorf("%s: %s", version, r)
		}
		if r := c.Call("ops__fail", `{"path":"/etc/passwd"}`); r.OK() || !strings.Contains(string(r.Body), "-32602") {
			t.Errorf("%s: %s", version, r)
		}
	}
	rewrite(t, gw, `"unit {unit}"`, `"was {unit}"`)
	if r := gw.As("bob").Open(modern).Call("ops__say", `{"unit":"nginx"}`); r.OK() || strings.Contains(string(r.Body), "was") {
		t.Errorf("a command with other words was not asked about: %s", r)
	}
}

// TestPOL34BuiltinCommands: a program that was replaced after it was approved is not run, nor one
// that everybody may write.
func TestPOL34BuiltinCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	write := func(text string) {
		syscall.ForkLock.RLock() // a child that is forked meanwhile would have the file open to write, and it could not be executed
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(program, []byte("#!/bin/sh\necho "+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	gw := gatetest.Gateway(t, `upstreams: {ops: {builtin: commands, sandbox: {kind: none}, labels: {"*": []}, commands: {run: [`+program+`]}}}`, nil)
	gw.ApproveClean("ops")
	c := gw.As("alice").Open(modern)
	if r := c.Call("ops__run", `{}`); !r.OK() || !strings.Contains(string(r.Body), `"stdout":"first\n"`) {
		t.Fatalf("%s", r)
	}
	write("other")
	if r := c.Call("ops__run", `{}`); r.OK() || strings.Contains(string(r.Body), `other`) {
		t.Errorf("another program: %s", r)
	}
	gw.ApproveClean("ops")
	if r := c.Call("ops__run", `{}`); !r.OK() || !strings.Contains(string(r.Body), `"stdout":"other\n"`) {
		t.Errorf("approved: %s", r)
	}
	if err := os.Chmod(program, 0o702); err != nil {
		t.Fatal(err)
	}
	if r := c.Call("ops__run", `{}`); r.OK() || strings.Contains(string(r.Body), program) {
		t.Errorf("a program that everybody may write: %s", r)
	}
}

// A client that cancels its call ends the command.
func TestBuiltinCommandsCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script, fifo, begun := filepath.Join(dir, "script"), filepath.Join(dir, "fifo"), filepath.Join(dir, "begun")
	text := "mkfifo " + fifo + "\necho $$ > begun.new\nmv begun.new begun\nread line < " + fifo + "\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	gw := gatetest.Gateway(t, `upstreams: {ops: {builtin: commands, sandbox: {kind: none}, commands: {wait: {argv: [sh, `+script+`], directory: `+dir+`}}}}`, nil)
	gw.ApproveClean("ops")
	c := gw.As("alice").Open("2025-11-25")
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Post(c.Request("77", "tools/call", `"name":"ops__wait","arguments":{}`))
	}()
	pid := 0
	eventually(t, "the command runs", func() bool {
		said, err := os.ReadFile(begun)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(said)))
		}
		return err == nil
	})
	c.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}`))
	eventually(t, "the command was ended", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	<-done
}

// A client that is connected hears that commands came or went with a reload, and sees those that are
// approved.
func TestBuiltinCommandsReloaded(t *testing.T) {
	t.Parallel()
	_, yaml := servedCommands(t)
	gw := gatetest.Gateway(t, yaml, nil)
	gw.ApproveClean("ops")
	c := gw.As("alice").Open("2025-11-25")
	had := []string{"ops__fail", "ops__lines", "ops__say"}
	if got := toolNames(t, c); !slices.Equal(got, had) {
		t.Fatalf("at first: %v", got)
	}
	events := watch(t, gw, c, "", "")
	told := func(what string) {
		t.Helper()
		for next(t, events).Method != toolsChanged { // the other lists have changed too
		}
		for len(events) > 0 {
			<-events
		}
		t.Log(what)
	}
	const added = "      more: [echo, more]\n      fail:"
	rewrite(t, gw, "      fail:", added)
	told("one was added")
	shown := func() string { return string(c.Post(c.Request("1", "tools/list", "")).Body) }
	if got := shown(); !strings.Contains(got, "upstream.held") || strings.Contains(got, "ops__") {
		t.Errorf("before it was approved: %s", got)
	}
	gw.ApproveClean("ops") // how it is set; then what it offers
	gw.ApproveClean("ops")
	eventually(t, "all are there", func() bool {
		return slices.Equal(toolNames(t, c), []string{"ops__fail", "ops__lines", "ops__more", "ops__say"})
	})
	if r := c.Call("ops__more", `{}`); !r.OK() || !strings.Contains(string(r.Body), `"stdout":"more\n"`) {
		t.Errorf("%s", r)
	}
	for len(events) > 0 {
		<-events
	}
	rewrite(t, gw, added, "      fail:")
	told("one was removed")
	gw.ApproveClean("ops")
	eventually(t, "those of before are there", func() bool { return strings.Contains(shown(), "ops__say") })
	if got := toolNames(t, c); !slices.Equal(got, had) {
		t.Errorf("at last: %v", got)
	}
	if r := c.Call("ops__more", `{}`); r.OK() {
		t.Errorf("one that is gone: %s", r)
	}
}
