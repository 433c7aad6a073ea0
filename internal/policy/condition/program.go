package condition

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Program is a compiled condition. It does not change, and any number of
// goroutines may use it. The zero value and nil fail every evaluation.
type Program struct {
	source  string
	ast     *ast.AST
	program cel.Program
	adapter types.Adapter
	unknown ref.Val // what args is while it is not known
	args    bool    // whether the source names args
}

// Compile checks a condition: its names, its types, its size and its least cost,
// and returns the first faults, each with its line and column. The result must be
// a bool, as far as it is known before the arguments are.
func Compile(source string) (*Program, error) {
	switch {
	case len(source) > maxSource:
		return nil, fmt.Errorf("the condition is longer than %d bytes", maxSource)
	case !utf8.ValidString(source):
		return nil, errors.New("the condition is not UTF-8")
	case strings.TrimSpace(source) == "":
		return nil, errors.New("the condition is empty")
	}
	env, err := newEnvironment()
	if err != nil {
		return nil, fmt.Errorf("declaring what a condition may name: %w", err)
	}
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, explainIssues(issues)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the condition is a %s and not a bool: compare it with something", typeWord(t))
	}
	tree := checked.NativeRep()
	r := restriction{tree: tree}
	walk(tree.Expr(), ast.UnspecifiedExprKind, r.visit)
	if len(r.faults) > 0 {
		return nil, errors.New(strings.Join(r.faults, "; "))
	}
	p := newPrices()
	least, err := env.EstimateCost(checked, p)
	if err != nil {
		return nil, fmt.Errorf("estimating the cost: %w", err)
	}
	if least.Min > maxCost {
		return nil, errors.New("every evaluation of the condition would take too long: compare less")
	}
	program, err := env.Program(checked, cel.CostTracking(p), cel.CostLimit(maxCost), patterns(p))
	if err != nil {
		return nil, fmt.Errorf("planning the condition: %w", err)
	}
	return &Program{
		source:  source,
		ast:     tree,
		program: program,
		adapter: env.CELTypeAdapter(),
		unknown: types.NewUnknown(1, types.NewAttributeTrail(varArgs)),
		args:    r.args,
	}, nil
}

// ReadsArgs tells whether the condition names the arguments.
func (p *Program) ReadsArgs() bool { return p != nil && p.args }

// String is the source.
func (p *Program) String() string {
	if p == nil {
		return ""
	}
	return p.source
}
