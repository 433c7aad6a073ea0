package sql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	own "doorward/internal/builtin/sql"
	"doorward/internal/builtin/sql/sqltest"
)

// mariaSample is what is in MariaDB beside the sample.
const mariaSample = `
CREATE TABLE kinds (id integer PRIMARY KEY, d decimal(30, 10), u bigint unsigned, s bigint, t tinyint unsigned, m mediumint, b bit(1), w bit(64), y year, dt date, ti time(3), dtm datetime(6), ts timestamp(3) NULL, j json, bl blob, vb varbinary(8), ch char(3), en enum('a','b'), st set('x','y'), f float, db double, tx text, z datetime);
INSERT INTO kinds VALUES (1, '12345678901234567890.0123456789', 18446744073709551615, -9007199254740993, 255, -8388608, b'1', x'FFFFFFFFFFFFFFFF', 2026, '2026-11-02', '-838:59:59.000', '2026-11-01 10:20:30.123456', '2026-11-01 10:20:30.5', '{"k": [1]}', x'00FF', x'FF', 'ab', 'b', 'x,y', 0.1, 1e300, 'Zoë', '2026-11-01 10:20:30'), (2, 0.5, 9007199254740992, 7, 0, 0, b'0', x'05', NULL, NULL, '10:20:30', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', -1.5, -0.25, '', NULL);
CREATE TABLE numbers (n integer PRIMARY KEY); INSERT INTO numbers SELECT seq FROM seq_1_to_1000;
CREATE TABLE merged_part (n integer) ENGINE=MyISAM; CREATE TABLE merged (n integer) ENGINE=MERGE UNION=(merged_part);
CREATE TABLE wide (t longtext); INSERT INTO wide VALUES (REPEAT('x', 9000000));
CREATE SEQUENCE seq;
CREATE FUNCTION regexp_like(a text, b text) RETURNS integer DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO canary VALUES (2); RETURN 1; END;
CREATE FUNCTION now () RETURNS text DETERMINISTIC RETURN 'CANARY';
CREATE USER reader IDENTIFIED BY 'sesame'; CREATE USER masked; CREATE USER plain; CREATE USER writer; CREATE USER column_writer; CREATE USER caller; CREATE USER grantor; CREATE USER member; CREATE USER whole; CREATE ROLE writers;
GRANT SELECT ON shop.orders TO reader; GRANT SELECT ON shop.customers TO reader; GRANT SELECT ON shop.items TO reader; GRANT SELECT ON shop.products TO reader; GRANT SELECT ON shop.events TO reader; GRANT SELECT ON shop.secret TO reader; GRANT SELECT ON shop.canary TO reader; GRANT SELECT ON shop.kinds TO reader; GRANT SELECT ON shop.numbers TO reader; GRANT SELECT ON shop.merged TO reader; GRANT SELECT ON shop.wide TO reader; GRANT SELECT, SHOW VIEW ON shop.revealed TO reader;
GRANT SELECT (id, qty) ON shop.items TO masked; GRANT SELECT ON shop.orders TO masked;
GRANT SELECT ON shop.orders TO writer; GRANT INSERT ON shop.canary TO writer; GRANT SELECT ON shop.orders TO column_writer; GRANT UPDATE (status) ON shop.orders TO column_writer;
GRANT SELECT ON shop.* TO caller; GRANT EXECUTE ON FUNCTION shop.regexp_like TO caller; GRANT SELECT ON shop.* TO grantor WITH GRANT OPTION; GRANT SELECT ON shop.orders TO member; GRANT INSERT ON shop.canary TO writers; GRANT writers TO member; GRANT SELECT ON shop.* TO whole`

// maria is MariaDB with the sample.
type maria struct {
	*sqltest.MariaDB
	t     *testing.T
	owner *sql.DB
}

