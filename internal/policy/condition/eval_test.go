package condition_test

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"doorward/internal/gate"
	"doorward/internal/policy/condition"
)

const arguments = `{
	"owner": "acme", "draft": false, "count": 3, "ratio": 0.1, "thousand": 1e3, "none": null,
	"big": 9007199254740993, "low": -9223372036854775808,
	"huge": 9223372036854775808, "long": 100.00000000000000001, "float": 9007199254740992.0, "tiny": 1e-400, "vast": 1e400,
	"per-page": 50, "caf\u00e9": "cr\u00e8me \"x\"", "path": "/srv/docs/a.txt",
	"labels": ["bug", "help"], "nested": {"a": {"b": [1, {"c": "deep"}]}}, "wrong": [1, 1e400]
}`

func TestEval(t *testing.T) {
	for _, tc := range []struct {
		source string
		want   condition.Result
	}{
		{`principal.tenant == args.owner && now.hour >= 8`, condition.True},
		{`principal.tenant != args.owner`, condition.False},
		{`principal.subject == "ada" && principal.method == "jwt" && principal.realm.startsWith("https://")`, condition.True},
		{`"platform" in principal.groups && principal.scopes.exists(s, s == "read") && size(principal.roles) == 1`, condition.True},
		{`has(principal.tenant) && !has(principal.client)`, condition.True},
		{`upstream == "github" && tool == "merge_pull_request"`, condition.True},
		{`"private" in session.labels`, condition.True},
		{`request.method == "tools/call" && request.kind == "tool" && request.transport == "http" && request.era == "2026-07-28"`, condition.True},
		{`request.profile == "review" && request.agent.startsWith("inspector") && cidr("192.0.2.0/24", request.address)`, condition.True},
		{`cidr("10.0.0.0/8", request.address)`, condition.False},
		{`cidr("192.0.2.0/24", "::ffff:192.0.2.1")`, condition.True},
		{`now.time >= timestamp("2026-11-26T09:30:00Z") && now.time - timestamp("2026-11-26T09:00:00Z") == duration("30m")`, condition.True},

		{`args.draft == false && args.count == 3 && args.none == null`, condition.True},
		{`args.draft`, condition.False},
		{`args.count`, condition.Failed},
		{`args.big == 9007199254740993`, condition.True},
		{`args.big == 9007199254740992`, condition.False},
		{`args.low < 0 && args.ratio == 0.1 && args.thousand == 1000`, condition.True},
		{`args.huge > 0`, condition.Failed},
		{`args.long <= 100.0`, condition.Failed},
		{`args.float == 9007199254740993`, condition.Failed},
		{`args.tiny == 0.0`, condition.Failed},
		{`args.vast > 1.0`, condition.Failed},
		{`args.wrong[0] == 1`, condition.Failed},
		{`args["per-page"] <= 100`, condition.True},
		{`args["café"] == "crème \"x\""`, condition.True},
		{`args.labels == ["bug", "help"] && args.labels[1] == "help" && args.labels.all(l, l in ["bug", "help", "wontfix"])`, condition.True},
		{`args.nested.a.b[1].c == "deep" && has(args.nested.a) && !has(args.nested.x)`, condition.True},
		{`args.nested == {"a": {"b": [1, {"c": "deep"}]}}`, condition.True},
		{`"owner" in args && !("other" in args) && size(args) == 19`, condition.True},
		{`args.exists(k, k == "owner") && args.exists_one(k, k.startsWith("lab"))`, condition.True},
		{`type(args.owner) == string && type(args.count) == int && type(args) == map`, condition.True},
		{`args.labels[2] == "x"`, condition.Failed},
		{`args.owner.a == "x"`, condition.Failed},
		{`args.owner[0] == "x"`, condition.Failed},

		{`glob("merge_*", tool)`, condition.True},
		{`glob("/srv/*", args.path)`, condition.False},
		{`glob("/srv/**", args.path)`, condition.True},
		{`under("/srv/docs", args.path) && under("/srv//docs/.", args.path)`, condition.True},
		{`under("/srv/doc", args.path)`, condition.False},
		{`under("/", args.path)`, condition.True},
		{`under("/srv/docs", "/srv/docs")`, condition.True},
		{`under("/srv/docs", "/srv")`, condition.False},
		{`under("/srv/" + principal.tenant, "/srv/acme/x")`, condition.True},
		{`lower("ÄB") == "äb"`, condition.True},
		{`args.path.matches("^/srv/[a-z]+/[a-z.]+$") && matches(tool, "merge")`, condition.True},
		{`size(upstream) > 3 ? true : false`, condition.True},
	} {
		t.Run(tc.source, func(t *testing.T) {
			in := daytime()
			in.Args = []byte(arguments)
			got, err := compile(t, tc.source).Eval(in)
			if got != tc.want || (err != nil) != (got == condition.Failed) {
				t.Errorf("got %v, %v, want %v", got, err, tc.want)
			}
		})
	}
}

