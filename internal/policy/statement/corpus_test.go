package statement_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/policy/statement"
)

var update = flag.Bool("update", false, "write the corpus into testdata, for the tests with real servers")

// maker makes statements, the same from the same seed.
type maker struct {
	*rand.Rand
	d statement.Dialect
}

func newMaker(d statement.Dialect, seed uint64) *maker {
	return &maker{rand.New(rand.NewPCG(seed, uint64(len(d)))), d}
}

func (m *maker) of(list ...string) string { return list[m.IntN(len(list))] }

// by picks by dialect.
func (m *maker) by(postgres, my, lite string) string {
	return map[statement.Dialect]string{pg: postgres, mysql: my, sqlite: lite}[m.d]
}

func (m *maker) text() string {
	return "'" + m.of("paid", "open", "it''s", ";", "DROP TABLE orders", "a -- b", "/* x */", "100%", "Zürich", "SELECT 1; DELETE FROM t", `C:\tmp x`, "2026-11-01", "") + strconv.Itoa(m.IntN(1000)) + "'"
}

func (m *maker) column(alias string) string {
	c := m.of("id", "status", "total", "created_at", "customer_id")
	if m.IntN(8) == 0 {
		c = m.by(`"delete"`, "`delete`", `"delete"`)
	}
	if alias == "" {
		return c
	}
	return alias + "." + c
}

func (m *maker) condition(alias string) string {
	c, name := alias+"."+m.of("id", "total", "customer_id"), alias+"."+m.of("status", m.by(`"delete"`, "`delete`", `"delete"`))
	switch m.IntN(14) {
	case 0:
		return name + " = " + m.text()
	case 1:
		return name + " IN (" + m.text() + ", " + m.text() + ")"
	case 2:
		return fmt.Sprintf("%s BETWEEN %d AND %d", c, m.IntN(100), m.IntN(1000))
	case 3:
		return c + " IS NOT NULL"
	case 4:
		return name + " NOT LIKE " + m.text()
	case 5:
		return alias + ".created_at >= " + m.by("now() - interval '7 days'", "NOW() - INTERVAL 7 DAY", "datetime('now', '-7 days')")
	case 6:
		return fmt.Sprintf("(%s = %d OR NOT %s)", c, m.IntN(50), m.condition(alias))
	case 7:
		return "EXISTS (SELECT 1 FROM items i WHERE i.order_id = " + alias + ".id)"
	case 8:
		return c + " IN (SELECT id FROM customers WHERE country = " + m.text() + ")"
	case 9:
		return m.by(alias+".data->>'k' = ", "JSON_UNQUOTE(JSON_EXTRACT("+alias+".data, '$.k')) = ", "json_extract("+alias+".data, '$.k') = ") + m.text()
	case 10:
		return m.by("date_trunc('month', "+alias+".created_at) = date '2026-11-01'", "DATE_FORMAT("+alias+".created_at, '%Y-%m') = '2026-11'", "strftime('%Y-%m', "+alias+".created_at) = '2026-11'")
	case 11:
		return m.by(name+"::text ~* '^a[0-9]+'", name+" REGEXP '^a[0-9]+'", name+" GLOB 'a*'")
	case 12:
		return fmt.Sprintf("%s.total * 1.19 > %d", alias, m.IntN(500))
	}
	return fmt.Sprintf("COALESCE(%s.total, 0) <> %d", alias, m.IntN(90))
}

func (m *maker) where(alias string) string {
	list := []string{m.condition(alias)}
	for m.IntN(2) == 0 {
		list = append(list, m.condition(alias))
	}
	return " WHERE " + strings.Join(list, m.of(" AND ", " OR ", "\n  AND "))
}

func (m *maker) aggregate(alias string) string {
	switch m.IntN(5) {
	case 0:
		return "count(*)"
	case 1:
		return "SUM(" + alias + ".total)"
	case 2:
		return "COUNT(DISTINCT " + alias + ".customer_id)"
	case 3:
		return "ROUND(AVG(" + alias + ".total), 2)"
	}
	return m.by("string_agg("+alias+".status, ',' ORDER BY "+alias+".id)", "GROUP_CONCAT("+alias+".status ORDER BY "+alias+".id SEPARATOR ',')", "group_concat("+alias+".status, ',')")
}

