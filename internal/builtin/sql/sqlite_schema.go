package sql

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
)

// tables are those that are listed and there.
func (l *lite) tables(ctx context.Context) (all []table, err error) {
	all = []table{}
	listed := map[string]bool{}
	for _, t := range l.set.Tables {
		listed[bare(t)] = true
	}
	err = l.open(ctx, func(c *sql.Conn, there map[string]bool) error {
		for _, name := range slices.Sorted(maps.Keys(listed)) {
			if !there[name] {
				continue
			}
			t := table{Name: name}
			if t.Columns, err = l.columns(ctx, c, name, listed); err != nil {
				return liteFault(err)
			}
			all = append(all, t)
		}
		return nil
	})
	return all, err
}

func (l *lite) columns(ctx context.Context, c *sql.Conn, name string, listed map[string]bool) ([]field, error) {
	rows, err := c.QueryContext(ctx, `SELECT c.name, lower(c.type), NOT c."notnull" AND NOT c.pk, c.pk, coalesce(f."table", ''), coalesce(f."to", '')
 FROM pragma_table_xinfo(?1) c LEFT JOIN pragma_foreign_key_list(?1) f ON lower(f."from") = lower(c.name) WHERE c.hidden <> 1 ORDER BY c.cid`, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []field
	for rows.Next() {
		var f field
		var to, column string
		if err := rows.Scan(&f.Name, &f.Type, &f.Nullable, &f.PrimaryKey, &to, &column); err != nil {
			return nil, err
		}
		if listed[strings.ToLower(to)] {
			f.References = to + "(" + column + ")"
		}
		for t, columns := range l.set.Mask {
			f.Masked = f.Masked || bare(t) == name && slices.ContainsFunc(columns, func(c string) bool { return strings.EqualFold(c, f.Name) })
		}
		if n := len(all); n > 0 && all[n-1].Name == f.Name {
			continue // a column of several keys: the first is told
		}
		all = append(all, f)
	}
	return all, rows.Err()
}
