package sql

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// roleFault is what a role may beside reading, and how that is taken back.
type roleFault string

func (f roleFault) Error() string {
	return "the database's role " + string(f) + ": its operator has to give Doorward one that may SELECT and nothing else"
}

// mayMore tells what a role, or one that it can become by SET ROLE, may beside writing
// tables: the predefined roles (PostgreSQL's manual, 22.5), its attributes (22.2), and
// privileges (5.8) by which it makes something, moves a sequence, or grants itself more.
const mayMore = `WITH roles AS (SELECT r.* FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')),
 relations AS (SELECT c.oid, c.relkind, c.relowner, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname <> 'information_schema')
SELECT m.what FROM (
 SELECT 1, 'is a member of ' || r.rolname || ' (REVOKE ' || r.rolname || ' FROM …)' FROM roles r WHERE r.rolname IN ('pg_write_server_files', 'pg_execute_server_program', 'pg_read_server_files', 'pg_signal_backend', 'pg_signal_autovacuum_worker', 'pg_write_all_data', 'pg_maintain', 'pg_checkpoint', 'pg_create_subscription')
 UNION ALL SELECT 2, 'has ' || a.name || ' (ALTER ROLE … NO' || a.name || ')' FROM roles r CROSS JOIN LATERAL (VALUES ('CREATEROLE', r.rolcreaterole), ('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) AS a(name, given) WHERE a.given
 UNION ALL SELECT 3, 'owns the database (ALTER DATABASE … OWNER TO …)' FROM roles r JOIN pg_catalog.pg_database d ON d.datdba = r.oid WHERE d.datname = pg_catalog.current_database()
 UNION ALL SELECT 4, 'may CREATE in the database (REVOKE CREATE ON DATABASE … FROM …)' FROM roles r WHERE pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CREATE')
 UNION ALL SELECT 5, pg_catalog.format('owns the schema %1$I (ALTER SCHEMA %1$I OWNER TO …)', n.nspname) FROM roles r JOIN pg_catalog.pg_namespace n ON n.nspowner = r.oid
 UNION ALL SELECT 6, pg_catalog.format('may CREATE in the schema %1$I (REVOKE CREATE ON SCHEMA %1$I FROM …, or FROM PUBLIC)', n.nspname) FROM roles r, pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
 UNION ALL SELECT 7, 'owns ' || c.name || ', and could grant itself more (ALTER TABLE ' || c.name || ' OWNER TO …)' FROM roles r JOIN relations c ON c.relowner = r.oid
 UNION ALL SELECT 8, 'may move the sequence ' || c.name || ' (REVOKE USAGE, UPDATE ON SEQUENCE ' || c.name || ' FROM …)' FROM roles r, relations c WHERE c.relkind = 'S' AND pg_catalog.has_sequence_privilege(r.oid, c.oid, 'USAGE, UPDATE')
 UNION ALL SELECT 9, 'has TRIGGER on ' || c.name || ' (REVOKE TRIGGER ON ' || c.name || ' FROM …)' FROM roles r, relations c WHERE c.relkind <> 'S' AND pg_catalog.has_table_privilege(r.oid, c.oid, 'TRIGGER')
) AS m(n, what) ORDER BY m.n, m.what LIMIT 1`

// onlyReads refuses a role that may more than read.
func onlyReads(ctx context.Context, conn *pgx.Conn) error {
	allow(conn.PgConn(), oneWord)
	var may bool
	if err := conn.QueryRow(ctx, mayWrite).Scan(&may); err != nil {
		return err
	}
	if may {
		return &unfit{errRights, errRole}
	}
	allow(conn.PgConn(), oneWord)
	var what string
	switch err := conn.QueryRow(ctx, mayMore).Scan(&what); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return &unfit{errRights, roleFault(what)}
}
