package statement

import (
	"maps"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// target judges the table of an INSERT, UPDATE or DELETE, which no common table
// expression can stand for.
func (w *walk) target(r *pg.RangeVar) { w.relation(r, nil) }

func (w *walk) relation(r *pg.RangeVar, sc *scope) {
	switch {
	case r.GetCatalogname() != "":
		w.fail("names a table with its database")
	case r.GetSchemaname() == "" && sc.has(r.GetRelname()):
	default:
		if why := w.judge.table(r.GetSchemaname(), r.GetRelname()); why != "" {
			w.fail(why)
		}
	}
}

// call judges a function's name. The grammar writes some forms as calls in
// pg_catalog: EXTRACT(…), TRIM(…), AT TIME ZONE.
func (w *walk) call(c *pg.FuncCall) {
	name := joined(c.GetFuncname())
	if c.GetFuncformat() == pg.CoercionForm_COERCE_SQL_SYNTAX {
		name = strings.TrimPrefix(name, "pg_catalog.")
	}
	if why := w.judge.function(name); why != "" {
		w.fail(why)
	}
}

// joined is a name of several parts, each of them free of dots.
func joined(parts []*pg.Node) string {
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = strings.ReplaceAll(p.GetString_().GetSval(), ".", "\x00")
	}
	return strings.Join(list, ".")
}

// typeName judges a type, for its input function runs in a cast: regclass looks
// a name up, and a type of the application may do anything.
func (w *walk) typeName(t *pg.TypeName) {
	name := joined(t.GetNames())
	switch {
	case t.GetSetof() || t.GetPctType():
		w.fail("names a type by a column")
	case types[strings.TrimPrefix(name, "pg_catalog.")], w.judge.functions[name]:
	default:
		w.fail("casts to a type that is not allowed" + naming(name))
	}
}

func (w *walk) operator(name []*pg.Node) {
	for _, n := range name {
		op := n.GetString_().GetSval()
		// BETWEEN and its like are an operator to the grammar.
		if len(name) != 1 || !operators[op] && strings.Trim(op, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != "" {
			w.fail("uses an operator that is not allowed")
		}
	}
}

func (w *walk) value(v *pg.SQLValueFunction) {
	name := strings.ToLower(strings.TrimPrefix(v.GetOp().String(), "SVFOP_"))
	name = strings.TrimSuffix(name, "_n")
	if why := w.judge.function(name); why != "" {
		w.fail(why)
	}
}

// gather notes every function in FROM with the names that its columns may have.
// PostgreSQL reads f.g as g(f) where f has no column g and is the only value of
// its row, so that "SELECT f.pg_read_file FROM lower('…') f" reads a file.
func (w *walk) gather(m protoreflect.Message) {
	if f, ok := m.Interface().(*pg.RangeFunction); ok {
		w.stands(f)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				w.gather(v.List().Get(i).Message())
			}
		default:
			w.gather(v.Message())
		}
		return true
	})
}

// stands notes what stands for a function's rows. Where two functions share a
// name, wherever they are, what both allow may be a column.
func (w *walk) stands(f *pg.RangeFunction) {
	var called []string
	for _, call := range f.GetFunctions() {
		// The call, and its own column definitions.
		for _, part := range call.GetList().GetItems() {
			if fn := part.GetFuncCall().GetFuncname(); len(fn) > 0 {
				called = append(called, fn[len(fn)-1].GetString_().GetSval())
			}
		}
	}
	columns := set("ordinality key value")
	if alias := f.GetAlias(); alias != nil {
		called = []string{alias.GetAliasname()}
		for _, c := range alias.GetColnames() {
			columns[c.GetString_().GetSval()] = true
		}
	}
	for _, name := range called {
		// The only column has the name of the rows, unless it was given another.
		own := maps.Clone(columns)
		if len(f.GetAlias().GetColnames()) == 0 {
			own[name] = true
		}
		if old := w.callees[name]; old != nil {
			maps.DeleteFunc(own, func(c string, _ bool) bool { return !old[c] })
		}
		w.callees[name] = own
	}
}

// rangeFunction lets nothing but calls stand in FROM: a value function or a
// cast may stand there as well.
func (w *walk) rangeFunction(f *pg.RangeFunction) {
	for _, n := range f.GetFunctions() {
		if items := n.GetList().GetItems(); len(items) == 0 || items[0].GetFuncCall() == nil {
			w.fail("has something else than a function call in FROM")
		}
	}
}

// column judges f.g where f is a function's rows, see gather.
func (w *walk) column(c *pg.ColumnRef) {
	f := c.GetFields()
	if len(f) < 2 {
		return
	}
	last := f[len(f)-1].GetString_()
	names := w.callees[f[len(f)-2].GetString_().GetSval()]
	if last != nil && names != nil && !names[last.GetSval()] {
		w.fail("takes a column of a function in FROM that could be a call: give the function's columns names, as in f(…) AS x(a)")
	}
}

// indirection lets elements of arrays and (row).* pass. (value).f is f(value)
// to PostgreSQL.
func (w *walk) indirection(i *pg.A_Indirection) {
	for _, n := range i.GetIndirection() {
		if n.GetString_() != nil {
			w.fail("takes a field of an expression, which could be a call")
		}
	}
}
