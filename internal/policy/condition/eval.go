package condition

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"doorward/internal/gate"
)

// Input is what a condition may see. Authorize fills one for every decision.
type Input struct {
	Principal *gate.Principal
	Upstream  string
	Kind      string    // request.kind: "tool", "prompt" or "resource"
	Name      string    // tool: the tool's or prompt's name, or the resource's URI
	Args      []byte    // the JSON object of the arguments as it was sent; nil when there are none
	ArgsKnown bool      // false while a list is decided: args is unknown then, and not empty
	Labels    []string  // session.labels
	Now       time.Time // read in UTC
	Request   Request
}

// Request is how the call came.
type Request struct {
	Method    string // tools/call
	Transport string
	Era       string
	Profile   string // empty when none is named
	Address   string // the client's IP address
	Agent     string // what the client says that it is
}

// Result is what came of an evaluation. The zero value is that it failed.
type Result uint8

// The results. Unknown comes only where the arguments are not known and matter.
const (
	Failed Result = iota
	False
	True
	Unknown
)

// String is the result's word in explanations.
func (r Result) String() string {
	switch r {
	case False:
		return "false"
	case True:
		return "true"
	case Unknown:
		return "unknown"
	case Failed:
	}
	return "failed"
}

// Eval evaluates the condition. It returns an error exactly with Failed: a member
// or an attribute is missing, types do not fit, a division by zero, arguments that
// are malformed, or too much work. The error holds no value of the input; it is
// for the operator all the same. One evaluation takes well below 10 ms.
func (p *Program) Eval(in *Input) (Result, error) {
	if p == nil || p.program == nil || in == nil {
		return Failed, errNothing
	}
	out, _, err := p.program.Eval(&scope{p: p, in: in})
	if err != nil {
		return Failed, p.explained(err)
	}
	switch {
	case out == types.True:
		return True, nil
	case out == types.False:
		return False, nil
	case types.IsUnknown(out) && !in.ArgsKnown:
		return Unknown, nil
	}
	return Failed, errNoBool
}

// scope gives one evaluation its variables.
type scope struct {
	p    *Program
	in   *Input
	args ref.Val // nil until it is asked for
}

// ResolveName implements interpreter.Activation.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case varPrincipal, varSession, varNow, varRequest:
		return s.in, true
	case varUpstream:
		return types.String(s.in.Upstream), true
	case varTool:
		return types.String(s.in.Name), true
	case varArgs:
		if s.args == nil {
			s.args = s.decoded()
		}
		return s.args, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (s *scope) Parent() interpreter.Activation { return nil }

func (s *scope) decoded() ref.Val {
	if !s.in.ArgsKnown {
		return s.p.unknown
	}
	a, err := newArguments(s.in.Args, s.p.adapter)
	if err != nil {
		return types.WrapErr(err)
	}
	return a
}
