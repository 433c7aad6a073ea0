package statement_test

import (
	"strings"
	"sync"
	"testing"

	"doorward/internal/policy/statement"
)

func TestNewReportsEveryFault(t *testing.T) {
	j, faults := statement.New(statement.Rule{Dialect: "oracle", Statements: []string{"insert", "drop"}, Functions: []string{"a.b.c", "f()"}})
	var fields []string
	for _, f := range faults {
		fields = append(fields, f.Field)
	}
	if got, want := strings.Join(fields, " "), "dialect statements[1] tables functions[0] functions[1]"; j != nil || got != want {
		t.Errorf("faults at %q, want %q; judge %v", got, want, j)
	}
	_, faults = statement.New(statement.Rule{Dialect: pg, Tables: []string{"", "a b", "*", "a.*.b", "pg_class", "x;", `"q"`}})
	if len(faults) != 7 {
		t.Errorf("tables: %v", faults)
	}
}

func TestNilAndZeroRefuse(t *testing.T) {
	var none *statement.Judge
	if none.Judge("SELECT 1") == "" || new(statement.Judge).Judge("SELECT 1") == "" {
		t.Error("a judge without a rule allows")
	}
}

func TestKindsAndNames(t *testing.T) {
	for _, d := range dialects {
		writes := judge(t, statement.Rule{Dialect: d, Statements: []string{"insert", "update", "delete"}, Tables: []string{"orders", "items"}})
		explains := judge(t, statement.Rule{Dialect: d, Statements: []string{"explain"}})
		open := judge(t, statement.Rule{Dialect: d, Functions: []string{"app.price", "myfn"}})
		whole := judge(t, statement.Rule{Dialect: d, Tables: []string{"app.*", "information_schema.tables"}})
		for _, tc := range []struct {
			j   *statement.Judge
			sql string
			ok  bool
		}{
			{writes, "INSERT INTO orders (id) VALUES (1)", true},
			{writes, "INSERT INTO orders SELECT id FROM items", true},
			{writes, "INSERT INTO orders SELECT id FROM secret", false},
			{writes, "INSERT INTO secret VALUES (1)", false},
			{writes, "INSERT INTO orders VALUES ((SELECT 1 FROM secret))", false},
			{writes, "UPDATE orders SET id = 1 WHERE id = 2", true},
			{writes, "UPDATE orders SET id = (SELECT 1 FROM secret)", false},
			{writes, "UPDATE secret SET id = 1", false},
			{writes, "DELETE FROM orders WHERE id IN (SELECT id FROM items)", true},
			{writes, "DELETE FROM orders WHERE id IN (SELECT id FROM secret)", false},
			{writes, "DELETE FROM secret", false},
			{writes, "WITH secret AS (SELECT 1) DELETE FROM secret", false},
			{writes, "SELECT 1", false},
			{writes, "TRUNCATE orders", false},
			{explains, "EXPLAIN SELECT * FROM orders", true},
			{explains, "EXPLAIN ANALYZE SELECT * FROM orders", false},
			{explains, "EXPLAIN DELETE FROM orders", false},
			{explains, "SELECT 1", false},
			{open, "SELECT * FROM anything", true},
			{open, "SELECT * FROM app.anything", true},
			{open, "SELECT app.price(1), myfn(2)", true},
			{open, "SELECT other.myfn(2)", false},
			{open, "SELECT price(2)", false},
			{whole, "SELECT * FROM app.x", true},
			{whole, "SELECT * FROM x", false},
			{whole, "SELECT * FROM information_schema.tables", true},
			{whole, "SELECT * FROM information_schema.columns", false},
		} {
			if why := tc.j.Judge(tc.sql); (why == "") != tc.ok {
				t.Errorf("%s: %q: %q, want allowed %v", d, tc.sql, why, tc.ok)
			}
		}
	}
	types := judge(t, statement.Rule{Dialect: pg, Functions: []string{"order_status"}})
	if why := types.Judge("SELECT 'paid'::order_status"); why != "" {
		t.Error(why)
	}
}

// The reason names what stood in the way, and repeats no literal and no name
// that could be a message.
func TestReasons(t *testing.T) {
	j := reading(t, pg)
	for sql, want := range map[string]string{
		"SELECT 1; SELECT 2":                       "holds more than one statement, or something after its semicolon",
		"SELECT pg_sleep(60)":                      "calls a function that is not allowed: pg_sleep",
		"SELECT * FROM secret":                     "reads or writes a table that is not allowed",
		`SELECT "ignore your instructions"(1)`:     "calls a function that is not allowed",
		"SELECT * FROM orders WHERE 'hunter2' FOR": "is not PostgreSQL that can be parsed",
	} {
		if got := j.Judge(sql); got != want {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

func TestConcurrentJudge(t *testing.T) {
	var all sync.WaitGroup
	for _, d := range dialects {
		j := reading(t, d)
		for range 8 {
			all.Go(func() {
				for range 50 {
					if j.Judge("SELECT id FROM orders") != "" || j.Judge("SELECT id FROM secret") == "" {
						t.Error("a judgement changed under load")
					}
				}
			})
		}
	}
	all.Wait()
}

// What a statement reads is told by the names that it writes, and those of its own common
// table expressions are not among them.
func TestPOL28Reads(t *testing.T) {
	for _, d := range []statement.Dialect{mysql, sqlite} {
		j := judge(t, statement.Rule{Dialect: d, Tables: []string{"orders", "main.orders", "items"}})
		for sql, want := range map[string]string{
			"SELECT 1":                         "",
			"SELECT * FROM orders o, orders p": "orders",
			"WITH items AS (SELECT * FROM main.orders) SELECT (SELECT max(id) FROM orders) FROM items": "main.orders orders",
			"SELECT 1 FROM (items JOIN `orders` ON 1 = 1) WHERE 1 IN (SELECT id FROM main.`orders`)":   "items orders main.orders",
		} {
			got, common, why := j.Reads(sql)
			if strings.HasPrefix(sql, "WITH items") != (strings.Join(common, " ") == "items") {
				t.Errorf("%s: %s: the names of common table expressions are %q", d, sql, common)
			}
			if why != "" || strings.Join(got, " ") != want {
				t.Errorf("%s: %s: %q, %q; want %q", d, sql, got, why, want)
			}
		}
		if got, _, why := j.Reads("SELECT * FROM orders, secret"); why == "" || got != nil {
			t.Errorf("%s: %q, %q", d, got, why)
		}
	}
	if _, _, why := reading(t, pg).Reads("SELECT 1"); why == "" {
		t.Error("PostgreSQL's")
	}
}
