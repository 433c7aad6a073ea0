package sql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	own "doorward/internal/builtin/sql"
	"doorward/internal/policy/statement"
	"doorward/internal/store/storetest"
)

// server is PostgreSQL with the sample.
type server struct {
	t   *testing.T
	url string // of its owner
}

func (s *server) dsn(role string) string { return strings.Replace(s.url, "owner:", role+":", 1) }

// owner runs a statement as the owner, and returns the text that it gives.
func (s *server) owner(stmt string) (out string) {
	s.t.Helper()
	conn, err := pgx.Connect(context.Background(), s.dsn("owner"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	all, err := conn.PgConn().Exec(context.Background(), stmt).ReadAll()
	if err != nil {
		s.t.Fatal(err)
	}
	if last := all[len(all)-1]; len(last.Rows) > 0 {
		out = string(last.Rows[0][0])
	}
	return out
}

// caller is a client of a server that reads as a role.
func (s *server) caller(role string, set func(*own.Settings)) *caller {
	s.t.Helper()
	c := newCaller(s.t, func(in *own.Settings) {
		in.DSN = func() (string, error) { return s.dsn(role), nil }
		if set != nil {
			set(in)
		}
	})
	c.canary = func() string {
		return s.owner(`SELECT (SELECT string_agg(n::text, ',') FROM canary) || (SELECT count(*) FROM orders) || (SELECT count(*) FROM pg_class) || (SELECT is_called FROM seq)`)
	}
	return c
}

func (s *server) unfit(t *testing.T, role string, set func(*own.Settings), word, why string) {
	t.Helper()
	unfit(t, func(set func(*own.Settings)) *caller { return s.caller(role, set) }, set, word, why)
}

// One server of PostgreSQL bears every test of it: it takes a second to start.
func TestPostgres(t *testing.T) {
	statement.Prepare()
	s := &server{t, storetest.NewPostgres(t).DSN()}
	s.owner(strings.NewReplacer("JSONTYPE", "jsonb", "BYTES", "bytea", "HEX", `'\x00ff'`).Replace(sample) + `
CREATE SEQUENCE seq; CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE moods (m mood);
CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM canary; SELECT 1'; INSERT INTO moods VALUES ('fine');
CREATE ROLE reader LOGIN; GRANT SELECT ON orders, customers, items, products, events, moods, secret, canary TO reader;
CREATE ROLE masked LOGIN; GRANT SELECT (id, qty) ON items TO masked; GRANT SELECT ON orders TO masked;
CREATE ROLE writer LOGIN; GRANT SELECT, INSERT ON orders TO writer;
CREATE ROLE column_writer LOGIN; GRANT SELECT ON orders TO column_writer; GRANT UPDATE (status) ON orders TO column_writer;
CREATE ROLE may_become LOGIN NOINHERIT; GRANT SELECT ON orders TO may_become; GRANT writer TO may_become`)
	for name, test := range map[string]func(*testing.T, *server){
		"values": values, "schema": schema, "POL-17 to 29": attacked, "POL-27": answered, "roles": roles,
		"mask": masks, "limits": limits, "cost": costs, "cancel": cancelled, "reset": resets,
	} {
		t.Run(name, func(t *testing.T) { test(t, &server{t, s.url}) })
	}
}

func values(_ *testing.T, s *server) {
	c := s.caller("reader", nil)
	c.want(`SELECT id, total, created_at, big, raw, day, ok, data, "delete" FROM orders ORDER BY id;`, nil,
		`{"columns":[{"name":"id","type":"int4"},{"name":"total","type":"numeric"},{"name":"created_at","type":"timestamp"},{"name":"big","type":"int8"},{"name":"raw","type":"bytea"},{"name":"day","type":"date"},{"name":"ok","type":"bool"},{"name":"data","type":"jsonb"},{"name":"delete","type":"text"}],`+
			`"rows":[[1,"10.50","2026-11-01T10:20:30","9007199254740993","AP8=","2026-11-02",true,"{\"k\": \"v\"}","x"],[2,null,null,7,null,null,false,null,null]],"truncated":false}`)
	c.want(`SELECT $1::int + 1 AS i, $2 || 'b' AS t, $3::bool AS b, $4::text AS n, '2026-11-01 10:00:00.5+02'::timestamptz AS z, 1.5::float8 AS f, 'NaN'::float4 AS x, ARRAY[1,2] AS a, interval '1 day' AS d`, []any{41, "a", true, nil},
		`{"columns":[{"name":"i","type":"int4"},{"name":"t","type":"text"},{"name":"b","type":"bool"},{"name":"n","type":"text"},{"name":"z","type":"timestamptz"},{"name":"f","type":"float8"},{"name":"x","type":"float4"},{"name":"a","type":"int4[]"},{"name":"d","type":"interval"}],`+
			`"rows":[[42,"ab",true,null,"2026-11-01T08:00:00.5Z",1.5,"NaN","{1,2}","P1D"]],"truncated":false}`)
	moods := s.caller("reader", func(in *own.Settings) { in.Tables = []string{"public.moods"} })
	moods.want("SELECT m FROM public.moods -- of the database's own", nil, `{"columns":[{"name":"m","type":"mood"}],"rows":[["fine"]],"truncated":false}`)
	c.refused("SELECT nothing FROM orders", `column "nothing" does not exist (SQLSTATE 42703)`)
	c.refused("SELECT 1 / (id - 1) FROM orders", "SQLSTATE 22012")
}

func schema(t *testing.T, s *server) {
	got := s.caller("reader", func(in *own.Settings) { in.Tables = []string{"orders", "customers", "absent"} }).call("schema", map[string]any{})
	for _, part := range []string{`"dialect":"postgres"`, `{"name":"id","type":"integer","primary_key":1}`, `{"name":"customer_id","type":"integer","nullable":true,"references":"customers(id)"}`, `{"name":"total","type":"numeric(10,2)","nullable":true}`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "absent") {
		t.Error(got)
	}
	whole := s.caller("reader", func(in *own.Settings) { in.Tables = []string{"public.*"} }).call("schema", map[string]any{})
	if !strings.Contains(whole, `{"name":"public.orders",`) || strings.Contains(whole, "revealed") {
		t.Errorf("a schema, of which the role may read: %s", whole)
	}
	got = s.caller("masked", func(in *own.Settings) {
		in.Tables, in.Mask = []string{"items"}, map[string][]string{"items": {"card"}}
	}).call("schema", map[string]any{})
	if !strings.Contains(got, `{"name":"card","type":"text","nullable":true,"masked":true}`) || strings.Contains(got, "orders") {
		t.Error(got)
	}
}

func attacked(_ *testing.T, s *server) {
	s.caller("reader", nil).attack(hostile(
		"SELECT pg_read_file('/etc/passwd')", "SELECT lo_import('/x')", "SELECT pg_sleep(60)", "SELECT set_config('a', 'b', false)", "SELECT nextval('seq')", "SELECT pg_terminate_backend(1)", "SELECT query_to_xml('delete from canary', true, true, '')", "SELECT public.wipe()", "SELECT pg_notify('a', 'b')", "SELECT pg_advisory_lock(1)", "SELECT x.wipe FROM orders x, lower('a') f",
		"SELECT * FROM pg_catalog.pg_authid", "SELECT * FROM pg_shadow", `SELECT U&"pg\005fsleep"(1)`, "SELECT 'secret'::regclass", "SELECT NULL::secret", "SELECT current_user",
	), "sesame", "reader", "doorward-state-")
}

func answered(t *testing.T, s *server) {
	c := s.caller("reader", func(in *own.Settings) { in.Tables = append(in.Tables, "public.orders", "Mixed") })
	s.owner(`CREATE TABLE IF NOT EXISTS "Mixed" (id integer); GRANT SELECT ON "Mixed" TO reader`)
	if failed := c.answers(legitimate(t, "postgres")); len(failed) > 0 {
		t.Errorf("not answered: %s", strings.Join(failed, "\n"))
	}
}

// A role that could write, or do everything, is not used.
func roles(t *testing.T, s *server) {
	for _, role := range []string{"owner", "writer", "column_writer"} {
		s.unfit(t, role, nil, "database.rights", "or is a superuser")
	}
	n := 0
	for grant, says := range map[string]string{
		"GRANT pg_write_server_files TO %R": "is a member of pg_write_server_files (REVOKE pg_write_server_files FROM", "GRANT pg_execute_server_program TO %R": "pg_execute_server_program",
		"GRANT pg_read_server_files TO %R": "pg_read_server_files", "GRANT pg_signal_backend TO %R": "pg_signal_backend",
		"CREATE ROLE %G; GRANT pg_signal_backend TO %G; ALTER ROLE %R NOINHERIT; GRANT %G TO %R": "pg_signal_backend",
		"ALTER ROLE %R CREATEROLE": "ALTER ROLE … NOCREATEROLE", "ALTER ROLE %R CREATEDB": "has CREATEDB", "ALTER ROLE %R REPLICATION": "has REPLICATION", "ALTER ROLE %R BYPASSRLS": "has BYPASSRLS",
		"GRANT CREATE ON DATABASE %D TO %R": "REVOKE CREATE ON DATABASE", "GRANT CREATE ON SCHEMA public TO %R": "REVOKE CREATE ON SCHEMA public",
		"CREATE SCHEMA %S AUTHORIZATION %R": "owns the schema", "GRANT UPDATE ON SEQUENCE seq TO %R": "REVOKE USAGE, UPDATE ON SEQUENCE public.seq", "GRANT USAGE ON SEQUENCE seq TO %R": "public.seq",
		"GRANT TRIGGER ON orders TO %R": "REVOKE TRIGGER ON public.orders", "CREATE TABLE %T (n int); ALTER TABLE %T OWNER TO %R; REVOKE ALL ON %T FROM %R": "could grant itself more",
	} {
		n++
		role := fmt.Sprintf("more_%d", n)
		names := strings.NewReplacer("%R", role, "%G", "group_"+role, "%S", "schema_"+role, "%T", "table_"+role, "%D", s.owner("SELECT quote_ident(current_database())"))
		s.owner("CREATE ROLE " + role + " LOGIN; GRANT SELECT ON orders TO " + role + "; " + names.Replace(grant))
		s.unfit(t, role, nil, "database.rights", says)
	}
	s.caller("absent", nil).refused("SELECT 1", "refuses the connection (SQLSTATE 28000)")
}

// A masked column is one that the role may not read, or nothing is.
func masks(t *testing.T, s *server) {
	set := func(in *own.Settings) { in.Mask = map[string][]string{"items": {"card"}} }
	s.unfit(t, "reader", set, "database.mask", "the database's role may read it")
	s.unfit(t, "masked", func(in *own.Settings) { in.Mask = map[string][]string{"items": {"crad"}} }, "database.mask", `column "crad" of relation "items" does not exist`)
	s.unfit(t, "masked", func(in *own.Settings) { in.Mask = map[string][]string{"itmes": {"card"}} }, "database.mask", "columns of itmes are masked, and it is not there")
	c := s.caller("masked", set)
	c.want("SELECT id, qty FROM items", nil, `{"columns":[{"name":"id","type":"int4"},{"name":"qty","type":"int4"}],"rows":[[1,3]],"truncated":false}`)
	for _, stmt := range []string{"SELECT * FROM items", "SELECT count(card) FROM items", "SELECT 1 FROM items WHERE card = '4111'", "SELECT i FROM items i", "SELECT to_jsonb(i) FROM items i"} {
		c.refused(stmt, "SQLSTATE 42501")
	}
}

func limits(_ *testing.T, s *server) {
	c := s.caller("reader", func(in *own.Settings) { in.Rows, in.Bytes = 3, 200 })
	c.want("SELECT i FROM generate_series(1, 3) AS g(i)", nil, `{"columns":[{"name":"i","type":"int4"}],"rows":[[1],[2],[3]],"truncated":false}`)
	c.want("SELECT i FROM generate_series(1, 9) AS g(i)", nil, `{"columns":[{"name":"i","type":"int4"}],"rows":[[1],[2],[3]],"truncated":true,"limit":"rows"}`)
	c.want("SELECT repeated FROM (VALUES ('x'), (replace($1, 'a', 'bb'))) AS v(repeated)", []any{strings.Repeat("a", 100)}, `{"columns":[{"name":"repeated","type":"text"}],"rows":[["x"]],"truncated":true,"limit":"bytes"}`)
	c.refused("SELECT replace('"+strings.Repeat("a", 4000)+"', 'a', '"+strings.Repeat("b", 4000)+"')", "without an answer")
	c.want("SELECT 1 AS n", nil, `{"columns":[{"name":"n","type":"int4"}],"rows":[[1]],"truncated":false}`)
	late := s.caller("reader", func(in *own.Settings) { in.Timeout = time.Second })
	late.refused("SELECT count(*) FROM generate_series(1, 1000000000)", "longer than it may")
}

func costs(_ *testing.T, s *server) {
	c := s.caller("reader", func(in *own.Settings) { in.MaxCost = 100 })
	c.want("SELECT id FROM orders WHERE id = $1", []any{1}, `{"columns":[{"name":"id","type":"int4"}],"rows":[[1]],"truncated":false}`)
	c.refused("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b", "and 100 is the most")
}

// What a client gives up, PostgreSQL gives up, too.
func cancelled(t *testing.T, s *server) {
	c := s.caller("reader", nil)
	busy := func() string {
		return s.owner("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active' AND query LIKE '%1000000007%'")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.session.CallTool(ctx, &mcp.CallToolParams{Name: "query", Arguments: query("SELECT count(*) FROM generate_series(1, 1000000007) a, generate_series(1, 1000000007) b", nil)})
		done <- err
	}()
	until(t, "it runs", func() bool { return busy() == "1" })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	until(t, "PostgreSQL has given it up", func() bool { return busy() == "0" })
}

// until waits for a condition, which is asked of another process each time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// One connection serves call after call, each as if it were new.
func resets(t *testing.T, s *server) {
	c := s.caller("reader", nil)
	pid := func() string {
		return s.owner("SELECT string_agg(pid || ' ' || query, ';') FROM pg_stat_activity WHERE usename = 'reader' AND state = 'idle' AND application_name = 'doorward' AND backend_start > now() - interval '10 minutes' AND query = 'DISCARD ALL'")
	}
	for range 3 {
		if _, err := c.ask("query", query("SELECT id FROM orders", nil)); err != nil {
			t.Fatal(err)
		}
		until(t, "the connection is reset", func() bool { return strings.Contains(pid(), "DISCARD ALL") })
	}
	var got struct{ Rows [][]any }
	if err := json.Unmarshal([]byte(c.call("query", query("SELECT id FROM orders", nil))), &got); err != nil || len(got.Rows) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
