package app

import (
	"context"
	"errors"
	"time"

	"doorward/internal/argv"
	"doorward/internal/builtin"
	"doorward/internal/builtin/commands"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/upstream"
)

// commandsServer is builtin commands.
type commandsServer struct {
	Kind       string                    `json:"kind"`
	Commands   map[string]commandSet     `json:"commands"`
	Parameters map[string]parameterRules `json:"parameters,omitempty"`

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

// parameterRules are what the value of a parameter may be.
type parameterRules struct {
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type,omitempty"`
	Enum        []string `json:"enum,omitempty"`
	Pattern     string   `json:"pattern,omitempty"`
	MaxLength   int      `json:"max_length,omitempty"`
	Minimum     *int64   `json:"minimum,omitempty"`
	Maximum     *int64   `json:"maximum,omitempty"`
	Under       []string `json:"under,omitempty"`
	Default     string   `json:"default,omitempty"`
}

func commandsOf(name string, u *config.Upstream) commandsServer {
	c := commandsServer{
		Kind: u.Builtin, Commands: map[string]commandSet{}, Parameters: map[string]parameterRules{},
		name: name, openWorld: !u.Sandbox.Confined() || u.Sandbox.Places() != nil,
	}
	for name, one := range u.Commands {
		timeout := time.Duration(one.Timeout)
		c.Commands[name] = commandSet{one.Argv, one.Description, one.Directory, timeout.String(), int64(one.Output), one.ReadOnly, timeout}
	}
	for name, p := range u.Parameters {
		r := p.Rule()
		c.Parameters[name] = parameterRules{p.Description, r.Type, r.Enum, r.Pattern, r.Length, r.Minimum, r.Maximum, r.Under, r.Default}
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
	for name := range c.Commands {
		runs[name] = c.run(name)
	}
	return runs
}

func (c commandsServer) run(name string) upstream.Run {
	return upstream.Run{Argv: c.Commands[name].Argv, Dir: c.Commands[name].Directory}
}

func (c commandsServer) server(a *App) (*builtin.Server, error) {
	set := commands.Settings{Name: c.name, Commands: map[string]commands.Command{}, Parameters: map[string]commands.Parameter{}, OpenWorld: c.openWorld, Version: builtinVersion, Run: c.runner(a)}
	for name, one := range c.Commands {
		set.Commands[name] = commands.Command{Argv: one.Argv, Description: one.Description, Timeout: one.timeout, Output: one.Output, ReadOnly: one.ReadOnly}
	}
	for name, p := range c.Parameters {
		set.Parameters[name] = commands.Parameter{Description: p.Description, Rule: argv.Rule{
			Type: p.Type, Enum: p.Enum, Pattern: p.Pattern, Length: p.MaxLength, Minimum: p.Minimum, Maximum: p.Maximum, Under: p.Under, Default: p.Default,
		}}
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
		how, err := a.pool.Run(ctx, c.name, upstream.Running{Name: r.Command, As: c.run(r.Command), Argv: r.Argv, Stdout: r.Stdout, Stderr: r.Stderr})
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
