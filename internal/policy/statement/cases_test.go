package statement_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/policy/statement"
)

// tables are those that the corpus may read.
var tables = []string{"orders", "public.orders", "customers", "items", "products", "events", "Mixed", "main.orders", "shop.orders"}

func judge(t testing.TB, r statement.Rule) *statement.Judge {
	t.Helper()
	j, faults := statement.New(r)
	if len(faults) > 0 {
		t.Fatalf("New: %v", faults)
	}
	return j
}

// reading judges what may read the tables of the corpus.
func reading(t testing.TB, d statement.Dialect) *statement.Judge {
	t.Helper()
	return judge(t, statement.Rule{Dialect: d, Tables: tables})
}

const (
	pg     = statement.Postgres
	mysql  = statement.MySQL
	sqlite = statement.SQLite
)

var dialects = []statement.Dialect{pg, mysql, sqlite}

// refused and allowed are the cases by id and dialect; "" is every dialect.
var refused = map[string]map[statement.Dialect][]string{
	"POL-17": {"": {"SELECT 1; COMMIT; DROP SCHEMA public CASCADE", "SELECT 1;;", ";;", ";", "SELECT 1; --", "SELECT 1; SELECT 2", "SELECT 1;/**/", "", " ", "-- nothing", "SELECT 1;\x00"}},
	"POL-18": {
		"":    {"/**/DELETE FROM orders", "--x\nDELETE FROM orders", "/* /* */ */ DELETE FROM orders", "/* /* */ SELECT 1 */", "/*!50000 DELETE */ FROM orders", "/*!50000 SELECT */ 1", "SELECT /*+ SET_VAR(x=1) */ 1", "SELECT 1 /*M!100000 , sleep(5) */", "SELECT 1 /*Ab!1 , sleep(5) */", "# x\nDELETE FROM orders", "/* open", "SELECT 1 -- x\rFROM secret"},
		mysql: {"SELECT 1--1", "SELECT * FROM orders WHERE id = 1 --x"},
	},
	"POL-19": {
		"": {"WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x", "WITH x AS (INSERT INTO orders VALUES (1) RETURNING id) SELECT * FROM x", "WITH x AS (UPDATE orders SET id=1 RETURNING *) SELECT * FROM x", "WITH a AS (WITH b AS (WITH c AS (DELETE FROM orders RETURNING *) SELECT * FROM c) SELECT * FROM b) SELECT * FROM a", "WITH x AS (SELECT 1) DELETE FROM orders", "SELECT * FROM (WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x) y"},
		pg: {"WITH x AS (MERGE INTO orders o USING items i ON true WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM x", "MERGE INTO orders o USING items i ON true WHEN MATCHED THEN DELETE"},
	},
	"POL-20": {
		pg:     {"SELECT pg_read_file('/etc/passwd')", "SELECT lo_import('/x')", "SELECT * FROM dblink('x','y') AS t(a int)", "SELECT pg_sleep(60)", "SELECT set_config('a','b',false)", "SELECT nextval('s')", "SELECT pg_terminate_backend(1)", "SELECT query_to_xml('delete from orders',true,true,'')", "SELECT wipe()", "SELECT app.wipe()", "SELECT pg_catalog.pg_sleep(1)", "SELECT pg_catalog.lower('A')", `SELECT "pg_sleep"(1)`, `SELECT U&"pg\005fsleep"(1)`, "SELECT 1 FROM orders ORDER BY pg_sleep(1)", "SELECT 1 LIMIT (SELECT pg_sleep(1))", "SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL) FROM orders", "SELECT sum(id) OVER (ORDER BY pg_sleep(1)) FROM orders", "SELECT 'x'::regclass", "SELECT 'x'::text::regproc", "SELECT CAST('x' AS app.evil)", "SELECT 1 OPERATOR(app.+) 2", "SELECT 1 OPERATOR(pg_catalog.+) 2", "SELECT 1 <^> 2", "SELECT id FROM orders ORDER BY id USING OPERATOR(app.<)", "SELECT current_user", "SELECT session_user", "SELECT x.pg_sleep FROM generate_series(60,60) x", "SELECT f.pg_read_file FROM lower('/etc/passwd') f", "SELECT lower.pg_read_file FROM lower('/etc/passwd')", "SELECT (1).pg_sleep", "SELECT (('/etc/passwd')::text).pg_read_file", "SELECT f.pg_sleep FROM generate_series(1,1) AS f(x)", "SELECT pg_sleep.pg_sleep FROM generate_series(1,1) AS pg_sleep(x)", "SELECT u.pg_read_file FROM unnest(ARRAY['/etc/passwd']) u", "SELECT 1 FROM orders, LATERAL generate_series(1,1) g WHERE g.pg_sleep IS NULL", "SELECT * FROM orders TABLESAMPLE app.m(1)", "SELECT xmlparse(document '<x/>')", "SELECT ts_stat('select 1')", "SELECT * FROM ROWS FROM (pg_ls_dir('.')) x", "SELECT pg_notify('a','b')", "SELECT pg_advisory_lock(1)", "SELECT txid_current()", "SELECT 1 WHERE 1 = ANY (SELECT pg_sleep(1)::text::int)", "VALUES (pg_sleep(1))"},
		mysql:  {"SELECT LOAD_FILE('/etc/passwd')", "SELECT SLEEP(5)", "SELECT SLEEP (5)", "SELECT BENCHMARK(1000000,MD5(1))", "SELECT GET_LOCK('a',1)", "SELECT `sleep`(1)", "SELECT sys.version_major()", "SELECT USER()", "SELECT current_user", "SELECT 1 FROM orders ORDER BY SLEEP(1)", "SELECT @@version", "SELECT @a := 1", "SELECT UPDATEXML(1,'x','y')", "SELECT xp_cmdshell('id')", "SELECT CASE WHEN 1 THEN SLEEP(1) END", "SELECT COUNT(*) OVER (ORDER BY SLEEP(1)) FROM orders", "SELECT {fn sleep(1)}", "SELECT HIGH_PRIORITY CURRENT_USER", "SELECT SQL_CACHE CURRENT_USER", "SELECT SQL_NO_CACHE CURRENT_USER", "SELECT SQL_CALC_FOUND_ROWS CURRENT_USER", "SELECT SQL_BUFFER_RESULT CURRENT_USER", "SELECT SQL_BIG_RESULT CURRENT_USER", "SELECT SQL_SMALL_RESULT CURRENT_USER", "SELECT id CURRENT_USER FROM orders"},
		sqlite: {"SELECT load_extension('x')", "SELECT writefile('x','y')", "SELECT readfile('/etc/passwd')", "SELECT randomblob(1000000000)", "SELECT \"load_extension\"('x')", "SELECT fts3_tokenizer('x')", "SELECT 1 REGEXP 'x'", "SELECT * FROM pragma_table_info('orders')", "SELECT * FROM fsdir('/')", "SELECT edit('x')"},
	},
	"POL-21": {
		"": {"COPY t1 TO PROGRAM 'id'", "COPY (SELECT 1) TO '/tmp/x'", "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT * FROM orders INTO OUTFILE '/tmp/x'", "SELECT * FROM orders INTO DUMPFILE '/tmp/x'", "SELECT * INTO t9 FROM orders", "SELECT id INTO TEMP t9 FROM orders UNION SELECT 1", "CREATE TEMP TABLE t AS SELECT 1", "CREATE TABLE t AS SELECT * FROM orders", "SELECT * FROM (SELECT * INTO t9 FROM orders) x", "SELECT 1 INTO @x"},
	},
	"POL-22": {"": {"EXPLAIN ANALYZE DELETE FROM orders", "EXPLAIN (ANALYZE) SELECT 1", "EXPLAIN SELECT 1", "EXPLAIN DELETE FROM orders", "TABLE secret", "SELECT * FROM (TABLE secret) x", "VALUES ((SELECT 1 FROM secret))"}},
	"POL-23": {"": {"DO $$begin end$$", "CALL p()", "PREPARE x AS SELECT 1", "EXECUTE x", "DEALLOCATE ALL", "SET ROLE postgres", "SET default_transaction_read_only=off", "RESET ALL", "BEGIN", "COMMIT", "ROLLBACK", "START TRANSACTION", "LOCK TABLE orders", "LISTEN x", "NOTIFY x", "VACUUM", "SELECT * FROM orders FOR UPDATE", "SELECT * FROM orders FOR SHARE", "SELECT * FROM (SELECT * FROM orders FOR UPDATE) x", "SELECT * FROM orders LOCK IN SHARE MODE", "DISCARD ALL", "DECLARE c CURSOR FOR SELECT 1", "FETCH 1 FROM c", "SHOW ALL", "REFRESH MATERIALIZED VIEW v", "TRUNCATE orders", "DROP TABLE orders", "GRANT ALL ON orders TO x", "ALTER TABLE orders ADD x int", "CHECKPOINT", "REINDEX TABLE orders", "COMMENT ON TABLE orders IS 'x'", "SECURITY LABEL ON TABLE orders IS 'x'", "INSERT INTO orders VALUES (1)", "UPDATE orders SET id=1", "DELETE FROM orders", "LOAD 'x'", "SAVEPOINT a"}},
	"POL-24": {sqlite: {"ATTACH DATABASE '/tmp/x' AS x", "PRAGMA writable_schema=1", "SELECT load_extension('x')", "VACUUM INTO '/tmp/x'", "PRAGMA table_info(x); ATTACH 'y' AS z", "DETACH x", "SELECT * FROM sqlite_master", "SELECT * FROM main.sqlite_schema", "SELECT * FROM pragma_database_list", "SELECT * FROM \"sqlite_master\"", "SELECT * FROM `sqlite_master`", "SELECT * FROM [sqlite_master]", "SELECT * FROM SQLITE_MASTER", "SELECT 1 WHERE 1 IN secret", "SELECT 1 WHERE 1 NOT IN secret", "SELECT 1 WHERE 1 IN main.secret", "REPLACE INTO orders VALUES (1)", "SELECT * FROM dbstat", "SELECT * FROM temp.secret"}},
	"POL-25": {mysql: {"RENAME TABLE a TO b", "KILL 1", "LOCK TABLES orders WRITE", "HANDLER orders OPEN", "SET GLOBAL x=1", "LOAD DATA INFILE 'x' INTO TABLE orders", "SELECT 1; RENAME TABLE a TO b", "SELECT * FROM mysql.user", "SELECT * FROM MySQL.user", "SELECT * FROM orders PROCEDURE ANALYSE()", "DESCRIBE orders", "SHOW TABLES", "SELECT * FROM orders PARTITION (p0)", "SELECT * FROM orders USE INDEX (x)", "SELECT * FROM orders STRAIGHT_JOIN secret", "SELECT STRAIGHT_JOIN * FROM orders, secret", "DO SLEEP(1)", "SELECT * FROM orders NATURAL JOIN secret", "FLUSH TABLES", "INSTALL PLUGIN x SONAME 'y'", "SELECT * FROM Orders", "TABLE secret", "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a INT PATH '$')) x"}},
	"POL-26": {
		"":     {`SELECT '\'; DELETE FROM orders; --'`, `SELECT 'a\''; DELETE FROM orders; --'`, "SELECT 'open", `SELECT "open`, "SELECT N'x'", `SELECT U&'\0027'`, `SELECT U&'x'`, "SELECT $$;", "SELECT _utf8'x'", "SELECT \xff", "SELECT 1abc", "SELECT '\\\\'"},
		pg:     {"SELECT `x`", "SELECT $q$;$r$", `SELECT E'\'' ; DROP TABLE x --'`, `SELECT E'open\`, `SELECT "a""`},
		mysql:  {`SELECT "x"`, `SELECT "a""b"`, "SELECT `a``", "SELECT $q$;$q$", "SELECT E'x'"},
		sqlite: {"SELECT $q$;$q$", "SELECT E'x'", "SELECT [a]", `SELECT "a""`},
	},
	"POL-28": {
		"":     {"SELECT * FROM secret", "SELECT * FROM orders, secret", "SELECT * FROM orders JOIN secret ON true", "SELECT (SELECT 1 FROM secret)", "SELECT 1 FROM orders ORDER BY (SELECT 1 FROM secret)", "SELECT * FROM orders o, LATERAL (SELECT * FROM secret) x", "SELECT * FROM secret orders", "SELECT * FROM secret AS orders", "SELECT orders.* FROM secret AS orders", "WITH orders AS (SELECT * FROM secret) SELECT * FROM orders", "WITH secret AS (SELECT * FROM secret) SELECT * FROM secret", "WITH b AS (SELECT * FROM secret), secret AS (SELECT 1) SELECT * FROM b", "(WITH secret AS (SELECT 1) SELECT * FROM secret) UNION SELECT * FROM secret", "SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret) x, secret", "SELECT 1 UNION SELECT 1 FROM secret", "SELECT 1 WHERE EXISTS (SELECT 1 FROM secret)", "SELECT 1 WHERE 1 IN (SELECT 1 FROM secret)", "SELECT * FROM information_schema.tables", "SELECT * FROM private.orders", "WITH secret AS (SELECT 1) SELECT * FROM private.secret", "SELECT * FROM orders GROUP BY (SELECT 1 FROM secret)", "SELECT * FROM orders HAVING (SELECT 1 FROM secret)", "SELECT * FROM orders LIMIT (SELECT 1 FROM secret)", "SELECT CASE WHEN (SELECT 1 FROM secret) THEN 1 END", "SELECT * FROM (secret)", "SELECT * FROM (orders CROSS JOIN secret)"},
		pg:     {"SELECT * FROM pg_catalog.pg_authid", "SELECT * FROM pg_authid", "SELECT * FROM pg_shadow", `SELECT * FROM "Orders"`, "SELECT * FROM mixed", `SELECT * FROM "public.orders"`, "SELECT * FROM db.public.orders", "SELECT * FROM ONLY secret", "SELECT * FROM orders* , secret*", `SELECT * FROM "SECRET"`, "SELECT * FROM pg_temp.orders", "SELECT * FROM pg_toast.pg_toast_1", "WITH RECURSIVE a AS (SELECT * FROM secret) SELECT * FROM a", "SELECT sum(id) OVER (PARTITION BY (SELECT 1 FROM secret)) FROM orders", "SELECT DISTINCT ON ((SELECT 1 FROM secret)) 1", "SELECT count(*) FILTER (WHERE (SELECT true FROM secret)) FROM orders", "SELECT ARRAY(SELECT 1 FROM secret)", "SELECT * FROM unnest(ARRAY(SELECT 1 FROM secret)) x", "SELECT NULL::secret", "SELECT 'x'::secret%TYPE"},
		sqlite: {`SELECT * FROM "secret"`, "SELECT * FROM `secret`", "SELECT * FROM main.secret", "SELECT * FROM orders NOT INDEXED, secret"},
		mysql:  {"SELECT * FROM `secret`", "SELECT * FROM shop.secret", "SELECT * FROM .secret", "SELECT * FROM `shop`.`secret`", "SELECT * FROM `shop.orders`", "WITH secret AS (SELECT 1 AS pw) SELECT pw FROM (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x) y", "WITH secret AS (SELECT 1 AS pw) SELECT (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x LIMIT 1) AS pw", "WITH RECURSIVE secret AS (SELECT 1 AS pw UNION SELECT pw FROM (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x) y) SELECT pw FROM secret"},
	},
	"POL-29": {"": {"SELECT 1\x00", "\ufeffSELECT 1", "SELECT 1；SELECT 2", "ＳＥＬＥＣＴ 1", "SELEСT 1", "SELECT 'a\x00'", "SELECT 1 -- \x00", "SELECT /* \x00 */ 1", "SELECT '" + strings.Repeat("x", 1<<20) + "'", "SELECT " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000), "SELECT " + strings.Repeat("(", 10_000), "SELECT " + strings.Repeat("- ", 20_000) + "1", "SELECT " + strings.Repeat("NOT ", 10_000) + "1", "SELECT 1" + strings.Repeat("+1", 10_000), "SELECT 1" + strings.Repeat(" UNION SELECT 1", 4_000), "SELECT " + strings.Repeat("CASE WHEN 1=1 AND ", 3_000), "SELECT 1 WHERE " + strings.Repeat("1 BETWEEN 1 AND NOT ", 3_000) + "1", "SELECT 1 FROM orders" + strings.Repeat(" JOIN orders ON 1=1 AND 1=1", 2_000), "SELECT x" + strings.Repeat("::text", 8_000), "SELECT 1" + strings.Repeat(";", 60_000), "SELECT 1 " + strings.Repeat("/*", 30_000), "SELECT 1" + strings.Repeat(",1", 30_000)}},
}