func newMaria(t *testing.T) *maria {
	t.Helper()
	m := &maria{MariaDB: sqltest.NewMariaDB(t), t: t}
	for _, in := range []string{"", "shop"} {
		db, err := sql.Open("mysql", "root@unix("+m.Socket+")/"+in+"?multiStatements=true&sql_mode=ANSI_QUOTES&time_zone=%27%2B00%3A00%27")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		m.owner = db
		if in == "" {
			m.run("CREATE DATABASE shop CHARACTER SET utf8mb4")
		}
	}
	for _, stmt := range splitSQL(strings.NewReplacer("JSONTYPE", "json", "BYTES", "blob", "HEX", "x'00ff'").Replace(sample) + mariaSample) {
		m.run(stmt)
	}
	return m
}

// splitSQL are statements one by one; the semicolons of a function's body are not ends.
func splitSQL(text string) (all []string) {
	var open string
	for part := range strings.SplitSeq(text, ";") {
		open += part
		if strings.Contains(open, "BEGIN") && !strings.Contains(open, "END") {
			open += ";"
			continue
		}
		if strings.TrimSpace(open) != "" {
			all = append(all, open)
		}
		open = ""
	}
	return all
}

func (m *maria) run(stmt string) {
	m.t.Helper()
	if _, err := m.owner.ExecContext(context.Background(), stmt); err != nil {
		m.t.Fatalf("%.200s: %v", stmt, err)
	}
}

// tells is the text that a statement of the owner's gives.
func (m *maria) tells(stmt string) (text string) {
	m.t.Helper()
	if err := m.owner.QueryRowContext(context.Background(), stmt).Scan(&text); err != nil {
		m.t.Fatalf("%.200s: %v", stmt, err)
	}
	return text
}

// caller is a client of a server that reads as an account.
func (m *maria) caller(account string, set func(*own.Settings)) *caller {
	m.t.Helper()
	if account == "reader" {
		account = "reader:sesame"
	}
	c := newCaller(m.t, func(in *own.Settings) {
		in.DSN = func() (string, error) { return m.DSN(account, "shop", ""), nil }
		if set != nil {
			set(in)
		}
	})
	c.canary = func() string {
		return m.tells(`SELECT concat((SELECT group_concat(n) FROM canary), '/', (SELECT count(*) FROM orders), '/', (SELECT group_concat(table_name ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'shop'), '/', (SELECT next_not_cached_value FROM seq), '/', @@GLOBAL.sql_mode, @@GLOBAL.read_only)`)
	}
	return c
}

// One server of MariaDB bears every test of it: it takes seconds to start.
func TestMariaDB(t *testing.T) {
	m := newMaria(t)
	for name, test := range map[string]func(*maria){
		"values": (*maria).values, "schema": (*maria).schema, "POL-17 to 29": (*maria).attacked, "POL-26": (*maria).settings, "POL-27": (*maria).answered, "POL-28": (*maria).views, "common names": (*maria).named, "shared rights": (*maria).shared, "serializable": (*maria).serializable, "accounts": (*maria).accounts, "transaction": (*maria).transaction,
		"mask": (*maria).masks, "limits": (*maria).limits, "cost": (*maria).costs, "cancel": (*maria).cancelled, "afterwards": (*maria).leaves, "TLS": (*maria).encrypted, "faults": (*maria).faults,
	} {
		t.Run(name, func(t *testing.T) { test(&maria{m.MariaDB, t, m.owner}) })
	}
}