// POL-46: whatever goes wrong is Failed, with an error.
func TestPOL46Failures(t *testing.T) {
	for _, tc := range []struct{ name, source, args, says string }{
		{"POL-46 missing argument", `args.owner == "acme"`, `{}`, "line 1, column 5: a member that the condition reads is missing"},
		{"POL-46 no arguments", `args.owner == "acme"`, ``, "is missing"},
		{"POL-46 missing argument, denied", `args.owner != "acme"`, `{}`, "is missing"},
		{"POL-46 missing attribute", `principal.client == ""`, `{}`, "does not have an attribute"},
		{"POL-46 divide by zero", `10 / args.n > 1`, `{"n":0}`, "division by zero"},
		{"POL-46 remainder by zero", `10 % args.n > 1`, `{"n":0}`, "division by zero"},
		{"POL-46 overflow", `args.n + 1 > 0`, `{"n":9223372036854775807}`, "out of range"},
		{"POL-46 type", `args.n > 1`, `{"n":"2"}`, "a type that the operation does not take"},
		{"POL-46 type of a path", `under("/srv", args.n)`, `{"n":2}`, "a type that the operation does not take"},
		{"POL-46 conversion", `int(args.n) > 1`, `{"n":"s3cret"}`, "not one that the operation takes"},
		{"POL-46 cost", `args.l.all(a, args.l.all(b, args.l.all(c, args.l.all(d, a+b+c+d > 0))))`, `{"l":[1,2,3,4,5,6,7,8,9]}`, "takes too long"},
		{"POL-46 not a bool", `args.n`, `{"n":"true"}`, "neither true nor false"},
		{"a path with ..", `under("/srv", args.p)`, `{"p":"/srv/../etc"}`, "could be read as another"},
		{"an encoded path", `under("/srv", args.p)`, `{"p":"/srv/%2E%2e/etc"}`, "could be read as another"},
		{"a path with a backslash", `under("/srv", args.p)`, `{"p":"/srv\\..\\etc"}`, "could be read as another"},
		{"a relative path", `under("/srv", args.p)`, `{"p":"srv/x"}`, "could be read as another"},
		{"an empty path", `under("/srv", args.p)`, `{"p":""}`, "could be read as another"},
		{"no address", `cidr("10.0.0.0/8", args.a)`, `{"a":"10.0.0.1:80"}`, "not an IP address"},
		{"no network", `cidr(args.a, "10.0.0.1")`, `{"a":"10.0.0.1/8"}`, "not in CIDR notation"},
		{"duplicate names", `args.a == 1`, `{"a":1,"a":2}`, "not one sound JSON object"},
		{"duplicate names, escaped", `args.a == 1`, `{"a":1,"\u0061":2}`, "not one sound JSON object"},
		{"not an object", `args.a == 1`, `[1]`, "not one sound JSON object"},
		{"null", `size(args) == 0`, `null`, "not one sound JSON object"},
		{"two values", `args.a == 1`, `{"a":1}{}`, "not one sound JSON object"},
		{"not UTF-8", `args.a == ""`, "{\"a\":\"\xff\"}", "not one sound JSON object"},
		{"cut off", `args.a == 1`, `{"a":1`, "not one sound JSON object"},
		{"too deep", `args.a == 1`, strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), "too large or too deep"},
		{"a number with many digits", `args.a < 1.0`, `{"a":0.` + strings.Repeat("1", 70) + `}`, "does not fit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daytime()
			in.Args = []byte(tc.args)
			got, err := compile(t, tc.source).Eval(in)
			if got != condition.Failed || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, %v, want an error with %q", got, err, tc.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v repeats the argument", err)
			}
		})
	}
}

func TestPOL46Nothing(t *testing.T) {
	p := compile(t, `true`)
	for _, tc := range []struct {
		name string
		p    *condition.Program
		in   *condition.Input
	}{
		{"no program", nil, daytime()},
		{"zero program", &condition.Program{}, daytime()},
		{"no input", p, nil},
		{"nobody", compile(t, `principal.subject != "x"`), &condition.Input{ArgsKnown: true}},
		{"nobody has groups", compile(t, `!("x" in principal.groups)`), &condition.Input{ArgsKnown: true}},
		{"no time", compile(t, `now.hour < 8`), &condition.Input{ArgsKnown: true}},
	} {
		if got, err := tc.p.Eval(tc.in); got != condition.Failed || err == nil {
			t.Errorf("%s: %v, %v", tc.name, got, err)
		}
	}
	var none *condition.Program
	if none.ReadsArgs() || none.String() != "" || none.CheckArgs([]byte(`{}`)) != nil {
		t.Error("no program says something")
	}
}

