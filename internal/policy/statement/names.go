package statement

import "strings"

// table says why a base table may not be touched, "" when it may. schema is ""
// where the statement has none. Both are folded as the dialect does.
func (j *Judge) table(schema, name string) string {
	const not = "reads or writes a table that is not allowed"
	schema, name = j.fold(schema), j.fold(name)
	if strings.ContainsAny(schema+name, ".*") {
		return not // "public.orders" in quotes is one name
	}
	if schema == "" {
		switch {
		case j.catalogue("", name):
			return not
		case len(j.tables) > 0 && !j.tables[name]:
			return not
		}
		return ""
	}
	if len(j.tables) == 0 {
		if j.catalogue(schema, name) {
			return not
		}
		return ""
	}
	if j.tables[schema+"."+name] {
		return ""
	}
	// A catalogue's table in a schema of the application is one all the same in
	// SQLite, where sqlite_master lives in main.
	if j.tables[schema+".*"] && (j.dialect != SQLite || !j.catalogue(schema, name)) {
		return ""
	}
	return not
}

// catalogue tells whether the server itself keeps the table.
func (j *Judge) catalogue(schema, name string) bool {
	switch j.dialect {
	case Postgres:
		// An unqualified name may resolve to pg_catalog, where every relation
		// begins with pg_; pg_toast and pg_temp_3 are schemas.
		return strings.HasPrefix(schema, "pg_") || schema == "information_schema" || strings.HasPrefix(name, "pg_")
	case MySQL:
		switch lower(schema) {
		case "mysql", "information_schema", "performance_schema", "sys", "ndbinfo":
			return true
		}
		return false
	case SQLite:
		// Virtual tables that exist without being made, also in the shell:
		// https://sqlite.org/vtab.html#eponymous_virtual_tables
		switch lower(name) {
		case "dbstat", "fsdir", "completion", "bytecode", "tables_used", "carray", "wholenumber", "generate_series", "json_each", "json_tree":
			return true
		}
		return strings.HasPrefix(lower(name), "sqlite_") || strings.HasPrefix(lower(name), "pragma_")
	}
	return true
}

// function says why a function may not be called, "" when it may. name is
// folded, with its schema when the statement writes one.
func (j *Judge) function(name string) string {
	name = j.foldFunction(name)
	if j.functions[name] || harmless[j.dialect][name] {
		return ""
	}
	return "calls a function that is not allowed" + naming(name)
}

// naming repeats a name that is plain: nobody speaks to the reader in one.
func naming(name string) string {
	if len(name) > 63 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	}) {
		return ""
	}
	return ": " + name
}
