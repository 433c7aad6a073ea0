package condition

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// failure is why an evaluation failed. It never holds a value of the input: the
// text goes to the operator's log.
type failure string

// Error implements error.
func (f failure) Error() string { return string(f) }

// What fails in this package's own functions and values.
const (
	errAbsent     failure = "the principal does not have an attribute that the condition reads: ask with has() first"
	errNoClock    failure = "the time is not known"
	errNoLiteral  failure = "a condition makes no objects"
	errNotLiteral failure = "a pattern is not a literal"
	errLongText   failure = "a text is too long for the function that reads it"
	errControl    failure = "a text that is matched with a glob holds a control character"
	errPath       failure = "a path is empty, too long, or could be read as another one"
	errAddress    failure = "an address is not an IP address"
	errNetwork    failure = "a network is not in CIDR notation, or has bits set below its mask"
	errArguments  failure = "the arguments are not one sound JSON object"
	errLarge      failure = "the arguments are too large or too deep for a condition"
	errNumber     failure = "a number of the arguments does not fit an int or a double exactly"
	errCost       failure = "the evaluation takes too long"
	errNothing    failure = "there is nothing to evaluate"
	errNoBool     failure = "the result is neither true nor false"
)

// explained makes of an error of the evaluation one that names no value, and
// says where in the source it came up.
func (p *Program) explained(err error) error {
	var why error
	own, isOwn := errors.AsType[failure](err)
	cancelled, isCancelled := errors.AsType[interpreter.EvalCancelledError](err)
	switch {
	case isOwn:
		why = own
	case isCancelled && cancelled.Cause == interpreter.CostLimitExceeded:
		why = errCost
	default:
		why = known(err.Error())
	}
	if at, ok := errors.AsType[*types.Err](err); ok {
		if loc := p.ast.SourceInfo().GetStartLocation(at.NodeID()); loc.Line() > 0 {
			return fmt.Errorf("line %d, column %d: %w", loc.Line(), loc.Column()+1, why)
		}
	}
	return why
}

// known puts what the CEL library says into words that hold no value.
func known(text string) failure {
	for _, k := range [...]struct{ part, says string }{
		{"no such key", "a member that the condition reads is missing: ask with has() first"},
		{"no such attribute", "a member that the condition reads is missing: ask with has() first"},
		{"index out of bounds", "a list is shorter than the condition takes it to be"},
		{"no such overload", "a value has a type that the operation does not take"},
		{"division by zero", "a division by zero"},
		{"modulus by zero", "a division by zero"},
		{"overflow", "a number is out of range"},
	} {
		if strings.Contains(text, k.part) {
			return failure(k.says)
		}
	}
	return "a value is not one that the operation takes"
}
