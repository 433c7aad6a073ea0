package statement

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk goes through a syntax tree of PostgreSQL. The first thing that stands in
// the way stops it.
type walk struct {
	judge *Judge
	why   string
	// callees are the functions in FROM by the name that stands for their rows,
	// with the names that a column of theirs may have.
	callees map[string]map[string]bool
}

// scope is the names of common table expressions that can be seen, the nearest
// first.
type scope struct {
	name string
	up   *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.up {
		if s.name == name {
			return true
		}
	}
	return false
}

func (w *walk) fail(why string) {
	if w.why == "" {
		w.why = why
	}
}

// plain are the nodes that mean nothing but what their parts mean.
//
//nolint:gochecknoglobals // a table; read-only
var plain = set(`Node List String Integer Float Boolean BitString A_Const A_Star A_ArrayExpr A_Indices Alias
	BoolExpr BooleanTest CaseExpr CaseWhen CoalesceExpr CollateClause GroupingFunc GroupingSet JoinExpr MinMaxExpr
	NamedArgExpr NullTest ParamRef RangeSubselect ResTarget RowExpr SetToDefault MultiAssignRef WindowDef
	OnConflictClause InferClause IndexElem`)

// statement judges the one at the top.
func (w *walk) statement(n *pg.Node) {
	switch s := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		w.kind("select")
		w.query(s.SelectStmt, nil)
	case *pg.Node_InsertStmt:
		w.kind("insert")
		w.target(s.InsertStmt.GetRelation())
		w.parts(s.InsertStmt.ProtoReflect(), w.with(s.InsertStmt.GetWithClause(), nil), "relation", "with_clause")
	case *pg.Node_UpdateStmt:
		w.kind("update")
		w.target(s.UpdateStmt.GetRelation())
		w.parts(s.UpdateStmt.ProtoReflect(), w.with(s.UpdateStmt.GetWithClause(), nil), "relation", "with_clause")
	case *pg.Node_DeleteStmt:
		w.kind("delete")
		w.target(s.DeleteStmt.GetRelation())
		w.parts(s.DeleteStmt.ProtoReflect(), w.with(s.DeleteStmt.GetWithClause(), nil), "relation", "with_clause")
	case *pg.Node_ExplainStmt:
		w.kind("explain")
		w.explain(s.ExplainStmt)
	default:
		w.fail("is of a kind that is not allowed")
	}
}

func (w *walk) kind(kind string) {
	if !w.judge.kinds[kind] {
		w.fail("is of a kind that is not allowed: " + kind)
	}
}

// explain lets a select be explained, with options that do not run it.
func (w *walk) explain(s *pg.ExplainStmt) {
	for _, o := range s.GetOptions() {
		name := o.GetDefElem().GetDefname()
		if !slices.Contains([]string{"verbose", "costs", "format", "summary"}, name) {
			w.fail("explains with an option that is not allowed" + naming(name))
		}
	}
	q := s.GetQuery().GetSelectStmt()
	if q == nil {
		w.fail("explains something else than a select")
		return
	}
	w.query(q, nil)
}

// query judges one SELECT, VALUES or TABLE, and the operands of a set operation
// as parts of it.
func (w *walk) query(q *pg.SelectStmt, sc *scope) {
	if q.GetIntoClause() != nil {
		w.fail("writes its result into a table")
		return
	}
	if len(q.GetLockingClause()) > 0 {
		w.fail("locks rows (FOR UPDATE, FOR SHARE)")
		return
	}
	w.parts(q.ProtoReflect(), w.with(q.GetWithClause(), sc), "with_clause")
}

// with judges common table expressions and returns the scope with their names.
// One sees those before it; with RECURSIVE every one sees all.
func (w *walk) with(c *pg.WithClause, sc *scope) *scope {
	if c == nil {
		return sc
	}
	if c.GetRecursive() {
		for _, n := range c.GetCtes() {
			sc = &scope{n.GetCommonTableExpr().GetCtename(), sc}
		}
	}
	for _, n := range c.GetCtes() {
		cte := n.GetCommonTableExpr()
		q := cte.GetCtequery().GetSelectStmt()
		if cte == nil || q == nil {
			w.fail("changes data in a WITH")
			return sc
		}
		if cte.GetSearchClause() != nil || cte.GetCycleClause() != nil {
			w.fail("holds a form of SQL that is not allowed: SEARCH or CYCLE")
			return sc
		}
		w.query(q, sc)
		if !c.GetRecursive() {
			sc = &scope{cte.GetCtename(), sc}
		}
	}
	return sc
}

// parts walks the fields of a node that are nodes, but for those named.
func (w *walk) parts(m protoreflect.Message, sc *scope, but ...string) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() != protoreflect.MessageKind || slices.Contains(but, string(f.Name())) {
			return w.why == ""
		}
		if !f.IsList() {
			w.node(v.Message(), sc)
			return w.why == ""
		}
		for i := range v.List().Len() {
			w.node(v.List().Get(i).Message(), sc)
		}
		return w.why == ""
	})
}

// node judges one node below a statement.
func (w *walk) node(m protoreflect.Message, sc *scope) {
	var but []string
	switch n := m.Interface().(type) {
	case *pg.SelectStmt:
		w.query(n, sc)
		return
	case *pg.RangeVar:
		w.relation(n, sc)
		return
	case *pg.FuncCall:
		w.call(n)
		but = []string{"funcname"}
	case *pg.RangeFunction:
		w.rangeFunction(n)
	case *pg.TypeName:
		w.typeName(n)
		but = []string{"names"}
	case *pg.TypeCast:
	case *pg.A_Expr:
		w.operator(n.GetName())
	case *pg.SubLink:
		w.operator(n.GetOperName())
	case *pg.SortBy:
		if len(n.GetUseOp()) > 0 {
			w.fail("sorts with USING")
		}
	case *pg.SQLValueFunction:
		w.value(n)
	case *pg.ColumnRef:
		w.column(n)
	case *pg.A_Indirection:
		w.indirection(n)
	case *pg.ColumnDef:
		// A column of a function in FROM: a name and a type.
		w.parts(m, sc, "coll_clause")
		return
	default:
		if name := string(m.Descriptor().Name()); !plain[name] {
			w.fail("holds a form of SQL that is not allowed: " + name)
		}
	}
	if w.why == "" {
		w.parts(m, sc, but...)
	}
}
