package sql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What a server says of the tables of one database that the account may read, and of their
// columns and keys.
const (
	tellKinds   = "SELECT table_schema, table_name, table_type, engine FROM information_schema.tables WHERE table_schema = %s"
	tellColumns = "SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns WHERE table_schema = ? AND privileges LIKE '%select%' ORDER BY table_name, ordinal_position LIMIT 100000"
	tellKeys    = "SELECT table_name, column_name, constraint_name, ordinal_position, referenced_table_schema, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage WHERE table_schema = ? ORDER BY table_name, constraint_name, ordinal_position LIMIT 100000"
)

// keeping are the engines of tables that hold their rows here, folded. Others read them from
// other tables or elsewhere (MERGE, FEDERATED, CONNECT, SPIDER), or make them (SEQUENCE).
//
//nolint:gochecknoglobals // a table; read-only
var keeping = map[string]bool{"innodb": true, "aria": true, "myisam": true, "memory": true, "csv": true, "archive": true, "rocksdb": true, "tokudb": true, "columnstore": true, "ndbcluster": true, "ndb": true}

// isTable tells whether what is called a table holds its rows itself, and is no view.
func isTable(kind, engine string) bool {
	return (kind == "BASE TABLE" || kind == "SYSTEM VERSIONED") && keeping[strings.ToLower(engine)]
}

// areTables refuses a statement that names a view: it reads with the rights of whoever made
// it, from tables that the statement does not name. One that differs from it by its case
// alone counts as the same, whatever the server takes it for. A common table expression must
// not have the name of what may not be read so: it is the server that decides which of the
// two is meant.
func (m *my) areTables(ctx context.Context, v *visit, named, common []string) error {
	if len(named)+len(common) == 0 {
		return nil
	}
	each := make([]string, 0, len(named)+len(common))
	for _, t := range slices.Concat(named, common) {
		schema, name := split(v.cfg.DBName, t)
		if slices.Contains(common, t) {
			schema, name = v.cfg.DBName, t // a dot in it is of the name
		}
		each = append(each, fmt.Sprintf("("+tellKinds+" AND table_name = %s)", literalText(schema), literalText(name)))
	}
	_, rows, err := v.told(ctx, strings.Join(each, " UNION ALL ")+" LIMIT 100000")
	if err != nil {
		return err
	}
	for _, t := range named {
		schema, name := split(v.cfg.DBName, t)
		found := false
		for _, row := range rows {
			if !strings.EqualFold(row[0], schema) || !strings.EqualFold(row[1], name) {
				continue
			}
			if !isTable(row[2], row[3]) {
				return fmt.Errorf("%s is no table but a view or the like, and reads what is not listed: its operator has to list the tables behind it", t)
			}
			found = true
		}
		if !found {
			return fmt.Errorf("%s is not there, or the database's account may not read it", t)
		}
	}
	for _, row := range rows {
		if strings.EqualFold(row[0], v.cfg.DBName) && slices.ContainsFunc(common, func(c string) bool { return strings.EqualFold(c, row[1]) }) &&
			(!m.lists(v.cfg.DBName, row[1]) || !isTable(row[2], row[3])) {
			return errors.New("a common table expression of the statement has the name of something in the database that is not listed, or no table: give it another name")
		}
	}
	return v.writesNone(ctx, named)
}

// lists tells whether a table of the URL's database is listed.
func (m *my) lists(database, table string) bool {
	return slices.ContainsFunc(m.set.Tables, func(t string) bool {
		schema, name := split(database, t)
		return schema == database && (name == table || name == "*")
	})
}

// writesNone refuses tables that the account may write after all: by what an account without
// a name or one of more hosts may, too, which SHOW GRANTS does not tell.
func (v *visit) writesNone(ctx context.Context, named []string) error {
	if len(named) == 0 {
		return nil
	}
	each := make([]string, 0, len(named))
	for _, t := range named {
		schema, name := split(v.cfg.DBName, t)
		each = append(each, fmt.Sprintf("(SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s AND (privileges LIKE '%%insert%%' OR privileges LIKE '%%update%%') LIMIT 1)", literalText(schema), literalText(name)))
	}
	_, rows, err := v.told(ctx, strings.Join(each, " UNION ALL "))
	if err == nil && len(rows) > 0 {
		err = &unfit{errRights, errAccount}
	}
	return err
}

// literalText is a text in a statement of ours, for a server on which a backslash is a
// character like others.
func literalText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// tables are those that are listed, there, readable for the account, and no views.
func (m *my) tables(ctx context.Context) (all []table, err error) {
	err = m.reading(ctx, func(v *visit) error {
		all, err = m.toldOf(ctx, v)
		return err
	})
	return all, err
}

