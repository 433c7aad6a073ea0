package learning

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"doorward/internal/policy/statement"
)

// Bounds of what is tried for SQL: a judgement takes milliseconds.
const (
	maxStatements = 500 // different ones of a tool
	maxCandidates = 40  // names in one statement that could be tables
)

// noTable is a table that no statement names: a list of tables that has only it
// opens none, where an empty list would open all.
const noTable = "doorward_no_such_table"

// candidate finds what could be the name of a table.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var candidate = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[\pL_][\pL\pN_$]*(\.[\pL_][\pL\pN_$]*)?`) })

// statements narrows SQL to the kinds and tables seen. The parser of statements
// says whether a statement keeps to a rule, not what is in it; so the least rule is
// found by asking: whatever a statement passes without is not needed.
func (n *narrower) statements() {
	dialect, texts := n.sql()
	if len(texts) == 0 || len(texts) > maxStatements {
		return
	}
	var rule statement.Rule
	if n.where.SQL != nil {
		rule = *n.where.SQL
	}
	t := trial{rule: rule, dialect: dialect}
	for _, text := range texts {
		if !t.learn(text) {
			return
		}
	}
	rule.Statements, rule.Tables = once(t.kinds), once(t.tables)
	if _, faults := statement.New(t.with(rule.Statements, rule.Tables)); len(faults) == 0 {
		n.where.SQL = &rule
	}
}

// sql is the dialect and the statements of a tool; none when it has several
// dialects, which one rule would judge alike.
func (n *narrower) sql() (dialect statement.Dialect, texts []string) {
	for kind, d := range map[string]statement.Dialect{"sql": "postgres", "sql/postgres": "postgres", "sql/mysql": "mysql", "sql/sqlite": "sqlite"} {
		if len(n.seen.types[kind]) == 0 {
			continue
		}
		if texts != nil {
			return "", nil
		}
		dialect, texts = d, n.seen.types[kind]
	}
	return dialect, texts
}

// trial finds kinds and tables.
type trial struct {
	rule          statement.Rule // the present one
	dialect       statement.Dialect
	kinds, tables []string
}

func (t *trial) with(kinds, tables []string) statement.Rule {
	r := t.rule
	r.Dialect, r.Statements, r.Tables = t.dialect, kinds, tables
	return r
}

func (t *trial) passes(sql string, kinds, tables []string) bool {
	j, faults := statement.New(t.with(kinds, append([]string{noTable}, tables...)))
	return len(faults) == 0 && j.Judge(sql) == ""
}

// learn adds what one statement needs.
func (t *trial) learn(sql string) bool {
	if len(t.kinds) > 0 && len(t.tables) > 0 && t.passes(sql, t.kinds, t.tables) {
		return true
	}
	kinds := []string{"delete", "update", "insert", "explain", "select"}
	tables := t.candidates(sql)
	if len(tables) > maxCandidates || !t.passes(sql, kinds, tables) {
		return false
	}
	for _, k := range slices.Clone(kinds) {
		if less := without(kinds, k); len(less) > 0 && t.passes(sql, less, tables) {
			kinds = less
		}
	}
	for _, name := range slices.Clone(tables) {
		if less := without(tables, name); t.passes(sql, kinds, less) {
			tables = less
		}
	}
	t.kinds, t.tables = append(t.kinds, kinds...), append(t.tables, tables...)
	return true
}

// candidates are the names of a statement that a rule can list.
func (t *trial) candidates(sql string) []string {
	names := once(candidate().FindAllString(sql, -1))
	_, faults := statement.New(t.with(nil, names))
	bad := map[int]bool{}
	for _, f := range faults {
		if digits, ok := strings.CutPrefix(f.Field, "tables["); ok {
			if i, err := strconv.Atoi(strings.TrimSuffix(digits, "]")); err == nil {
				bad[i] = true
			}
		}
	}
	var out []string
	for i, name := range names {
		if !bad[i] {
			out = append(out, name)
		}
	}
	return out
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}
