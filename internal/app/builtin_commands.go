package app

import (
	"context"
	"errors"
	"time"

	"doorward/internal/builtin"
	"doorward/internal/builtin/commands"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// commandsServer is builtin commands.
type commandsServer struct {
	Kind       string                        `json:"kind"`
	Commands   map[string]commandSet         `json:"commands"`
	Parameters map[string]commands.Parameter `json:"parameters,omitempty"`

	name      string
	openWorld bool
}

// commandSet is one of its commands.
type commandSet struct {
	Argv        []string `json:"argv"`
	Description string   `json:"description,omitempty"`
	Directory   string   `json:"directory"`
	Timeout     string   `json:"timeout"`
	Output      int64    `json:"output"`
	ReadOnly    bool     `json:"read_only,omitempty"`

	timeout time.Duration
}

func commandsOf(name string, u *config.Upstream) commandsServer {
	c := commandsServer{
		Kind: u.Builtin, Commands: map[string]commandSet{}, Parameters: map[string]commands.Parameter{},
		name: name, openWorld: !u.Sandbox.Confined() || u.Sandbox.Places() != nil,
	}
	for name, one := range u.Commands {
		timeout := time.Duration(one.Timeout)
		c.Commands[name] = commandSet{one.Argv, one.Description, one.Directory, timeout.String(), int64(one.Output), one.ReadOnly, timeout}
	}
	for name, p := range u.Parameters {
		c.Parameters[name] = commands.Parameter{Description: p.Description, Rule: p.Rule()}
	}
	return c
}

// runsOf are the commands that a server of Doorward's own runs; nil for none.
func runsOf(own builtinServer) map[string]upstream.Run {
	c, ok := own.(commandsServer)
	if !ok {
		return nil
	}
	runs := make(map[string]upstream.Run, len(c.Commands))
	for name, one := range c.Commands {
		runs[name] = upstream.Run{Argv: one.Argv, Dir: one.Directory}
	}
	return runs
}

func (c commandsServer) server(a *App, _ func(error)) (*builtin.Server, error) {
	set := commands.Settings{Name: c.name, Commands: map[string]commands.Command{}, Parameters: c.Parameters, OpenWorld: c.openWorld, Version: builtinVersion, Run: c.runner(a), Caller: upstream.HeaderCaller}
	for name, one := range c.Commands {
		set.Commands[name] = commands.Command{Argv: one.Argv, Description: one.Description, Timeout: one.timeout, Output: one.Output, ReadOnly: one.ReadOnly}
	}
	s, err := commands.New(set)
	if err != nil {
		return nil, err
	}
	return builtin.Serve(s, nil), nil
}

// What a client reads of a command that has no answer: why is its operator's.
var (
	errNotRun = errors.New("the command was not started; its operator reads why in the log")
	errCut    = errors.New("the command was started, and ended before it was done; its operator reads why in the log")
)

// runner runs commands by the pool, as it starts those of upstreams.
func (c commandsServer) runner(a *App) commands.Runner {
	return func(ctx context.Context, r *commands.Run) (commands.Ended, error) {
		how, err := a.pool.Run(ctx, c.name, upstream.Running{Name: r.Command, Of: c, Argv: r.Argv, Caller: r.Caller, Stdout: r.Stdout, Stderr: r.Stderr, Began: r.Began})
		changed := errors.Is(err, upstream.ErrChanged)
		if err != nil && (changed || ctx.Err() == nil) {
			a.Log.WarnContext(ctx, "a command has no answer", "upstream", c.name, "command", r.Command, "started", how.Started, "error", err)
			err = runError(err, how.Started)
		}
		return commands.Ended{Status: how.Status, Limit: how.Limit}, err
	}
}

// runError is what a client is told of the error of a run.
func runError(err error, started bool) error {
	switch e, ok := errors.AsType[*gate.Error](err); {
	case errors.Is(err, upstream.ErrChanged):
		return commands.ErrWithheld
	case started:
		return errCut
	case ok && e.Public != "":
		return errors.New(e.Public)
	}
	return errNotRun
}