// place of a table, and of a column in it.
type spot struct{ schema, table, column string }

// toldOf gathers what is listed.
func (m *my) toldOf(ctx context.Context, v *visit) ([]table, error) {
	known := map[string]*kept{} // by database
	at := map[spot]string{}     // how statements write a table
	all := []table{}
	for _, t := range slices.Sorted(slices.Values(m.set.Tables)) {
		schema, name := split(v.cfg.DBName, t)
		k := known[schema]
		if k == nil {
			var err error
			if k, err = v.kept(ctx, schema); err != nil {
				return nil, err
			}
			known[schema] = k
		}
		for _, real := range k.called(name) {
			as := t
			if name == "*" {
				as = schema + "." + real
			}
			if slices.ContainsFunc(all, func(t table) bool { return t.Name == as }) {
				continue
			}
			at[spot{schema, real, ""}] = cmp.Or(at[spot{schema, real, ""}], as)
			all = append(all, table{as, slices.Clone(k.tables[real])})
		}
		if len(all) > maxTables {
			return all, nil // the caller says so
		}
	}
	for i := range all {
		m.refer(v.cfg.DBName, &all[i], known, at)
	}
	return all, nil
}

// refer fills in what a table's columns are keys of, and the columns that are masked, of
// which the server tells the account nothing.
func (m *my) refer(database string, t *table, known map[string]*kept, at map[spot]string) {
	schema, name := split(database, t.Name)
	for i, f := range t.Columns {
		for _, real := range known[schema].called(name) {
			to, ok := known[schema].keys[spot{schema, real, f.Name}]
			if as := at[spot{to.schema, to.table, ""}]; ok && as != "" {
				t.Columns[i].References = as + "(" + to.column + ")"
			}
		}
	}
	for _, c := range m.set.Mask[t.Name] {
		t.Columns = append(t.Columns, field{Name: c, Masked: true})
	}
}

// kept is what is known of one database.
type kept struct {
	tables map[string][]field // by name
	keys   map[spot]spot      // of one column, and what it is a key of
}

// called are the names of tables that a listed one means: all, itself, or what differs
// from it by its case where that is not there.
func (k *kept) called(name string) []string {
	if name == "*" {
		return slices.Sorted(maps.Keys(k.tables))
	}
	if _, ok := k.tables[name]; ok {
		return []string{name}
	}
	for _, real := range slices.Sorted(maps.Keys(k.tables)) {
		if strings.EqualFold(real, name) {
			return []string{real}
		}
	}
	return nil
}

// kept asks for it.
func (v *visit) kept(ctx context.Context, schema string) (*kept, error) {
	k := &kept{map[string][]field{}, map[spot]spot{}}
	_, kinds, err := v.told(ctx, fmt.Sprintf(tellKinds, "?")+" LIMIT 100000", schema)
	if err != nil {
		return nil, err
	}
	for _, row := range kinds {
		if isTable(row[2], row[3]) {
			k.tables[row[1]] = nil
		}
	}
	_, columns, err := v.told(ctx, tellColumns, schema)
	if err != nil {
		return nil, err
	}
	for _, row := range columns {
		if _, ok := k.tables[row[0]]; ok {
			k.tables[row[0]] = append(k.tables[row[0]], field{Name: row[1], Type: row[2], Nullable: row[3] == "YES"})
		}
	}
	maps.DeleteFunc(k.tables, func(_ string, columns []field) bool { return len(columns) == 0 })
	_, keys, err := v.told(ctx, tellKeys, schema)
	if err != nil {
		return nil, err
	}
	return k, k.lock(schema, keys)
}

// lock takes in the keys, of which those to other tables count where they are of one column.
func (k *kept) lock(schema string, keys [][]string) error {
	for i, row := range keys {
		whole := func(j int) bool { return j >= 0 && j < len(keys) && keys[j][0] == row[0] && keys[j][2] == row[2] }
		if row[2] == "PRIMARY" {
			for j := range k.tables[row[0]] {
				if f := &k.tables[row[0]][j]; f.Name == row[1] {
					if _, err := fmt.Sscan(row[3], &f.PrimaryKey); err != nil {
						return errors.New("what the database says of its tables cannot be read")
					}
				}
			}
		} else if at := (spot{schema, row[0], row[1]}); row[5] != "" && !whole(i-1) && !whole(i+1) && k.keys[at] == (spot{}) {
			k.keys[at] = spot{row[4], row[5], row[6]}
		}
	}
	return nil
}
