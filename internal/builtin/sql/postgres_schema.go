package sql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// quoted is a listed table as an identifier.
func quoted(t string) string { return pgx.Identifier(strings.Split(t, ".")).Sanitize() }

// undefinedColumn is the SQLSTATE of a column that is not there: appendix A of PostgreSQL's manual.
const undefinedColumn = "42703"

// masksHold refuses when the role may read a masked column: PostgreSQL itself has to deny
// it, or a form of SQL that nobody thought of would read it.
func (p *postgres) masksHold(ctx context.Context, c *pgx.Conn) error {
	for _, t := range slices.Sorted(maps.Keys(p.set.Mask)) {
		for _, column := range p.set.Mask[t] {
			allow(c.PgConn(), oneWord)
			r := c.PgConn().ExecParams(ctx, "SELECT pg_catalog.has_column_privilege(pg_catalog.to_regclass($1::text), $2::text, 'SELECT')", [][]byte{[]byte(quoted(t)), []byte(column)}, nil, nil, nil).Read()
			switch {
			case r.Err != nil:
				if said, ok := errors.AsType[*pgconn.PgError](r.Err); ok && said.Code == undefinedColumn {
					return &unfit{errMask, queryFault(r.Err)}
				}
				return queryFault(r.Err)
			case len(r.Rows) != 1 || len(r.Rows[0]) != 1:
				return errors.New("whether the masks hold cannot be told")
			case r.Rows[0][0] == nil:
				return maskFault("columns of %s are masked, and it is not there: its operator has to name it as it is called now", t)
			case string(r.Rows[0][0]) != "f":
				return maskFault("the column %s of %s is masked, and the database's role may read it: its operator has to grant SELECT on the other columns alone", column, t)
			}
		}
	}
	return nil
}

// tellTables is what there is to tell of tables: those of $1 by name, all of the schemas $2.
const tellTables = `SELECT w.name, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
 coalesce((SELECT pg_catalog.array_position(k.conkey, a.attnum) FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'), 0),
 coalesce((SELECT f.confrelid FROM pg_catalog.pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey[1] = a.attnum AND pg_catalog.cardinality(f.conkey) = 1 ORDER BY f.conname LIMIT 1), 0),
 coalesce((SELECT r.attname FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_attribute r ON r.attrelid = f.confrelid AND r.attnum = f.confkey[1]
  WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey[1] = a.attnum AND pg_catalog.cardinality(f.conkey) = 1 ORDER BY f.conname LIMIT 1), ''),
 c.oid
FROM (SELECT t.name, pg_catalog.to_regclass(t.quoted) AS rel FROM ROWS FROM (unnest($1::text[]), unnest($2::text[])) AS t(name, quoted)
 UNION ALL SELECT n.nspname || '.' || c.relname, c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($3::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) w
JOIN pg_catalog.pg_class c ON c.oid = w.rel JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE pg_catalog.has_any_column_privilege(c.oid, 'SELECT') ORDER BY w.name, a.attnum LIMIT 100000`

// tables are those that are listed, there, and readable for the role.
func (p *postgres) tables(ctx context.Context) (all []table, err error) {
	var names, identifiers, schemas []string
	for _, t := range p.set.Tables {
		if s, whole := strings.CutSuffix(t, ".*"); whole {
			schemas = append(schemas, s)
			continue
		}
		names, identifiers = append(names, t), append(identifiers, quoted(t))
	}
	err = p.reading(ctx, func(c *pgx.Conn) error {
		allow(c.PgConn(), allTold)
		rows, err := c.Query(ctx, tellTables, names, identifiers, schemas)
		if err != nil {
			return queryFault(err)
		}
		all, err = p.told(rows)
		return err
	})
	return all, err
}

// told gathers the columns of each table.
func (p *postgres) told(rows pgx.Rows) ([]table, error) {
	defer rows.Close()
	all, named := []table{}, map[uint32]string{}
	type key struct {
		table, column int
		to            uint32
		name          string
	}
	var keys []key
	for rows.Next() {
		var f field
		var name, column string
		var to, self uint32
		if err := rows.Scan(&name, &f.Name, &f.Type, &f.Nullable, &f.PrimaryKey, &to, &column, &self); err != nil {
			return nil, errors.New("what the database says of its tables cannot be read")
		}
		if len(all) == 0 || all[len(all)-1].Name != name {
			all = append(all, table{Name: name})
		}
		named[self] = name
		t := &all[len(all)-1]
		f.Masked = slices.Contains(p.set.Mask[name], f.Name)
		t.Columns = append(t.Columns, f)
		keys = append(keys, key{len(all) - 1, len(t.Columns) - 1, to, column})
	}
	if err := rows.Err(); err != nil {
		return nil, queryFault(err)
	}
	for _, k := range keys {
		if to, ok := named[k.to]; ok {
			all[k.table].Columns[k.column].References = to + "(" + k.name + ")"
		}
	}
	return all, nil
}