func (m *maker) expression(alias string) string {
	switch m.IntN(8) {
	case 0:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", m.condition(alias), m.text(), m.text())
	case 1:
		return "UPPER(TRIM(" + alias + ".status))"
	case 2:
		return m.by("extract(year from "+alias+".created_at)", "EXTRACT(YEAR FROM "+alias+".created_at)", "strftime('%Y', "+alias+".created_at)")
	case 3:
		return m.by(alias+".created_at::date", "CAST("+alias+".total AS DECIMAL(10, 2))", "CAST("+alias+".total AS TEXT)")
	case 4:
		return "(SELECT MAX(e.id) FROM events e WHERE e.customer_id = " + alias + ".customer_id)"
	case 5:
		return m.by("jsonb_build_object('a', "+alias+".id)", "JSON_OBJECT('a', "+alias+".id)", "json_object('a', "+alias+".id)")
	}
	return m.column(alias)
}

func (m *maker) window() string {
	f := m.of("ROW_NUMBER()", "RANK()", "SUM(o.total)", "LAG(o.total, 1)", "AVG(o.total)")
	frame := ""
	if strings.HasPrefix(f, "SUM") || strings.HasPrefix(f, "AVG") {
		frame = m.of("", " ROWS BETWEEN 6 PRECEDING AND CURRENT ROW", " ROWS UNBOUNDED PRECEDING")
	}
	return f + " OVER (PARTITION BY " + m.column("o") + " ORDER BY o.created_at DESC" + frame + ")"
}

// read makes one statement that an application or a report could send.
func (m *maker) read() string {
	var s string
	switch m.IntN(9) {
	case 0:
		s = fmt.Sprintf("SELECT %s, %s AS v FROM orders o%s ORDER BY o.id DESC LIMIT %d", m.expression("o"), m.expression("o"), m.where("o"), m.IntN(100))
	case 1:
		s = fmt.Sprintf("SELECT o.status, %s AS a, %s FROM orders AS o LEFT JOIN customers c ON c.id = o.customer_id%s GROUP BY o.status HAVING COUNT(*) > %d", m.aggregate("o"), m.aggregate("o"), m.where("o"), m.IntN(9))
	case 2:
		s = fmt.Sprintf("SELECT o.id, %s AS w FROM orders o%s", m.window(), m.where("o"))
	case 3:
		s = fmt.Sprintf("WITH r AS (SELECT * FROM orders o%s), s AS (SELECT customer_id, SUM(total) AS t FROM r GROUP BY customer_id)\nSELECT c.name, s.t FROM s INNER JOIN customers c ON c.id = s.customer_id ORDER BY 2 DESC", m.where("o"))
	case 4:
		s = fmt.Sprintf("SELECT id FROM orders o%s UNION ALL SELECT id FROM items WHERE qty > %d", m.where("o"), m.IntN(20))
	case 5:
		s = fmt.Sprintf("SELECT x.n, %s FROM (SELECT o.status AS n, o.total FROM orders o%s) AS x GROUP BY x.n, x.total", m.of("AVG(x.total)", "MIN(x.total)"), m.where("o"))
	case 6:
		s = fmt.Sprintf("SELECT p.category, SUM(i.qty * i.price) FROM items i JOIN products p ON p.id = i.product_id, orders o%s AND i.order_id = o.id GROUP BY p.category", m.where("o"))
	case 7:
		s = fmt.Sprintf("SELECT %s FROM orders o%s ORDER BY CASE WHEN o.status = %s THEN 0 ELSE 1 END, 1", m.column("o"), m.where("o"), m.text())
	default:
		s = m.by(
			fmt.Sprintf("SELECT d::date, count(o.id) FROM generate_series(date '2026-01-01', date '2026-02-01', interval '1 day') AS d LEFT JOIN public.orders o ON o.created_at::date = d::date AND o.id > %d GROUP BY 1", m.IntN(1e6)),
			fmt.Sprintf("SELECT DATE(o.created_at) AS d, IF(COUNT(*) > %d, 'many', 'few') FROM `orders` o%s GROUP BY DATE(o.created_at) WITH ROLLUP", m.IntN(1e6), m.where("o")),
			fmt.Sprintf("SELECT t.value, COUNT(*) FROM orders o, json_each(o.data) AS t%s AND o.id <> %d GROUP BY t.value", m.where("o"), m.IntN(1e6)))
	}
	switch m.IntN(60) {
	case 0, 1, 2, 3, 4, 5, 6:
		s = "-- update of the report; delete nothing\n" + s + ";"
	case 7, 8, 9, 10, 11, 12:
		s = "/* DROP */ " + s
	case 13, 14, 15, 16, 17, 18:
		s += "\n;"
	case 19:
		for len(s) < 10<<10 {
			s = strings.Replace(s, " WHERE ", " WHERE o.id IN ("+strings.Repeat(strconv.Itoa(m.IntN(1e6))+", ", 700)+"1) AND ", 1)
			if !strings.Contains(s, " WHERE ") {
				break
			}
		}
	}
	return s
}

