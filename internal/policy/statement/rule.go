package statement

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Dialect is the language of one database server.
type Dialect string

// The dialects that can be judged.
const (
	Postgres Dialect = "postgres"
	MySQL    Dialect = "mysql"
	SQLite   Dialect = "sqlite"
)

// Rule is what SQL must keep to. With nothing but the dialect it allows one
// SELECT on any table that is no catalogue, with harmless functions.
type Rule struct {
	Dialect Dialect // required
	// Statements are kinds: select, insert, update, delete, explain. Empty:
	// select. VALUES and TABLE t count as select. Explain explains a select and
	// never runs it.
	Statements []string
	// Tables are names as the statement writes them: "orders" is that name
	// without a schema, "public.orders" the one with it, "public.*" every table
	// of the schema. Case counts, but in SQLite. Empty: any that is no catalogue;
	// with a kind that writes, empty is a fault. A catalogue is read only where
	// it is listed with its schema.
	Tables []string
	// Functions may be called beyond the harmless ones: "similarity",
	// "app.price". In PostgreSQL a type that is no built-in one ("order_status")
	// may be cast to when it is listed here.
	Functions []string
	// JoinsByOn refuses NATURAL and USING: what they compare is read without anybody being
	// asked (SQLite's authorizer). PostgreSQL, which asks for every column, takes no account of it.
	JoinsByOn bool
}

// Fault is something wrong with a rule.
type Fault struct {
	Field string // "dialect", "statements[1]"
	Text  string
}

// Judge judges statements by one rule. The nil Judge refuses.
type Judge struct {
	dialect   Dialect
	kinds     map[string]bool
	tables    map[string]bool // "orders", "public.orders", "public.*"
	functions map[string]bool // those of the rule alone
	joinsByOn bool
}

// maxNames bounds each list of a rule, maxName the bytes of a name in it.
const (
	maxNames = 1000
	maxName  = 200
)

// name is one name, or a schema and a name.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	name = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[^\s."'` + "`" + `;*()]+(\.[^\s."'` + "`" + `;*()]+)?$`)
	})
	schema = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^\s."'` + "`" + `;*()]+\.\*$`) })
)

// New compiles a rule. It returns every fault at once, and no judge then.
func New(r Rule) (*Judge, []Fault) {
	j := &Judge{dialect: r.Dialect, kinds: map[string]bool{}, tables: map[string]bool{}, functions: map[string]bool{}, joinsByOn: r.JoinsByOn}
	var faults []Fault
	fault := func(field, format string, args ...any) {
		faults = append(faults, Fault{field, fmt.Sprintf(format, args...)})
	}
	if r.Dialect != Postgres && r.Dialect != MySQL && r.Dialect != SQLite {
		fault("dialect", "must be postgres, mysql or sqlite")
	}
	writes := false
	for i, kind := range r.Statements {
		switch kind {
		case "insert", "update", "delete":
			writes = true
		case "select", "explain":
		default:
			fault(fmt.Sprintf("statements[%d]", i), "must be select, insert, update, delete or explain")
		}
		j.kinds[kind] = true
	}
	if len(r.Statements) == 0 {
		j.kinds["select"] = true
	}
	if writes && len(r.Tables) == 0 {
		fault("tables", "must name the tables when insert, update or delete is allowed")
	}
	for field, list := range map[string][]string{"statements": r.Statements, "tables": r.Tables, "functions": r.Functions} {
		if len(list) > maxNames {
			fault(field, "holds more than %d names", maxNames)
		}
	}
	for i, t := range r.Tables {
		if len(t) > maxName || !name().MatchString(t) && !schema().MatchString(t) {
			fault(fmt.Sprintf("tables[%d]", i), "must be a table, a schema and a table (public.orders), or a whole schema (public.*), without quotes")
			continue
		}
		if !strings.Contains(t, ".") && j.catalogue("", j.fold(t)) {
			fault(fmt.Sprintf("tables[%d]", i), "names a table of the catalogue: write it with its schema")
		}
		j.tables[j.fold(t)] = true
	}
	for i, f := range r.Functions {
		if len(f) > maxName || !name().MatchString(f) {
			fault(fmt.Sprintf("functions[%d]", i), "must be a function, or a schema and a function (app.price), without quotes or parentheses")
			continue
		}
		j.functions[j.foldFunction(f)] = true
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return j, nil
}

// Judge returns "" when the statement may pass. Otherwise it says what stood in
// the way, for a client to read: names of functions and forms, no literal. It
// takes about 0.1 s for the largest statements, apart from the first one for
// PostgreSQL, for which the parser is compiled (about a second).
func (j *Judge) Judge(sql string) (why string) {
	if j == nil {
		return "cannot be judged: no rule is in force"
	}
	tokens, why := j.tokens(sql)
	if why != "" {
		return why
	}
	if j.dialect == Postgres {
		return j.judgePostgres(sql)
	}
	_, _, why = j.judgeSubset(tokens)
	return why
}

// tokens are those of a statement that is short and flat enough to be read.
func (j *Judge) tokens(sql string) (tokens []token, why string) {
	tokens, why = scan(j.dialect, sql)
	if why != "" {
		return nil, why
	}
	if len(tokens) == 0 {
		return nil, "holds no statement"
	}
	return tokens, bounded(tokens)
}

// Reads are the tables that a statement which may pass touches, each once and as the
// statement writes it: "orders", "shop.orders". common are the names of its common table
// expressions, each once. For a statement that may not pass, and in PostgreSQL, why says so.
// It is for whoever has to ask the server what a name stands for.
func (j *Judge) Reads(sql string) (tables, common []string, why string) {
	if j == nil || j.dialect == Postgres {
		return nil, nil, "cannot be asked for its tables"
	}
	tokens, why := j.tokens(sql)
	if why != "" {
		return nil, nil, why
	}
	return j.judgeSubset(tokens)
}

// Calls tells whether a function may be called, by its name without a schema. It is for
// whoever is asked about each call of a statement, as SQLite's authorizer is.
func (j *Judge) Calls(name string) bool { return j != nil && j.function(name) == "" }

// fold is a table's name as the dialect compares it. MySQL's hangs on the
// server, so there it is left as it is.
func (j *Judge) fold(s string) string {
	if j.dialect == SQLite {
		return lower(s)
	}
	return s
}

// foldFunction is a function's name as the dialect compares it.
func (j *Judge) foldFunction(s string) string {
	if j.dialect == Postgres {
		return s
	}
	return lower(s)
}

// lower folds ASCII alone, as all three dialects do with names.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
