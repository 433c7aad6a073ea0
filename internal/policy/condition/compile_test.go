package condition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"doorward/internal/policy/condition"
)

func quoted(t *testing.T, owner string) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"owner": owner})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// POL-46: what is not sound never becomes a program.
func TestPOL46Compile(t *testing.T) {
	for _, tc := range []struct{ name, source, says string }{
		{"POL-46 empty", " \n", "is empty"},
		{"POL-46 syntax", `principal.tenant ==`, "line 1, column 20: Syntax error"},
		{"POL-46 one equals sign", `tool = "x"`, "write == to compare"},
		{"an unknown name", "now.hour >= 8 &&\n  principl.tenant == \"a\"", "line 2, column 3: undeclared reference to 'principl' (did you mean 'principal'?)"},
		{"another unknown name", `user == "a"`, "a condition knows principal, upstream, tool, args, session, now, request"},
		{"a hyphen", `args.per-page == 1`, `args["a-b"]`},
		{"an unknown attribute", `principal.tennant == "a"`, "line 1, column 10: undefined field 'tennant': did you mean principal.tenant?"},
		{"no secrets", `principal.renewal.token == "a"`, "undefined field 'renewal'"},
		{"an unknown function", `globb("a", tool)`, "undeclared reference to 'globb'"},
		{"types", `now.hour == "8"`, "found no matching overload"},
		{"more types", `tool > 1`, "found no matching overload"},
		{"not a bool", `principal.tenant`, "is a string and not a bool"},
		{"not a bool either", `1 + 1`, "is a int and not a bool"},
		{"a variable alone", `dyn(principal) == 1`, "name one of its attributes"},
		{"an object", `google.protobuf.Duration{seconds: 1} == duration("1s")`, "makes no objects"},
		{"one of ours", `doorward.principal{tenant: "a"} == principal`, "makes no objects"},
		{"a shadow", `[1].all(args, args == 1)`, "is a variable of every condition"},
		{"a double", `args.n < 1e16`, "not exact"},
		{"a bad regular expression", `tool.matches("a(")`, "malformed"},
		{"a lookahead", `tool.matches("(?=a)")`, "malformed"},
		{"a large regular expression", `tool.matches("(x{100}){10}")`, "larger than"},
		{"a bad glob", `glob("[a", tool)`, "malformed"},
		{"a glob with braces", `glob("{a}{b}{c}{d}{e}", tool)`, "braces"},
		{"a glob with alternatives", `glob("{a,b,c,d,e}{a,b,c,d,e}{a,b,c,d,e}", tool)`, "alternatives"},
		{"a bad network", `cidr("10.0.0.1/8", request.address)`, "CIDR"},
		{"too long", `tool == "` + strings.Repeat("a", 5000) + `"`, "longer than"},
		{"too deep", strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "recursion"},
		{"too many nodes", "tool in [" + strings.TrimSuffix(strings.Repeat(`"a",`, 1010), ",") + "]", "node"},
		{"not UTF-8", "tool == \"\xff\"", "not UTF-8"},
		{"no strings library", `tool.replace("a", "b") == "b"`, "undeclared reference to 'replace'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := condition.Compile(tc.source)
			if p != nil || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, %v, want %q", p, err, tc.says)
			}
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 1500 {
				t.Errorf("the error is no line: %q", err)
			}
		})
	}
}

func TestProgram(t *testing.T) {
	for source, want := range map[string]bool{
		`principal.tenant == args.owner`: true,
		`"a" in args`:                    true,
		`["args"].exists(x, x == tool)`:  false,
		`now.hour >= 8`:                  false,
	} {
		p := compile(t, source)
		if p.ReadsArgs() != want || p.String() != source {
			t.Errorf("%s: reads args %v, shown as %s", source, p.ReadsArgs(), p)
		}
	}
}

// Whatever the source, nothing panics and nothing that fails is true.
func FuzzCondition(f *testing.F) {
	for _, source := range []string{
		`principal.tenant == args.owner && now.hour >= 8`, `args.all(k, args[k] == 1) || 1/0 == 1`, `glob("{a,b}*", tool)`,
		`tool.matches("(a|b)*")`, `under("/srv", args.path)`, `cidr("10.0.0.0/8", request.address)`, `args.l.map(x, x * 2).filter(y, y > 2).size() == 1`,
		`has(args.a.b.c) ? args.a.b.c : lower(tool) == "x"`, `args["a"]["b"][0].d`, `now.time.getHours("UTC") == 1`, `x" || true || "`, `{"a": [1, 2.5, b"x", null]} == args`,
		`dyn(1) == args && timestamp("x") < now.time`, `type(args) == type({})`, "`a`.b", `args.?a.orValue(1)`, `cel.bind(a, b, c)`,
	} {
		f.Add(source, `{"owner":"acme","l":[1,2,3],"a":{"b":{"c":true}},"path":"/srv/x"}`)
	}
	f.Fuzz(func(t *testing.T, source, args string) {
		p, err := condition.Compile(source)
		if err != nil {
			if p != nil {
				t.Fatal("a program with an error")
			}
			return
		}
		in := daytime()
		for _, known := range []bool{true, false} {
			in.Args, in.ArgsKnown = []byte(args), known
			got, err := p.Eval(in)
			if (got == condition.Failed) != (err != nil) {
				t.Errorf("%q: %v with %v", source, got, err)
			}
			if got == condition.Unknown && (known || !p.ReadsArgs()) {
				t.Errorf("%q: unknown, though nothing is", source)
			}
		}
		p.CheckArgs([]byte(args))
	})
}