// harm is what no statement may do, as a whole.
func (m *maker) harm() string {
	all := "POL-17 POL-18 POL-19 POL-20 POL-21 POL-22 POL-23 POL-24 POL-25 POL-28"
	id := m.of(strings.Fields(all)...)
	list := append(append([]string{}, refused[id][""]...), refused[id][m.d]...)
	if len(list) == 0 {
		return m.harm()
	}
	return m.of(list...)
}

// attack wraps what is harmful into what is not.
func (m *maker) attack() string {
	switch m.IntN(12) {
	case 0:
		return m.read() + m.of("; ", ";\n", ";/**/", " ; ") + m.of("COMMIT; ", "", "ROLLBACK;", "END;") + m.harm()
	case 1:
		return m.of("/**/", "/* read only */ ", "-- x\n", "\n\t", "(", "((") + m.harm() + m.of("", " ", "\n", " -- x")
	case 2:
		return "WITH q AS (" + m.harm() + ") SELECT * FROM q" + m.where("q")
	case 3:
		return "SELECT * FROM orders o JOIN (" + m.harm() + ") x ON 1 = 1" + m.where("o")
	case 4:
		harm := m.harm()
		for !strings.Contains(harm, " ") { // COMMIT alone would be a column
			harm = m.harm()
		}
		return "SELECT o.id, (" + harm + ") FROM orders o" + m.where("o")
	case 5:
		f := m.by(m.of("pg_sleep(9)", "pg_read_file('/etc/passwd')", "lo_export(1,'/x')", "dblink_exec('a','b')", "set_config('a','b',true)::int", "nextval('s')", "wipe(1)", "pg_catalog.pg_sleep(1)", `"pg_sleep"(1)`, "query_to_xml('x',true,true,'')", "pg_cancel_backend(1)", "'secret'::regclass", "table_to_xml('secret',true,true,'')", "current_setting('x')"),
			m.of("SLEEP(9)", "LOAD_FILE('/x')", "BENCHMARK(1,1)", "GET_LOCK('a',1)", "`sleep`(1)", "app.wipe()", "@@datadir", "RELEASE_ALL_LOCKS()"),
			m.of("load_extension('x')", "randomblob(999999999)", "readfile('/x')", "\"load_extension\"('x')", "wipe()", "zeroblob(999999999)"))
		return strings.Replace(m.read(), "SELECT ", "SELECT "+f+m.of(" = 1", "", " AS f", " + 1")+", ", 1)
	case 6:
		return "SELECT o.id FROM orders o" + m.where("o") + m.of(" ORDER BY (SELECT 1 FROM secret)", " AND o.id IN (SELECT id FROM secret)", " UNION SELECT pw FROM secret", " GROUP BY (SELECT 1 FROM secret s)", " FOR UPDATE", " FOR SHARE", " INTO OUTFILE '/x'", " LIMIT (SELECT 1 FROM secret)", " EXCEPT (SELECT id FROM private.orders)")
	case 7:
		return "SELECT " + m.expression("o") + " FROM " + m.of("secret o", "secret AS o", "private.orders o", "(SELECT * FROM secret) o", "orders o CROSS JOIN secret s", "orders o, secret", "information_schema.tables o", "orders s NATURAL JOIN secret o", "(orders o LEFT JOIN secret s ON 1=1)") + m.where("o")
	case 8:
		return "WITH " + m.of("orders AS (SELECT * FROM secret)", "o AS (SELECT 1), secret AS (SELECT * FROM secret)", "a AS (SELECT * FROM secret), secret AS (SELECT 1)", "x AS (WITH secret AS (SELECT 1) SELECT * FROM secret), y AS (SELECT * FROM secret)") + " SELECT * FROM orders o" + m.where("o")
	case 9:
		word := m.of("INSERT INTO orders SELECT * FROM orders o", "DELETE FROM orders", "UPDATE orders SET id = 1", "CREATE VIEW v AS SELECT * FROM orders o", "EXPLAIN ANALYZE SELECT * FROM orders o")
		return m.of("", "/**/", "--\n") + word + m.where("orders")
	case 10:
		return strings.Replace(m.read(), "'", m.of("'\\'; DELETE FROM orders; --'||'", "'\x00", "\xff'", "N'"), 1) + m.of("; DROP TABLE orders", ";SELECT 1")
	}
	mixed := []byte(m.harm())
	for i, c := range mixed {
		if c >= 'a' && c <= 'z' && m.IntN(2) == 0 {
			mixed[i] = c - 32
		}
	}
	return string(mixed) + m.of("", " ", "\n") + m.of("", "--"+strconv.Itoa(m.IntN(1e6)), "/*"+strconv.Itoa(m.IntN(1e6))+"*/")
}