// Two that have no tenant are not of the same tenant.
func TestNoTenant(t *testing.T) {
	in := daytime()
	in.Principal = &gate.Principal{Subject: "svc", Method: gate.MethodAPIKey}
	in.Args = []byte(`{"owner":""}`)
	if got, err := compile(t, `principal.tenant == args.owner`).Eval(in); got != condition.Failed {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestClock(t *testing.T) {
	all := `now.year == 2027 && now.month == 1 && now.day == 1 && now.hour == 0 && now.minute == 0 && now.weekday == 5`
	before := `now.year == 2026 && now.month == 12 && now.day == 31 && now.hour == 23 && now.minute == 59 && now.weekday == 4`
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	midnight := time.Date(2027, time.January, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, source string
		now          time.Time
	}{
		{"midnight", all, midnight},
		{"midnight, in the east", all, midnight.In(east)},
		{"midnight, in the west", all, midnight.In(west)},
		{"just before", before, midnight.Add(-time.Nanosecond)},
		{"just before, in the east", before, midnight.Add(-time.Nanosecond).In(east)},
		{"timestamp", `now.time == timestamp("2027-01-01T00:00:00Z") && now.time.getHours() == 0`, midnight.In(east)},
		{"sunday", `now.weekday == 0`, midnight.AddDate(0, 0, 2)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daytime()
			in.Now = tc.now
			if got, err := compile(t, tc.source).Eval(in); got != condition.True {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// While a list is decided, arguments are unknown, which is neither empty nor absent.
func TestUnknown(t *testing.T) {
	night := time.Date(2026, time.November, 26, 3, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		source     string
		day, night condition.Result
	}{
		{`now.hour >= 8 && args.owner == principal.tenant`, condition.Unknown, condition.False},
		{`args.owner == principal.tenant && now.hour >= 8`, condition.Unknown, condition.False},
		{`now.hour >= 8 || args.owner == principal.tenant`, condition.True, condition.Unknown},
		{`args.owner == principal.tenant || now.hour >= 8`, condition.True, condition.Unknown},
		{`now.hour >= 8 ? args.owner == "x" : true`, condition.Unknown, condition.True},
		{`now.hour >= 8`, condition.True, condition.False},
		{`has(args.owner)`, condition.Unknown, condition.Unknown},
		{`!has(args.owner)`, condition.Unknown, condition.Unknown},
		{`!("owner" in args)`, condition.Unknown, condition.Unknown},
		{`size(args) == 0`, condition.Unknown, condition.Unknown},
		{`args == {}`, condition.Unknown, condition.Unknown},
		{`args == args`, condition.Unknown, condition.Unknown},
		{`args.all(k, false)`, condition.Unknown, condition.Unknown},
		{`args.labels.exists(l, l == "x")`, condition.Unknown, condition.Unknown},
		{`["a", "b"].exists(x, x == args.y)`, condition.Unknown, condition.Unknown},
		{`args["a"][args.b] == 1`, condition.Unknown, condition.Unknown},
		{`args.flag`, condition.Unknown, condition.Unknown},
		{`args.path.matches("^/srv")`, condition.Unknown, condition.Unknown},
		{`under("/srv", args.path) && glob("a*", args.path) && cidr("10.0.0.0/8", args.a) && lower(args.a) == "x"`, condition.Unknown, condition.Unknown},
		{`principal.client == "x" && args.owner == "x"`, condition.Unknown, condition.Unknown},
		{`principal.client == "x" || now.hour < 0`, condition.Failed, condition.Failed},
		{`false && args.owner == "x"`, condition.False, condition.False},
	} {
		t.Run(tc.source, func(t *testing.T) {
			p := compile(t, tc.source)
			for _, at := range []struct {
				now  time.Time
				want condition.Result
			}{{daytime().Now, tc.day}, {night, tc.night}} {
				in := daytime()
				in.Now, in.ArgsKnown, in.Args = at.now, false, []byte(`{"owner":"acme"}`)
				if got, err := p.Eval(in); got != at.want || (err != nil) != (got == condition.Failed) {
					t.Errorf("at %d: got %v, %v, want %v", at.now.Hour(), got, err, at.want)
				}
			}
		})
	}
}

// Arguments that nothing asks about are not looked at, however broken they are.
func TestLazy(t *testing.T) {
	for source, want := range map[string]condition.Result{
		`now.hour >= 8`:                         condition.True,
		`now.hour < 8 && args.owner == "acme"`:  condition.False,
		`now.hour >= 8 || args.owner == "acme"`: condition.True,
		`now.hour >= 8 && args.owner == "acme"`: condition.Failed,
	} {
		in := daytime()
		in.Args = []byte(`{"owner":`)
		if got, err := compile(t, source).Eval(in); got != want {
			t.Errorf("%s: got %v, %v, want %v", source, got, err, want)
		}
	}
}

// POL-58 and POL-53: what a client, a token or a name holds is a value.
func TestPOL58ValuesAreData(t *testing.T) {
	for _, hostile := range []string{
		`x" || true || "`, `" || true || "`, `' || true //`, "x\n|| true", `${true}`, `{{env.SECRET}}`, `${SECRET}`, `%{SECRET}`, `#{SECRET}`,
		`true`, `.*`, `**`, `*`, `{a,b}`, `\`, `principal.tenant`, `"acme"`, "acme\x00", `acme" == "acme`,
	} {
		in := daytime()
		in.Principal = &gate.Principal{Subject: hostile, Tenant: hostile, Client: hostile, Groups: []string{hostile}}
		in.Name, in.Upstream, in.Request.Agent, in.Labels = hostile, hostile, hostile, []string{hostile}
		in.Args = quoted(t, hostile)
		for source, want := range map[string]condition.Result{
			`principal.tenant == "acme"`:     condition.False,
			`args.owner == "acme"`:           condition.False,
			`tool == "acme"`:                 condition.False,
			`"acme" in principal.groups`:     condition.False,
			`principal.tenant == args.owner`: condition.True,
			`tool == upstream && tool == request.agent && tool in session.labels`: condition.True,
			`glob("acme*x", tool)`:         condition.False,
			`args.owner.matches("^acme$")`: condition.False,
		} {
			if strings.HasPrefix(source, "glob") && strings.ContainsFunc(hostile, unicode.IsControl) {
				want = condition.Failed // a star crosses no line
			}
			if got, err := compile(t, source).Eval(in); got != want {
				t.Errorf("%q in %s: got %v, %v, want %v", hostile, source, got, err, want)
			}
		}
	}
}

// A16: no value is read as a pattern, and none is an expression.
func TestPOL58PatternsAreLiterals(t *testing.T) {
	for _, source := range []string{
		`glob(args.pattern, tool)`, `glob(principal.tenant + "/*", tool)`, `tool.matches(args.pattern)`, `matches(tool, principal.tenant)`,
		`principal.groups.exists(g, glob(g, tool))`, `tool.matches(true ? "a" : "b")`,
	} {
		if _, err := condition.Compile(source); err == nil || !strings.Contains(err.Error(), "is a literal") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// A rule that many calls share, with and without their arguments.
func TestShared(t *testing.T) {
	p := compile(t, `principal.tenant == args.owner && now.hour >= 8 && args.labels.all(l, l.matches("^[a-z]+$") && glob("b*", l))`)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 200 {
				in, want := daytime(), condition.True
				in.Args = []byte(`{"owner":"acme","labels":["bug","bar"]}`)
				switch (i + j) % 4 {
				case 0:
					in.ArgsKnown, want = false, condition.Unknown
				case 1:
					in.Args, want = []byte(`{"owner":"other"}`), condition.False
				case 2:
					in.Args, want = []byte(`{}`), condition.Failed
				}
				if got, err := p.Eval(in); got != want {
					t.Errorf("got %v, %v, want %v", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// Odd but sound texts are read as any JSON reader does.
func TestArgumentsAsWritten(t *testing.T) {
	for _, tc := range []struct{ args, source string }{
		{`{"a\\":"b\\","c":"\"}"}`, `args["a\\"] == "b\\" && args.c == "\"}"`},
		{" {\r\n\t\"a\" : { \"b\" : [ ] , \"c\" : \"]\" } , \"d\" :-1 } ", `args.a == {"b": [], "c": "]"} && args.d == -1`},
		{`{"a":[[1,[2]],{"b":{"c":"}{"}}],"\u0064":"\ud83d\ude00"}`, `args.a[0] == [1, [2]] && args.a[1].b.c == "}{" && args.d == "😀"`},
		{`{"":"","a":{"":1}}`, `args[""] == "" && args.a[""] == 1`},
		{`{"a":-0,"b":-0.0,"c":1.50,"d":2e-3,"e":0.1E+1,"f":1e15}`, `args.a == 0 && args.b == 0.0 && args.c == 1.5 && args.d == 0.002 && args.e == 1 && args.f == 1000000000000000`},
		{`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"\u006a":10}`, `args.a == 1 && args.j == 10 && !has(args.k)`},
		{`{}`, `args == {} && size(args) == 0`},
		{`{"l":[` + numbers(1000) + `]}`, `args.l.all(x, x == 0)`},
		{`{"s":"` + strings.Repeat("x", 256<<10-20) + `"}`, `args.s.contains("xx") && args.s != "" && !args.s.startsWith("y")`},
	} {
		in := daytime()
		in.Args = []byte(tc.args)
		if got, err := compile(t, tc.source).Eval(in); got != condition.True {
			t.Errorf("%s: got %v, %v", tc.source, got, err)
		}
	}
}
