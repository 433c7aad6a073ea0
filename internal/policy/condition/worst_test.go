package condition_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/policy/condition"
)

// limit is that of one evaluation, in time on the processor: what else the machine
// does is no fault of the program. The race detector makes everything slower.
const (
	limit = 10 * time.Millisecond
	tries = 3
)

func numbers(n int) string { return strings.TrimSuffix(strings.Repeat("0,", n), ",") }

// What a hostile client, or a careless operator, can make an evaluation cost (RES-20).
func TestPOL46_RES20_Budget(t *testing.T) {
	nine := "[1,2,3,4,5,6,7,8,9]"
	list := `{"l":[` + numbers(9000) + `]}`
	text := `{"s":"` + strings.Repeat("a", 256<<10-20) + `","l":[` + numbers(2) + `]}`
	long := `{"s":"` + strings.Repeat("a", 250_000) + `","l":[` + numbers(5000) + `]}`
	same := `"` + strings.Repeat("a", 50_000) + `"`
	for _, tc := range []struct{ name, source, args string }{
		{"9^4 of literals", fmt.Sprintf("%[1]s.all(a, %[1]s.all(b, %[1]s.all(c, %[1]s.all(d, a+b+c+d > 0))))", nine), ``},
		{"9^4 of an argument", "args.l.all(a, args.l.all(b, args.l.all(c, args.l.all(d, a+b+c+d > 0))))", `{"l":` + nine + `}`},
		{"a long list", "args.l.all(x, x == 0)", list},
		{"a long list, squared", "args.l.all(x, args.l.all(y, x == y))", list},
		{"a list compared with itself", "args.l.all(x, args.l == args.l)", list},
		{"a list in a list", "args.l.all(x, 1 in args.l)", list},
		{"lists of long texts", "args.l.all(x, args.l.all(y, !(args.s in args.l)))", `{"s":"` + strings.Repeat("a", 49_999) + `b","l":[` + strings.TrimSuffix(strings.Repeat(same+",", 10), ",") + `]}`},
		{"a long text measured over and over", "args.l.all(x, size(args.s) > 0)", long},
		{"a long text added over and over", "args.l.all(x, args.s + args.s != '')", long},
		{"a long text searched", "args.l.all(x, !args.s.contains('aaaaaaab'))", long},
		{"a long text compared", "args.l.all(x, args.s == args.s)", long},
		{"a long text matched", `args.s.matches("(a|aa)+$")`, text},
		{"a text matched over and over", `args.l.all(x, args.s.matches("(a|a|a|aa?)+[a-z]{3}$") || true)`, `{"s":"` + strings.Repeat("a", 2000) + `","l":[` + numbers(5000) + `]}`},
		{"a large program on a short text", `args.l.all(x, args.s.matches("(a?){30}(a|a|aa){60}(.{5}){20}b$") || true)`, `{"s":"` + strings.Repeat("a", 200) + `","l":[` + numbers(5000) + `]}`},
		{"a glob with alternatives", `args.l.all(x, glob("{a,aa,aaa}*{a,aa}*c", args.s) || true)`, `{"s":"` + strings.Repeat("a", 500) + `","l":[` + numbers(5000) + `]}`},
		{"a glob over and over", `args.l.all(x, glob("{a,b}*{a,b}*{a,b}*{a,b}*c", args.s) || true)`, `{"s":"` + strings.Repeat("a", 3000) + `","l":[` + numbers(5000) + `]}`},
		{"lower over and over", `args.l.all(x, lower(args.s) != "")`, `{"s":"` + strings.Repeat("É", 32_000) + `","l":[` + numbers(5000) + `]}`},
		{"under over and over", `args.l.all(x, under("/a", args.s))`, `{"s":"` + strings.Repeat("/a", 2000) + `","l":[` + numbers(5000) + `]}`},
		{"cidr over and over", `args.l.all(x, cidr("2001:db8::/32", "2001:db8::1"))`, list},
		{"a time zone over and over", `args.l.all(x, now.time.getHours("Europe/Berlin") < 99)`, list},
		{"times over and over", `args.l.all(x, timestamp("2026-11-26T22:00:00Z") < now.time)`, list},
		{"a filter", "args.l.filter(x, x == 0).map(x, x + 1).all(x, x > 0)", list},
		{"lists added", "[" + strings.Repeat("[0]+", 59) + "[0]].all(v, args.l.all(x, v[0] == 0))", list},
		{"a list in every step", "args.l.all(x, [" + numbers(200) + "].all(y, y == 0))", list},
		{"a megabyte of text", `args.s != ""`, text},
		{"a megabyte of escapes", `args.s != ""`, `{"s":"` + strings.Repeat(`\u0061`, 40_000) + `"}`},
		{"many members", `args.m0 == 0`, members(3000)},
		{"many members as a whole", `args == args`, members(3000)},
		{"many members, over and over", `args.l.all(x, args.m2999 == 2999)`, strings.Replace(members(3000), "{", `{"l":[`+numbers(3000)+`],`, 1)},
		{"many values", `args.l == [1]`, `{"l":[` + numbers(100_000) + `]}`},
		{"many commas in a text", `args.s == ""`, `{"s":"` + strings.Repeat(",", 256<<10-20) + `"}`},
		{"too deep", `args.l == [1]`, `{"l":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`},
		{"too large", `args.s == ""`, `{"s":"` + strings.Repeat("a", 256<<10) + `"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := compile(t, tc.source)
			in := daytime()
			in.Args = []byte(tc.args)
			best := time.Hour
			for range tries {
				var r condition.Result
				var err error
				best = min(best, cputime.Of(t, func() { r, err = p.Eval(in) }))
				if (r == condition.Failed) != (err != nil) {
					t.Fatalf("%v with %v", r, err)
				}
			}
			r, err := p.Eval(in)
			t.Logf("%v, %v, %v", best, r, err)
			if best > limit && !raceEnabled {
				t.Errorf("took %v, want at most %v", best, limit)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}