// distinct makes n statements of which no two are the same.
func distinct(n int, next func() string) []string {
	seen, list := map[string]bool{}, []string(nil)
	for len(list) < n {
		if s := next(); !seen[s] {
			seen[s] = true
			list = append(list, s)
		}
	}
	return list
}

const hostileEach, legitimateEach = 1000, 600

// POL-17 to POL-29, A37: no hostile statement passes, and of those that
// applications send at most one in two hundred is refused.
func TestCorpus(t *testing.T) {
	attacks, reads, refusals := 0, 0, 0
	for _, d := range dialects {
		j := reading(t, d)
		hostile := distinct(hostileEach, newMaker(d, 1).attack)
		legitimate := distinct(legitimateEach, newMaker(d, 2).read)
		for _, sql := range hostile {
			if attacks++; j.Judge(sql) == "" {
				t.Errorf("%s: allowed: %.300q", d, sql)
			}
		}
		for _, sql := range legitimate {
			reads++
			if why := j.Judge(sql); why != "" {
				refusals++
				t.Logf("%s: refused, %s: %.300q", d, why, sql)
			}
		}
		if d == pg {
			same(t, "hostile-postgres", hostile)
		}
		same(t, "legitimate-"+string(d), legitimate)
	}
	t.Logf("%d hostile statements; %d legitimate, %d of them refused", attacks, reads, refusals)
	if refusals*200 > reads {
		t.Errorf("%d of %d legitimate statements are refused", refusals, reads)
	}
}

// same holds testdata to the corpus: one statement a line, as a Go string.
func same(t *testing.T, name string, list []string) {
	t.Helper()
	var b strings.Builder
	for _, s := range list {
		b.WriteString(strconv.Quote(s) + "\n")
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(path); err != nil || string(old) != b.String() {
		t.Errorf("%s is not the corpus: run go test with -update (%v)", path, err)
	}
}