func (m *maria) values() {
	c := m.caller("reader", func(in *own.Settings) { in.Tables = append(in.Tables, "kinds", "shop.kinds") })
	c.want("SELECT d, u, s, t, m, b, w, y, dt, ti, dtm, ts, z FROM kinds ORDER BY id;", nil,
		`{"columns":[{"name":"d","type":"decimal"},{"name":"u","type":"bigint unsigned"},{"name":"s","type":"bigint"},{"name":"t","type":"tinyint unsigned"},{"name":"m","type":"mediumint"},{"name":"b","type":"bit"},{"name":"w","type":"bit"},{"name":"y","type":"year"},{"name":"dt","type":"date"},{"name":"ti","type":"time"},{"name":"dtm","type":"datetime"},{"name":"ts","type":"timestamp"},{"name":"z","type":"datetime"}],`+
			`"rows":[["12345678901234567890.0123456789","18446744073709551615","-9007199254740993",255,-8388608,1,"18446744073709551615",2026,"2026-11-02","-838:59:59.000","2026-11-01T10:20:30.123456","2026-11-01T10:20:30.500Z","2026-11-01T10:20:30"],["0.5000000000",9007199254740992,7,0,0,0,5,null,null,"10:20:30.000",null,null,null]],"truncated":false}`)
	c.want("SELECT j, bl, vb, ch, en, st, f, db, tx FROM shop.kinds ORDER BY id", nil,
		`{"columns":[{"name":"j","type":"text"},{"name":"bl","type":"blob"},{"name":"vb","type":"varbinary"},{"name":"ch","type":"char"},{"name":"en","type":"enum"},{"name":"st","type":"set"},{"name":"f","type":"float"},{"name":"db","type":"double"},{"name":"tx","type":"text"}],`+
			`"rows":[["{\"k\": [1]}","AP8=","/w==","ab","b","x,y",0.1,1e+300,"Zoë"],[null,null,null,null,null,"",-1.5,-0.25,""]],"truncated":false}`)
	c.want("SELECT id, total, created_at, big, raw, day, ok, `delete` FROM orders ORDER BY id", nil,
		`{"columns":[{"name":"id","type":"int"},{"name":"total","type":"decimal"},{"name":"created_at","type":"timestamp"},{"name":"big","type":"bigint"},{"name":"raw","type":"blob"},{"name":"day","type":"date"},{"name":"ok","type":"tinyint"},{"name":"delete","type":"text"}],`+
			`"rows":[[1,"10.50","2026-11-01T10:20:30Z","9007199254740993","AP8=","2026-11-02",1,"x"],[2,null,null,7,null,null,0,null]],"truncated":false}`)
	c.want("SELECT id FROM kinds WHERE u = ?", []any{json.Number("18446744073709551615")}, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
	c.want("SELECT id FROM kinds WHERE d = CAST(? AS DECIMAL(30, 10))", []any{"12345678901234567890.0123456789"}, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
	for _, n := range []string{"12345678901234567890.0123456789", "18446744073709551616", "1e999"} {
		if got, err := c.ask("query", query("SELECT id FROM kinds WHERE d = ?", []any{json.Number(n)})); err == nil || !strings.Contains(err.Error(), "CAST(? AS DECIMAL") {
			m.t.Errorf("%s: %s, %v", n, got, err)
		}
	}
	c.want(`SELECT ? + 1 AS i, CONCAT(?, 'b') AS t, ? AS b, ? AS n, ? / 2 AS f, o.id, p.id FROM orders o JOIN orders p ON p.id = o.id WHERE o.status LIKE ? LIMIT ?`, []any{41, `a\`, true, nil, 1.5, "pa%", 1},
		`{"columns":[{"name":"i","type":"bigint"},{"name":"t","type":"varchar"},{"name":"b","type":"tinyint"},{"name":"n","type":"null"},{"name":"f","type":"double"},{"name":"id","type":"int"},{"name":"id","type":"int"}],"rows":[[42,"a\\b",1,null,0.75,1,1]],"truncated":false}`)
}

func (m *maria) schema() {
	got := m.caller("reader", func(in *own.Settings) {
		in.Tables = []string{"orders", "shop.customers", "revealed", "absent", "kinds"}
	}).call("schema", map[string]any{})
	for _, part := range []string{`"dialect":"mysql"`, `{"name":"orders","columns":[{"name":"id","type":"int(11)","primary_key":1}`, `{"name":"customer_id","type":"int(11)","nullable":true,"references":"shop.customers(id)"}`, `{"name":"total","type":"decimal(10,2)","nullable":true}`, `{"name":"u","type":"bigint(20) unsigned","nullable":true}`} {
		if !strings.Contains(got, part) {
			m.t.Errorf("no %s in %s", part, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "revealed") || strings.Contains(got, "absent") {
		m.t.Error(got)
	}
	got = m.caller("masked", func(in *own.Settings) {
		in.Tables, in.Mask = []string{"shop.*", "items"}, map[string][]string{"items": {"card"}}
	}).call("schema", map[string]any{})
	for _, part := range []string{`{"name":"items","columns":[{"name":"id","type":"int(11)","primary_key":1},{"name":"qty","type":"int(11)","nullable":true},{"name":"card","type":"","masked":true}]}`, `"shop.orders"`} {
		if !strings.Contains(got, part) {
			m.t.Errorf("no %s in %s", part, got)
		}
	}
	if strings.Contains(got, "shop.customers") {
		m.t.Errorf("what the account may not read: %s", got)
	}
}

func (m *maria) attacked() {
	m.caller("reader", nil).attack(hostile(
		"SELECT LOAD_FILE('/etc/passwd')", "SELECT SLEEP(60)", "SELECT SLEEP (60)", "SELECT BENCHMARK(1000000000, MD5('x'))", "SELECT GET_LOCK('a', 1)", "SELECT `sleep`(1)", "SELECT shop.regexp_like('a', 'b')", "SELECT xp_cmdshell('id')", "SELECT @@version", "SELECT @a := 1", "SELECT USER()", "SELECT current_user", "SELECT DATABASE()", "SELECT NEXTVAL(seq)", "SELECT NEXT VALUE FOR seq", "SELECT {fn sleep(1)}", "SELECT UPDATEXML(1, CONCAT(0x7e, (SELECT pw FROM secret)), 1)",
		"SELECT 1 INTO DUMPFILE '/tmp/x'", "SELECT 1 INTO @x", "SELECT id FROM orders PROCEDURE ANALYSE()", "/*! DELETE FROM canary */", "SELECT 1 /*! ; DELETE FROM canary */", "SELECT 1 /*M!100000 , (SELECT pw FROM secret) */", "# x\nDELETE FROM canary", "SELECT 1--1", "SELECT /*+ SET_VAR(sql_mode='') */ 1",
		"RENAME TABLE canary TO c", "KILL 1", "LOCK TABLES orders WRITE", "UNLOCK TABLES", "HANDLER orders OPEN", "SET GLOBAL read_only = 1", "SET SESSION TRANSACTION READ WRITE", "SET STATEMENT sql_mode = '' FOR SELECT 1", "SET sql_mode = ''", "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE canary", "LOAD DATA INFILE 'x' INTO TABLE canary", "SELECT 1; RENAME TABLE canary TO c", "XA START 'x'", "EXECUTE IMMEDIATE 'DELETE FROM canary'", "BACKUP STAGE START", "FLUSH TABLES", "INSTALL SONAME 'x'", "SHOW GRANTS", "SHOW TABLES", "DESCRIBE orders", "DO SLEEP(1)", "ANALYZE SELECT 1", "ANALYZE TABLE orders", "CHECK TABLE orders", "OPTIMIZE TABLE orders", "RESIGNAL", "SHUTDOWN",
		`SELECT 'a\'; DELETE FROM canary; -- '`, `SELECT "x"`, "SELECT N'x'", "SELECT _utf8'x'", "SELECT _gbk'x'", "SELECT `a``",
		"SELECT * FROM shop.secret", "SELECT * FROM `secret`", "SELECT * FROM mysql.global_priv", "SELECT * FROM mysql.user", "SELECT * FROM Orders", "SELECT * FROM `shop`.`Secret`", "SELECT * FROM orders NATURAL JOIN secret", "SELECT * FROM orders STRAIGHT_JOIN secret", "SELECT * FROM performance_schema.accounts", "SELECT * FROM seq", "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a INT PATH '$')) x", "WITH RECURSIVE secret AS (SELECT * FROM secret) SELECT * FROM secret", "SELECT pw FROM orders, LATERAL (SELECT pw FROM secret) x", "SELECT * FROM orders FOR SYSTEM_TIME ALL", "SELECT * FROM orders PARTITION (p0)",
		"WITH secret AS (SELECT 1 AS pw) SELECT pw FROM (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x) y", "WITH secret AS (SELECT 1 AS pw) SELECT (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x LIMIT 1) AS pw", "WITH RECURSIVE secret AS (SELECT 1 AS pw UNION SELECT pw FROM (WITH x AS (SELECT pw FROM secret) SELECT pw FROM x) y) SELECT pw FROM secret",
		"SELECT HIGH_PRIORITY CURRENT_USER", "SELECT SQL_CACHE CURRENT_USER", "SELECT SQL_NO_CACHE CURRENT_USER", "SELECT SQL_CALC_FOUND_ROWS CURRENT_USER", "SELECT SQL_BUFFER_RESULT CURRENT_USER", "SELECT SQL_BIG_RESULT CURRENT_USER", "SELECT SQL_SMALL_RESULT CURRENT_USER", "SELECT id CURRENT_USER FROM orders", "SELECT * FROM shop.seq_1_to_10",
		// What the judge lets pass and the server has to refuse: a function of somebody's own by a name that is harmless.
		"SELECT REGEXP_LIKE('a', 'b')",
	), "sesame", "reader", "doorward-my-", "127.0.0.1", "localhost")
}

// Whatever the server was told to be, statements are read as they were judged.
func (m *maria) settings() {
	c := m.caller("reader", nil)
	m.run("SET GLOBAL sql_mode = 'NO_UNSIGNED_SUBTRACTION'")
	m.run("SET GLOBAL init_connect = 'SET sql_mode = 4194304, character_set_client = latin1, @@max_statement_time = 0'")
	defer m.run("SET GLOBAL init_connect = ''")
	defer m.run("SET GLOBAL sql_mode = DEFAULT")
	c.want(`SELECT '\d+' AS a, 'it''s \n' AS b, 'Zoë' AS c, CHAR_LENGTH('ë') AS n, NOW () > '2020-01-01' AS k`, nil,
		`{"columns":[{"name":"a","type":"varchar"},{"name":"b","type":"varchar"},{"name":"c","type":"varchar"},{"name":"n","type":"int"},{"name":"k","type":"int"}],"rows":[["\\d+","it's \\n","Zoë",1,1]],"truncated":false}`)
	c.refused("SELECT ? AS a", "as many params as ?")
}

// A view reads with the rights of whoever made it, and is refused by every name it has.
func (m *maria) views() {
	c := m.caller("reader", func(in *own.Settings) {
		in.Tables = append(in.Tables, "revealed", "merged", "shop.*", "seq")
	})
	for _, stmt := range []string{"SELECT * FROM revealed", "SELECT count(*) FROM shop.revealed", "SELECT 1 FROM orders WHERE 'x' IN (SELECT pw FROM revealed)", "WITH x AS (SELECT * FROM revealed) SELECT * FROM x", "SELECT * FROM merged"} {
		c.refused(stmt, "is no table but a view")
	}
	c.refused("SELECT * FROM shop.REVEALED", "is not there")
	c.refused("SELECT * FROM shop.seq_1_to_10", "is n")
	c.refused("SELECT * FROM seq", "is not there, or the database's account may not read it")
	c.want("SELECT count(*) AS n FROM shop.canary", nil, `{"columns":[{"name":"n","type":"bigint"}],"rows":[[1]],"truncated":false}`)
}

// A common table expression has no name of what is not listed, or is no table.
func (m *maria) named() {
	c := m.caller("reader", func(in *own.Settings) { in.Tables = []string{"orders", "revealed"} })
	for _, stmt := range []string{"WITH secret AS (SELECT 1 AS pw) SELECT pw FROM secret", "WITH revealed AS (SELECT 1 AS pw) SELECT pw FROM revealed", "SELECT 1 FROM (WITH merged AS (SELECT 1 AS n) SELECT n FROM merged) x"} {
		c.refused(stmt, "give it another name")
	}
	c.want("WITH orders AS (SELECT id FROM orders), x AS (SELECT id FROM orders) SELECT id FROM x WHERE id = 1", nil, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
}

func (m *maria) unfit(account string, set func(*own.Settings), word, why string) {
	m.t.Helper()
	unfit(m.t, func(set func(*own.Settings)) *caller { return m.caller(account, set) }, set, word, why)
}

// What others may who come from the same host is in force for an account, and not among its
// grants.
func (m *maria) shared() {
	m.run("CREATE USER ''@'%'")
	defer m.run("DROP USER ''@'%'")
	m.run("GRANT SELECT, INSERT ON shop.* TO ''@'%'")
	set := func(in *own.Settings) { in.Mask = map[string][]string{"items": {"card"}} }
	m.unfit("masked", set, "database.mask", "account may read it")
	m.caller("masked", nil).refused("SELECT id FROM orders", "(database.rights)")
}

// A SELECT locks nothing, and waits for nobody who writes.
func (m *maria) serializable() {
	m.run("SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE")
	defer m.run("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	tx, err := m.owner.BeginTx(m.t.Context(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(m.t.Context(), "UPDATE orders SET status = 'held' WHERE id = 1"); err != nil {
		m.t.Fatal(err)
	}
	m.caller("reader", nil).want("SELECT status FROM orders WHERE id = 1", nil, `{"columns":[{"name":"status","type":"text"}],"rows":[["paid"]],"truncated":false}`)
}

// An account that could do more than read is not used.
func (m *maria) accounts() {
	for _, account := range []string{"root", "writer", "column_writer", "caller", "grantor", "member"} {
		m.unfit(account, nil, "database.rights", "may do more than read, or has a role")
	}
	if got := m.tells("SELECT group_concat(n) FROM canary"); got != "1" {
		m.t.Errorf("the canary is %s", got)
	}
	m.caller("absent", nil).refused("SELECT 1", "refuses the connection (error 1045)")
	m.caller("plain", nil).refused("SELECT 1", "refuses the connection (error 1044)") // no rights in shop
	m.run("GRANT DELETE ON shop.canary TO PUBLIC")
	m.unfit("reader", nil, "database.rights", `GRANT DELETE ON "shop"."canary"`)
	m.run("REVOKE DELETE ON shop.canary FROM PUBLIC")
	m.caller("reader", nil).want("SELECT 1 AS n", nil, `{"columns":[{"name":"n","type":"int"}],"rows":[[1]],"truncated":false}`)
}

// The transaction holds without the judge and the grants: an account that may do everything
// writes nothing in it, nor after it, nor through a function.
func (m *maria) transaction() {
	for _, statements := range [][]string{
		{"INSERT INTO canary VALUES (2)"},
		{"COMMIT", "DELETE FROM canary"},
		{"DO regexp_like('a', 'b')"},
		{"CREATE TABLE t9 AS SELECT 1"},
		{"TRUNCATE canary"},
		{"SELECT NEXTVAL(seq)"},
		{"DROP TABLE canary"},
		{"ROLLBACK", "UPDATE canary SET n = 2"},
		{"SELECT 1; DELETE FROM canary"},
		{"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE canary"},
	} {
		if err := own.RunUnjudged(m.t.Context(), m.DSN("root", "shop", ""), statements...); err == nil {
			m.t.Errorf("%q is done", statements)
		}
	}
	if got := m.tells("SELECT concat(group_concat(n), '/', (SELECT next_not_cached_value FROM seq)) FROM canary"); got != "1/1" {
		m.t.Errorf("the canary is %s", got)
	}
}

// A masked column is one that the account may not read, or nothing is.
func (m *maria) masks() {
	set := func(in *own.Settings) { in.Mask = map[string][]string{"items": {"card"}} }
	m.unfit("reader", set, "database.mask", "may read all of it")
	m.unfit("whole", set, "database.mask", "may read all of it")
	m.unfit("masked", func(in *own.Settings) { in.Mask = map[string][]string{"items": {"QTY"}} }, "database.mask", "account may read it")
	m.unfit("masked", func(in *own.Settings) { in.Mask = map[string][]string{"items": {"card", "crad"}} }, "database.mask", "the column crad of items is masked and not there")
	m.unfit("reader", func(in *own.Settings) { in.Mask = map[string][]string{"itmes": {"card"}} }, "database.mask", "columns of itmes are masked, and it is not there")
	c := m.caller("masked", set)
	c.want("SELECT id, qty FROM items", nil, `{"columns":[{"name":"id","type":"int"},{"name":"qty","type":"int"}],"rows":[[1,3]],"truncated":false}`)
	for _, stmt := range []string{"SELECT * FROM items", "SELECT count(card) FROM items", "SELECT 1 FROM items WHERE card = '4111'", "SELECT 1 FROM items ORDER BY card", "SELECT i.card FROM (SELECT * FROM items) i", "SELECT o.id FROM orders o JOIN items i ON i.card = o.status"} {
		c.refused(stmt, "account may not read (error 114")
	}
	c.refused("SELECT id FROM items JOIN (SELECT '4111' AS card) x USING (card)", "outside of the SQL")
}

func (m *maria) limits() {
	c := m.caller("reader", func(in *own.Settings) { in.Rows, in.Bytes, in.Tables = 3, 200, []string{"numbers", "wide"} })
	n := `{"columns":[{"name":"n","type":"int"}],"rows":`
	c.want("SELECT n FROM numbers WHERE n < 4", nil, n+`[[1],[2],[3]],"truncated":false}`)
	c.want("SELECT n FROM numbers ORDER BY n DESC", nil, n+`[[1000],[999],[998]],"truncated":true,"limit":"rows"}`)
	c.want("SELECT n FROM numbers ORDER BY n LIMIT 900", nil, n+`[[1],[2],[3]],"truncated":true,"limit":"rows"}`)
	c.want("SELECT n FROM numbers UNION ALL SELECT n FROM numbers ORDER BY n", nil, n+`[[1],[1],[2]],"truncated":true,"limit":"rows"}`)
	c.want("SELECT count(*) AS n FROM (SELECT n FROM numbers) x", nil, `{"columns":[{"name":"n","type":"bigint"}],"rows":[[1000]],"truncated":false}`)
	c.want("SELECT 'x' AS t UNION ALL SELECT replace(?, 'a', 'bb')", []any{strings.Repeat("a", 100)}, `{"columns":[{"name":"t","type":"varchar"}],"rows":[["x"]],"truncated":true,"limit":"bytes"}`)
	c.refused("SELECT t FROM wide", "longer than 8 MiB")
	late := m.caller("reader", func(in *own.Settings) { in.Timeout, in.Tables = 200*time.Millisecond, []string{"numbers"} })
	late.refused("SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.n + b.n + c.n + d.n = 7", "longer than it may")
}

func (m *maria) costs() {
	c := m.caller("reader", func(in *own.Settings) { in.MaxCost, in.Tables = 100_000, []string{"numbers", "orders"} })
	c.want("SELECT id FROM orders WHERE id = ?", []any{1}, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
	c.want("SELECT 1 AS n", nil, `{"columns":[{"name":"n","type":"int"}],"rows":[[1]],"truncated":false}`)
	c.want("SELECT count(*) AS n FROM numbers a JOIN numbers b ON b.n = a.n", nil, `{"columns":[{"name":"n","type":"bigint"}],"rows":[[1000]],"truncated":false}`)
	for _, stmt := range []string{"SELECT count(*) FROM numbers a, numbers b", "SELECT 1 UNION SELECT count(*) FROM numbers a, numbers b", "SELECT a.n FROM numbers a WHERE a.n * 2 > (SELECT avg(b.n + a.n) FROM numbers b)", "SELECT * FROM (SELECT a.n + b.n FROM numbers a, numbers b) x"} {
		c.refused(stmt, "rows by MariaDB's estimate, and 100000 is the most")
	}
}

// What a client gives up, the server gives up, too.
func (m *maria) cancelled() {
	c := m.caller("reader", func(in *own.Settings) { in.Timeout, in.Tables = time.Hour, []string{"numbers"} })
	busy := func() string {
		return m.tells("SELECT count(*) FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%1000000007%'")
	}
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.session.CallTool(ctx, &mcp.CallToolParams{Name: "query", Arguments: query("SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d WHERE a.n + b.n + c.n + d.n = 1000000007", nil)})
		done <- err
	}()
	until(m.t, "it runs", func() bool { return busy() == "1" })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		m.t.Errorf("cancelled: %v", err)
	}
	until(m.t, "the server has given it up", func() bool { return busy() == "0" })
}

// No call leaves a connection behind it.
func (m *maria) leaves() {
	c := m.caller("reader", func(in *own.Settings) { in.Rows, in.Tables = 1, []string{"numbers"} })
	for _, stmt := range []string{"SELECT n FROM numbers", "SELECT n FROM numbers LIMIT 500", "SELECT nothing FROM numbers", "SELECT 1"} {
		_, _ = c.ask("query", query(stmt, nil))
	}
	until(m.t, "no connection is left", func() bool {
		return m.tells("SELECT count(*) FROM information_schema.processlist WHERE user = 'reader'") == "0"
	})
}

// The certificate is verified by the authority that the URL names, and by no other.
func (m *maria) encrypted() {
	m.run("ALTER USER masked REQUIRE SSL")
	defer m.run("ALTER USER masked REQUIRE NONE")
	over := func(options string) *caller {
		return newCaller(m.t, func(in *own.Settings) {
			in.DSN = func() (string, error) { return m.DSN("masked", "shop", options), nil }
		})
	}
	over("tls=true&ca="+m.CA).want("SELECT id FROM orders WHERE id = 1", nil, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
	over("tls=true").refused("SELECT 1", "certificate that can be verified")
	over("").refused("SELECT 1", "refuses the connection")
	over("tls=skip-verify").refused("SELECT 1", "sets what it must not")
	socket := newCaller(m.t, func(in *own.Settings) {
		in.DSN = func() (string, error) { return "mysql://reader:sesame@/shop?socket=" + m.Socket, nil }
	})
	socket.want("SELECT id FROM orders WHERE id = 1", nil, `{"columns":[{"name":"id","type":"int"}],"rows":[[1]],"truncated":false}`)
}

// Errors of a statement are the server's own words, but where those name the account.
func (m *maria) faults() {
	c := m.caller("reader", nil)
	c.refused("SELECT nothing FROM orders", "Unknown column 'nothing'")
	c.refused("SELECT CAST(id AS nonsense) FROM orders", "(error 4161)")
	c.refused("SELECT id FROM orders, items", "ambiguous")
	if got, err := m.caller("masked", nil).ask("query", query("SELECT name FROM customers", nil)); err == nil || strings.Contains(err.Error(), "masked") {
		m.t.Errorf("%s, %v", got, err)
	}
	m.run("DROP TABLE IF EXISTS gone")
	c = m.caller("reader", func(in *own.Settings) { in.Tables = []string{"gone"} })
	c.refused("SELECT * FROM gone", "is not there, or")
}

func (m *maria) answered() {
	all := legitimate(m.t, "mysql")
	c := m.caller("reader", func(in *own.Settings) { in.Tables = append(in.Tables, "shop.orders") })
	if failed := c.answers(all); len(failed) > 0 {
		m.t.Errorf("%d of %d: %s", len(failed), len(all), strings.Join(failed, "\n"))
	}
}
