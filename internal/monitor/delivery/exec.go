package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"doorward/internal/monitor"
)

// ExecConfig is a command. Command is required.
type ExecConfig struct {
	Command []string // program and arguments; no shell reads them
	Dir     string
	Timeout time.Duration // 0: 10 s
}

// Exec is a receiver that is a command: it gets the alert in JSON on its standard
// input, a PATH and nothing else of the environment. What it prints is thrown away.
type Exec struct{ cfg ExecConfig }

const (
	execTimeout = 10 * time.Second
	execPath    = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// NewExec makes one.
func NewExec(c ExecConfig) (*Exec, error) {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return nil, errors.New("exec: a program is required")
	}
	if c.Timeout <= 0 {
		c.Timeout = execTimeout
	}
	return &Exec{cfg: c}, nil
}

// Place implements Receiver.
func (x *Exec) Place() Place {
	return Place{Kind: KindExec, Name: x.cfg.Command[0], At: strings.Join(x.cfg.Command, "\x00")}
}

// Send implements Receiver. The command has taken the alert when it ends with 0.
func (x *Exec) Send(ctx context.Context, a *monitor.Alert) error {
	b, err := body(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Timeout)
	defer cancel()
	c := exec.CommandContext(ctx, x.cfg.Command[0], x.cfg.Command[1:]...)
	c.Dir, c.Env, c.Stdin = x.cfg.Dir, []string{execPath}, bytes.NewReader(append(b, '\n'))
	c.WaitDelay = time.Second // a process that it left behind may hold the pipe
	alone(c)
	err = c.Run()
	exited, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the command did not end within %v", x.cfg.Timeout)
	case ended:
		return fmt.Errorf("the command ended with %d", exited.ExitCode())
	case err != nil:
		return errors.New("the command cannot be started, or does not take its input")
	}
	return nil
}
