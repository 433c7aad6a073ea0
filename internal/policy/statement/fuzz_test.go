package statement_test

import (
	"testing"
	"time"

	pgtree "github.com/pganalyze/pg_query_go/v6"
	pgquery "github.com/wasilibs/go-pgquery"

	"doorward/internal/cputime"
	"doorward/internal/policy/statement"
)

// maxTime is what a judgement may take on a busy machine: the bounds keep it
// far below.
const maxTime = 2 * time.Second

// FuzzJudge: any text is judged in bounded time and without a panic, and what
// PostgreSQL's judge lets pass is one SELECT to the parser.
func FuzzJudge(f *testing.F) {
	for _, by := range refused {
		for _, list := range by {
			for _, sql := range list {
				if len(sql) < 1<<10 {
					f.Add(sql)
				}
			}
		}
	}
	for _, d := range dialects {
		for _, sql := range distinct(20, newMaker(d, 3).read) {
			f.Add(sql)
		}
	}
	judges := map[statement.Dialect]*statement.Judge{}
	for _, d := range dialects {
		judges[d] = reading(f, d)
		judges[d].Judge("SELECT 1") // the parser is compiled
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for d, j := range judges {
			why := ""
			if took := cputime.Of(t, func() { why = j.Judge(sql) }); took > maxTime {
				t.Errorf("%s: took %v", d, took)
			}
			if d != pg || why != "" {
				continue
			}
			tree, err := pgquery.Parse(sql)
			if err != nil || len(tree.GetStmts()) != 1 {
				t.Fatalf("allowed, but no single statement: %v", err)
			}
			if _, ok := tree.GetStmts()[0].GetStmt().GetNode().(*pgtree.Node_SelectStmt); !ok {
				t.Fatal("allowed, but no SELECT")
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	for _, d := range dialects {
		j := reading(b, d)
		for name, sql := range map[string]string{
			"small":  "SELECT id FROM orders",
			"report": "SELECT o.status, COUNT(*) AS n, SUM(o.total) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status IN ('a', 'b') AND c.country = 'DE' GROUP BY o.status ORDER BY 2 DESC LIMIT 10",
			"10KiB":  allowed["POL-27"][""][4],
		} {
			b.Run(string(d)+"/"+name, func(b *testing.B) {
				if why := j.Judge(sql); why != "" {
					b.Fatal(why)
				}
				b.ReportAllocs()
				for b.Loop() {
					j.Judge(sql)
				}
			})
		}
	}
}
