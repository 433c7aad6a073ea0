package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/policy/statement"
)

// Bounds of builtin sql.
const (
	defaultSQLTimeout = Duration(30 * time.Second)
	defaultSQLRows    = 1000
	defaultSQLBytes   = 1 << 20
	maxSQLTimeout     = Duration(time.Hour)
	maxSQLRows        = 100_000
	maxSQLCost        = 1_000_000_000
)

// finishSQL fills in the bounds of builtin sql that are not written.
func (u *Upstream) finishSQL() {
	if u.Timeout == 0 {
		u.Timeout = min(defaultSQLTimeout, u.Limits.Timeout)
	}
	if u.Rows == 0 {
		u.Rows = defaultSQLRows
	}
	if u.Bytes == 0 {
		u.Bytes = min(defaultSQLBytes, u.Limits.Result/4)
	}
}

func (v *checker) sql(path string, u *Upstream) {
	if u.DSN == "" {
		v.fault(path+".dsn", "is missing: it names the secret with the URL of the database")
	} else {
		v.reference(path+".dsn", u.DSN)
	}
	if len(u.Tables) == 0 {
		v.fault(path+".tables", "must name the tables that can be read")
	}
	seen := map[string]bool{}
	for _, d := range []statement.Dialect{statement.Postgres, statement.MySQL, statement.SQLite} {
		_, faults := statement.New(statement.Rule{Dialect: d, Tables: u.Tables})
		for _, f := range faults {
			if !seen[f.Field] {
				seen[f.Field] = true
				v.fault(path+"."+f.Field, "%s", f.Text)
			}
		}
	}
	for _, t := range slices.Sorted(maps.Keys(u.Mask)) {
		at := join(path+".mask", t)
		if !slices.Contains(u.Tables, t) || strings.HasSuffix(t, ".*") {
			v.fault(at, "must be a table as tables has it, by its own name")
		}
		if len(u.Mask[t]) == 0 || slices.ContainsFunc(u.Mask[t], func(c string) bool { return c == "" || strings.ContainsRune(c, 0) }) {
			v.fault(at, "must name columns")
		}
	}
	if u.Timeout < 0 || u.Timeout > maxSQLTimeout {
		v.fault(path+".timeout", "must be at most 1h")
	}
	for _, n := range []struct {
		key         string
		value, most int64
	}{{"rows", int64(u.Rows), maxSQLRows}, {"max_cost", int64(u.MaxCost), maxSQLCost}} {
		if n.value < 0 || n.value > n.most {
			v.fault(path+"."+n.key, "%s", fmt.Sprintf("must be at most %d", n.most))
		}
	}
	if u.Bytes < 0 || u.Bytes > u.Limits.Result/4 {
		v.fault(path+".bytes", "must be at most a quarter of limits.result (%s): an answer has the rows twice, once with every quotation mark escaped", u.Limits.Result)
	}
	if u.Timeout > u.Limits.Timeout {
		v.fault(path+".timeout", "is longer than limits.timeout (%s), after which nobody waits for the answer", time.Duration(u.Limits.Timeout))
	}
}
