package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// stopWait is how long a child may take to end by itself.
const stopWait = 10 * time.Second

// child is a process that the program started and will end. Its stdin is a
// pipe that closes when this program ends, however it does.
type child struct {
	name     string
	cmd      *exec.Cmd
	stdin    io.Closer
	log      string // file with what it printed
	stopping atomic.Bool
	done     chan struct{} // closed once it has been waited for
}

// startChild runs argv with its output in the file log. died is told when it
// ends before stop was called.
func startChild(name string, argv []string, log string, died func(error)) (*child, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own descriptor
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, stdin: stdin, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it went is in the state
		if !c.stopping.Load() {
			died(fmt.Errorf("%s ended by itself (%s); it printed:\n%s", name, cmd.ProcessState, c.printed()))
		}
		close(c.done)
	}()
	return c, nil
}

// environment is this program's own, without what would change how doorward
// runs.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DOORWARD_") })
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the process and waits for it. It may be called twice.
func (c *child) stop() {
	c.stopping.Store(true)
	_ = c.stdin.Close()
	_ = c.cmd.Process.Signal(os.Interrupt)
	select {
	case <-c.done:
	case <-time.After(stopWait):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// printed returns the end of what the process printed.
func (c *child) printed() string {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	const enough = 2000
	return string(text[max(0, len(text)-enough):])
}
