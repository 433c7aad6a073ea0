package condition

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

const (
	maxFindings = 16  // faults of one condition and one schema
	maxShown    = 120 // bytes of a path in one
)

// CheckArgs tells what of the arguments the condition reads and a tool does not
// take: parameters that its JSON Schema does not have, and comparisons with a type
// that the schema rules out. Of what a schema leaves open it says nothing. Config
// and `policy test` ask it; it decides nothing.
func (p *Program) CheckArgs(raw []byte) []string {
	if p == nil || p.ast == nil || !p.args || len(raw) == 0 {
		return nil
	}
	s, ok := newSchema(raw)
	if !ok {
		return []string{"the tool's schema cannot be read: it is malformed, too large or too deep"}
	}
	r := reads{tree: p.ast, root: s, seen: map[string]bool{}}
	r.visit(p.ast.Expr(), nil)
	return r.faults
}

// reads follows what an expression reads of the arguments.
type reads struct {
	tree   *ast.AST
	root   *schema
	faults []string
	seen   map[string]bool
}

// spot is a value within the arguments. Its schema is nil where nothing is known.
type spot struct {
	path   string
	schema *schema
}

// local is the variable of a macro, with what is known of it; inner ones come
// last.
type local struct {
	name string
	spot *spot
}

// visit looks at an expression and all below it, and is the spot in the arguments
// that it names, nil for any other.
func (r *reads) visit(e ast.Expr, scope []local) *spot {
	switch e.Kind() {
	case ast.IdentKind:
		return r.ident(e.AsIdent(), scope)
	case ast.SelectKind:
		s := e.AsSelect()
		return r.member(r.visit(s.Operand(), scope), s.FieldName())
	case ast.CallKind:
		return r.call(e, scope)
	case ast.ComprehensionKind:
		r.comprehension(e.AsComprehension(), scope)
		return nil
	default:
		for _, child := range children(e) {
			r.visit(child, scope)
		}
		return nil
	}
}

func (r *reads) ident(name string, scope []local) *spot {
	for _, l := range slices.Backward(scope) {
		if l.name == name {
			return l.spot
		}
	}
	if name == varArgs {
		return &spot{path: varArgs, schema: r.root}
	}
	return nil
}

func (r *reads) comprehension(c ast.ComprehensionExpr, scope []local) {
	over := r.visit(c.IterRange(), scope)
	var element *spot
	if over != nil && over.path != varArgs && !over.schema.may("object") {
		element = &spot{path: over.path + "[]", schema: over.schema.elements()}
	}
	r.visit(c.AccuInit(), scope)
	inner := append(slices.Clone(scope), local{c.IterVar(), element}, local{c.AccuVar(), nil})
	r.visit(c.LoopCondition(), inner)
	r.visit(c.LoopStep(), inner)
	r.visit(c.Result(), inner)
}

func (r *reads) member(of *spot, name string) *spot {
	if of == nil {
		return nil
	}
	next := &spot{path: shortened(of.path + "." + name)}
	if of.schema == nil {
		return next
	}
	if !of.schema.may("object") {
		r.fault("%s is read as an object, which the schema rules out", of.path)
		return next
	}
	found, missing := of.schema.member(name)
	if missing {
		r.fault("%s is read, and the tool has no such parameter", next.path)
	}
	next.schema = found
	return next
}

func (r *reads) call(e ast.Expr, scope []local) *spot {
	nodes := children(e)
	spots := make([]*spot, len(nodes))
	for i, n := range nodes {
		spots[i] = r.visit(n, scope)
	}
	switch name := e.AsCall().FunctionName(); name {
	case operators.Index:
		return r.index(nodes, spots)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if len(nodes) == 2 {
			r.compared(spots[0], nodes[1])
			r.compared(spots[1], nodes[0])
		}
	case operators.In:
		r.within(nodes, spots)
	case fnMatches, fnGlob, fnUnder, fnCIDR, fnLower, overloads.StartsWith, overloads.EndsWith, overloads.Contains:
		for _, s := range spots {
			r.wants(s, "a string", "string")
		}
	}
	return nil
}

// index is args["name"], or the element of a list.
func (r *reads) index(nodes []ast.Expr, spots []*spot) *spot {
	if len(nodes) != 2 || spots[0] == nil {
		return nil
	}
	if nodes[1].Kind() == ast.LiteralKind {
		switch key := nodes[1].AsLiteral().(type) {
		case types.String:
			return r.member(spots[0], string(key))
		case types.Int, types.Uint:
			r.wants(spots[0], "a list", "array")
			return &spot{path: spots[0].path + "[]", schema: spots[0].schema.elements()}
		}
	}
	return &spot{path: spots[0].path + "[]"}
}

// within is `x in list`, and `"name" in args`.
func (r *reads) within(nodes []ast.Expr, spots []*spot) {
	if len(nodes) != 2 {
		return
	}
	if s := spots[1]; s != nil && s.schema != nil && !s.schema.may("array") {
		if key, ok := literal(nodes[0]).(types.String); ok {
			r.member(s, string(key))
		}
	}
	if nodes[1].Kind() == ast.ListKind {
		for _, element := range nodes[1].AsList().Elements() {
			r.compared(spots[0], element)
		}
	}
}

func literal(e ast.Expr) any {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	return e.AsLiteral()
}

// compared says when a spot can never have the type of the other side.
func (r *reads) compared(s *spot, other ast.Expr) {
	if s == nil {
		return
	}
	switch t := r.tree.GetType(other.ID()); t.Kind() {
	case types.StringKind:
		r.wants(s, "a string", "string")
	case types.IntKind, types.UintKind, types.DoubleKind:
		r.wants(s, "a number", "integer", "number")
	case types.BoolKind:
		r.wants(s, "a bool", "boolean")
	case types.NullTypeKind:
		r.wants(s, "null", "null")
	case types.ListKind:
		r.wants(s, "a list", "array")
	case types.MapKind:
		r.wants(s, "an object", "object")
	default: // known when it is evaluated
	}
}

func (r *reads) wants(s *spot, what string, words ...string) {
	if s != nil && !s.schema.may(words...) {
		r.fault("%s is compared with "+what+", which the schema rules out", s.path)
	}
}

func (r *reads) fault(format, path string) {
	text := fmt.Sprintf(format, path)
	if !r.seen[text] && len(r.faults) < maxFindings {
		r.seen[text] = true
		r.faults = append(r.faults, text)
	}
}

func shortened(path string) string {
	if len(path) <= maxShown {
		return path
	}
	return strings.ToValidUTF8(path[:maxShown], "") + "…"
}
