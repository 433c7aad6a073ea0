package condition

import (
	"fmt"
	"math"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// restriction finds what CEL allows and a condition does not.
type restriction struct {
	tree   *ast.AST
	args   bool // whether args is read
	faults []string
}

func (r *restriction) fault(e ast.Expr, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, place(r.tree.SourceInfo().GetStartLocation(e.ID()))+fmt.Sprintf(format, args...))
	}
}

// visit is called for every node, the outer ones first.
func (r *restriction) visit(e ast.Expr, parent ast.ExprKind) {
	switch e.Kind() {
	case ast.StructKind:
		r.fault(e, "a condition makes no objects")
	case ast.IdentKind:
		r.ident(e, parent)
	case ast.LiteralKind:
		if f, ok := e.AsLiteral().(types.Double); ok && !(math.Abs(float64(f)) < maxExact) {
			r.fault(e, "a double of this size is not exact: write an integer, without a fraction and an exponent")
		}
	case ast.CallKind:
		r.call(e)
	case ast.ComprehensionKind:
		if name := e.AsComprehension().IterVar(); isVariable(name) {
			r.fault(e, "%s is a variable of every condition: name that of the macro otherwise", name)
		}
	default: // its parts are visited
	}
}

func (r *restriction) ident(e ast.Expr, parent ast.ExprKind) {
	name := e.AsIdent()
	if name == varArgs {
		r.args = true
	}
	if isObject(name) && parent != ast.SelectKind {
		r.fault(e, "%s is no value by itself: name one of its attributes", name)
	}
}

func (r *restriction) call(e ast.Expr) {
	call := e.AsCall()
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if at, ok := patternAt(call.FunctionName()); ok && at < len(args) {
		r.pattern(call.FunctionName(), args[at])
	}
	if call.FunctionName() == fnCIDR && len(args) > 0 && args[0].Kind() == ast.LiteralKind {
		if s, ok := args[0].AsLiteral().(types.String); ok {
			if _, err := parseNetwork(string(s)); err != nil {
				r.fault(args[0], "%v", err)
			}
		}
	}
}

func (r *restriction) pattern(function string, e ast.Expr) {
	var s types.String
	ok := e.Kind() == ast.LiteralKind
	if ok {
		s, ok = e.AsLiteral().(types.String)
	}
	if !ok {
		r.fault(e, "the pattern of %s is a literal: no value is ever read as a pattern", function)
		return
	}
	var err error
	if function == fnGlob {
		err = checkGlob(string(s))
	} else {
		_, _, err = compileRegexp(string(s))
	}
	if err != nil {
		r.fault(e, "%v", err)
	}
}

// walk visits every node of e.
func walk(e ast.Expr, parent ast.ExprKind, visit func(e ast.Expr, parent ast.ExprKind)) {
	visit(e, parent)
	for _, child := range children(e) {
		walk(child, e.Kind(), visit)
	}
}

// children are the nodes below e: at most maxNested deep, as the parser bounds it.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var list []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			list = append(list, m.Key(), m.Value())
		}
		return list
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	default:
		return nil
	}
}
