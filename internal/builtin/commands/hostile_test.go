package commands_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"doorward/internal/argv"
	"doorward/internal/builtin/commands"
	"doorward/internal/launch"
)

// A client gives a command neither a variable of its environment (POL-33) nor more or longer
// words than its parameters have, nor a NUL (POL-35): it is refused, and nothing is started.
func TestPOL33And35Commands(t *testing.T) {
	t.Parallel()
	c := connected(t, commands.Settings{
		Run: func(_ context.Context, r *commands.Run) (commands.Ended, error) {
			t.Errorf("%.200q was started", r.Argv)
			return commands.Ended{}, errors.New("it is not to be started")
		},
		Commands:   map[string]commands.Command{"run": {Argv: []string{"echo", "{who}"}, Timeout: time.Minute, Output: 1 << 10}},
		Parameters: map[string]commands.Parameter{"who": {Rule: argv.Rule{Pattern: "(?s).*", Length: 4096}}},
	}, nil)
	many := map[string]any{"who": "a"}
	for i := range 1000 {
		many["p"+strconv.Itoa(i)] = "x"
	}
	refused := map[string]map[string]any{
		"POL-35 100,000 words":         {"who": strings.Split(strings.Repeat("a,", 100_000), ",")},
		"POL-35 many parameters":       many,
		"POL-35 a word of 2 MiB":       {"who": strings.Repeat("a", 2<<20)},
		"POL-35 a word that is longer": {"who": strings.Repeat("a", 4097)},
		"POL-35 a NUL":                 {"who": "a\x00b"},
		"POL-35 a NUL at the end":      {"who": "a\x00"},
	}
	variables := []string{"LD_PRELOAD", "NODE_OPTIONS", "PYTHONSTARTUP", "BASH_ENV", "GIT_SSH_COMMAND", "PATH", "HTTP_PROXY", "A=B", "A\x00B", "A\nB"}
	for _, name := range append([]string{"env", "environment"}, variables...) {
		refused["POL-33 "+name] = map[string]any{"who": "a", name: "/tmp/x"}
	}
	refused["POL-33 env with variables"] = map[string]any{"who": "a", "env": map[string]any{"LD_PRELOAD": "/tmp/x.so"}}
	for _, name := range variables { // those that an operator would give it
		if launch.Environment([]string{name}) == nil {
			t.Errorf("%q may be a variable of a command", name)
		}
	}
	for name, args := range refused {
		var wrong *jsonrpc.Error
		if _, _, err := call(t, c, "run", args); !errors.As(err, &wrong) || wrong.Code != jsonrpc.CodeInvalidParams {
			t.Errorf("%s: %.200v", name, err)
		} else if len(wrong.Message) > 1<<10 {
			t.Errorf("%s: a message of %d bytes", name, len(wrong.Message))
		}
	}
}
