package statement_test

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/policy/statement"
)

// POL-29: whatever is just inside the bounds leaves the parser alive. One that
// was driven too deep would judge nothing more.
func TestPOL29BoundsKeepTheParserAlive(t *testing.T) {
	statement.Prepare()
	r := strings.Repeat
	for name, sql := range map[string]string{
		"plus": "SELECT 1" + r("+1", 740), "sign": "SELECT " + r("- ", 1480) + "x", "not": "SELECT " + r("NOT ", 1480) + "true",
		"cast": "SELECT x" + r("::text", 490), "isnull": "SELECT x" + r(" ISNULL", 1480), "index": "SELECT x" + r("[1]", 700),
		"zone": "SELECT x" + r(" AT TIME ZONE x", 370), "dots": "SELECT a" + r(".a", 740), "collate": "SELECT x" + r(` COLLATE "C"`, 740),
		"call": "SELECT " + r("lower(", 99) + "x" + r(")", 99), "parentheses": "SELECT " + r("(", 99) + "1" + r(")", 99),
		"query": "SELECT " + r("(SELECT ", 99) + "1" + r(")", 99), "rows": r("SELECT * FROM (", 99) + "SELECT 1" + r(") x", 99),
		"mixed": "SELECT " + r("(- - - - - NOT 1 + ", 99) + "1" + r(")", 99), "case": "SELECT " + r("CASE WHEN true THEN ", 99) + "1" + r(" END", 99),
		"union": "SELECT 1" + r(" UNION SELECT 1", 200), "join": "SELECT 1 FROM orders a" + r(" CROSS JOIN orders", 200),
		"and": "SELECT 1 WHERE a" + r(" AND a", 2_400), "or": "SELECT 1 WHERE a" + r(" OR a AND a", 1_150), "list": "SELECT 1" + r(",1", 2_400),
		"between": "SELECT 1 WHERE " + r("1 BETWEEN 1 AND NOT ", 280) + "true", "from": "SELECT 1 FROM orders" + r(",orders", 2_200),
		"values": "VALUES (1)" + r(",(1)", 1_200), "in": "SELECT 1 WHERE 1 IN (1" + r(",1", 2_400) + ")",
		"with": "WITH a AS (SELECT 1)" + r(", a AS (SELECT 1 FROM a)", 500) + " SELECT 1",
	} {
		for _, d := range dialects {
			j := judge(t, statement.Rule{Dialect: d})
			why := ""
			took := cputime.Of(t, func() { why = j.Judge(sql) })
			if strings.Contains(why, "too ") || strings.Contains(why, "fail") || strings.Contains(why, "busy") || took > maxTime {
				t.Errorf("%s %s: %q after %v", d, name, why, took)
			}
			if why := j.Judge("SELECT 1"); why != "" {
				t.Fatalf("%s %s: the parser is gone: %s", d, name, why)
			}
			t.Logf("%s %s: %v %s", d, name, took.Round(time.Millisecond), why)
		}
	}
}
