// Package commands is the built-in server of kind commands: named commands, each a tool whose
// arguments become words of it. It makes the words, bounds time and output, and says how a
// command ended; how a process is started and confined is its runner's affair. Of Doorward it
// knows argv alone; what a client may call is the gateway's affair.
package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/argv"
)

// maxRuns bounds how many commands of one server run at once. The gateway hands on as many calls at
// most, and has the others take turns (limits.concurrency, which config holds to this number). A
// call waits here where one that was given up is still being ended.
const maxRuns = 16

// Settings are what app makes a server of.
type Settings struct {
	Name       string // of the upstream
	Commands   map[string]Command
	Parameters map[string]Parameter
	OpenWorld  bool   // what they run can reach others than this machine
	Run        Runner // runs a command
	Caller     string // the header in which the gateway says whose call it is; empty: nobody does
	Version    string
}

// Command is one that can be called.
type Command struct {
	Argv        []string
	Description string
	Timeout     time.Duration
	Output      int64 // bytes that are kept of each output
	ReadOnly    bool
}

// Parameter is one that commands name.
type Parameter struct {
	Description string `json:"description,omitempty"`
	argv.Rule
}

// Runner runs a command until nothing of it is left, and ends it when ctx does. An error means
// that it was not run to its end; clients read it. ErrWithheld is heeded whatever else ended it.
type Runner func(ctx context.Context, r *Run) (Ended, error)

// ErrWithheld is a command that ran, and whose answer is not given: something else than what was
// approved may have written it.
var ErrWithheld = errors.New("the command was started, and its answer is withheld: what it executes was changed meanwhile; its operator reads more in the log")

// Run is one run of a command.
type Run struct {
	Command        string
	Argv           []string
	Caller         string    // as the gateway says it
	Stdout, Stderr io.Writer // an error of theirs ends the command

	// Began is called when the command was started, before anything that it wrote is written. An error
	// of still is that something else than what was approved may be writing: it may be asked at any
	// time until the runner returns.
	Began func(still func() error)
}

// Ended is how a command ended by itself.
type Ended struct {
	Status int    // its exit status, 128 and the signal where one ended it
	Limit  string // of its sandbox that it met; empty: none
}

// server is the commands of one upstream.
type server struct {
	set   Settings
	turns chan struct{} // one for each that runs
}

// tool is one command.
type tool struct {
	*server
	Command

	name     string
	template *argv.Template
	numbers  map[string]bool // the parameters that are integers
}

// New makes the server. Nothing runs before the first call.
func New(set Settings) (*mcp.Server, error) {
	own := &server{set: set, turns: make(chan struct{}, maxRuns)}
	parameters := map[string]*argv.Parameter{}
	for name, p := range set.Parameters {
		one, faults := argv.NewParameter(p.Rule)
		if len(faults) > 0 {
			return nil, fmt.Errorf("parameter %s: %s %s", name, faults[0].Field, faults[0].Text)
		}
		parameters[name] = one
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "doorward-commands", Title: "Commands: " + set.Name, Version: set.Version}, &mcp.ServerOptions{
		Instructions: "Commands of one machine. Each tool runs one, with the arguments as single words; nothing is read by a shell.",
		Logger:       slog.New(slog.DiscardHandler), // it would name arguments
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	for _, name := range slices.Sorted(maps.Keys(set.Commands)) {
		t := &tool{server: own, Command: set.Commands[name], name: name, numbers: map[string]bool{}}
		var faults []string
		if t.template, faults = argv.New(t.Argv, parameters); t.template == nil {
			return nil, fmt.Errorf("command %s %s", name, faults[0])
		}
		described, err := t.described()
		if err != nil {
			return nil, fmt.Errorf("describing command %s: %w", name, err)
		}
		s.AddTool(described, t.call)
	}
	return s, nil
}

// errLate is the end of a command that took longer than it may.
var errLate = errors.New("the command took longer than it may")

// call answers one call.
func (t *tool) call(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	values, why := t.values(req.Params.Arguments)
	if why != "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: why}
	}
	filled, why := t.template.Fill(values)
	if why != "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: why}
	}
	select {
	case t.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-t.turns }()
	out := newOutput(t.Output)
	started, told := tell(ctx, req, out)
	began := time.Now()
	late, cancel := context.WithTimeoutCause(ctx, t.Timeout, errLate)
	defer cancel()
	ended, err := t.set.Run(late, &Run{Command: t.name, Argv: filled, Caller: t.caller(req), Stdout: &out.stdout, Stderr: &out.stderr, Began: started})
	told()
	how := byItself
	switch {
	case errors.Is(err, ErrWithheld):
		return failed(err), nil
	case out.flooded():
		how = byFlood
	case err == nil:
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(context.Cause(late), errLate):
		how = byTimeout
	default:
		return failed(err), nil
	}
	return answered(out, how, ended, time.Since(began))
}

// caller is whose call it is, as the gateway says.
func (s *server) caller(req *mcp.CallToolRequest) string {
	if req.Extra == nil || s.set.Caller == "" {
		return ""
	}
	return req.Extra.Header.Get(s.set.Caller)
}

func failed(err error) *mcp.CallToolResult {
	r := &mcp.CallToolResult{}
	r.SetError(err)
	return r
}

// values are the arguments of a call as texts, or why they are none.
func (t *tool) values(raw json.RawMessage) (map[string]string, string) {
	var in map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &in) != nil {
		return nil, "arguments must be an object"
	}
	values := make(map[string]string, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		number := t.numbers[name]
		var text string
		var n json.Number
		switch {
		case number && (in[name][0] == '"' || json.Unmarshal(in[name], &n) != nil):
			return nil, name + " must be a whole number"
		case number:
			text = n.String()
		case in[name][0] != '"' || json.Unmarshal(in[name], &text) != nil:
			return nil, "each argument must be a text, or a whole number where the schema says so"
		}
		values[name] = text
	}
	return values, ""
}