var allowed = map[string]map[statement.Dialect][]string{
	"POL-17": {"": {"SELECT 1", "SELECT 1;", "SELECT 1 ; \n"}},
	"POL-18": {"": {"/* update */ SELECT 1", "-- drop\nSELECT 1", "SELECT 1 -- x"}},
	"POL-22": {pg: {"TABLE orders", "VALUES (1)"}, mysql: {"TABLE orders", "VALUES ROW(1)"}, sqlite: {"VALUES (1)"}},
	"POL-26": {
		"":    {"SELECT 'it''s'", `SELECT '\d+'`},
		pg:    {`SELECT "a""b" FROM orders`, "SELECT $q$;$q$", `SELECT E'a\n''b'`, "SELECT $1"},
		mysql: {"SELECT `a``b` FROM orders"}, sqlite: {`SELECT "a""b" FROM orders`},
	},
	"POL-27": {"": {"SELECT ';'", "SELECT 'DROP TABLE'", "SELECT id /* update */ FROM orders", "SELECT 'наблюдение；'", "SELECT id FROM orders WHERE id IN (1" + strings.Repeat(", 123456", 1_250) + ")"}, pg: {`SELECT "delete" FROM orders`}, sqlite: {`SELECT "delete" FROM orders`}, mysql: {"SELECT `delete` FROM orders", "SELECT id FROM orders WHERE data->>'$.k' = 'x'"}},
	"POL-28": {"": {"WITH x AS (SELECT * FROM orders) SELECT * FROM x", "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n"}, pg: {"SELECT * FROM ORDERS", "SELECT * FROM public.orders", `SELECT * FROM "Mixed"`, `SELECT * FROM "orders"`, "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a"}, sqlite: {"SELECT * FROM Orders", `SELECT * FROM main."ORDERS"`}, mysql: {"SELECT * FROM `orders`", "SELECT * FROM shop.orders", "WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT a.n FROM a JOIN (SELECT n FROM b) c ON c.n = a.n WHERE EXISTS (SELECT 1 FROM a)", "WITH a AS (WITH b AS (SELECT 1 AS n) SELECT n FROM b) SELECT n FROM a"}},
}

func TestPOL17To29(t *testing.T) {
	for _, d := range dialects {
		j := reading(t, d)
		j.Judge("SELECT 1") // the parser is compiled
		for id, by := range refused {
			for _, sql := range append(by[""], by[d]...) {
				why := ""
				took := cputime.Of(t, func() { why = j.Judge(sql) })
				if why == "" {
					t.Errorf("%s %s: allowed: %.120q", id, d, sql)
				}
				if id == "POL-29" && took > 100*time.Millisecond {
					t.Errorf("%s %s: took %v: %.60q", id, d, took, sql)
				}
			}
		}
		for id, by := range allowed {
			for _, sql := range append(by[""], by[d]...) {
				if why := j.Judge(sql); why != "" {
					t.Errorf("%s %s: refused, %s: %.120q", id, d, why, sql)
				}
			}
		}
	}
}
