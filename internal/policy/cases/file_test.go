package cases_test

import (
	"strings"
	"testing"

	"doorward/internal/policy/cases"
)

const head = `version: 1
principals:
  alice: {roles: [reader], tenant: acme}
cases:
`

func parse(t *testing.T, text string) *cases.Suite {
	t.Helper()
	s, err := cases.Parse("cases.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return s
}

// What the client sends is what policy judges: numbers as they are written, members
// in their order, texts as texts.
func TestArguments(t *testing.T) {
	for yaml, want := range map[string]string{
		`{b: 1, a: 2}`: `{"b":1,"a":2}`,
		`{n: 9007199254740993, big: 123456789012345678901234567890}`: `{"n":9007199254740993,"big":123456789012345678901234567890}`,
		`{n: 1.50, e: 1e400, E: 1E2, z: -0}`:                         `{"n":1.50,"e":1e400,"E":1E2,"z":-0}`,
		`{n: "1", m: '1e2'}`:                                         `{"n":"1","m":"1e2"}`,
		`{t: true, n: null, none: ~, yes: yes}`:                      `{"t":true,"n":null,"none":null,"yes":"yes"}`,
		`{l: [1, [a, {x: y}]], o: {}, e: []}`:                        `{"l":[1,["a",{"x":"y"}]],"o":{},"e":[]}`,
		`{q: "a\"b\\\u200b\n"}`:                                      `{"q":"a\"b\\` + "\u200b" + `\n"}`,
		`{at: 2026-11-26T03:00:00Z}`:                                 `{"at":"2026-11-26T03:00:00Z"}`,
		`{}`:                                                         `{}`,
		`'{"a":1,"a":2}'`:                                            `{"a":1,"a":2}`,
		`'{"a":'`:                                                    `{"a":`,
	} {
		s := parse(t, head+"  - {who: alice, call: a/b, expect: deny, args: "+yaml+"}\n")
		if got := string(s.Cases[0].Args); got != want {
			t.Errorf("%s: %s, want %s", yaml, got, want)
		}
	}
	s := parse(t, head+"  - who: alice\n    call: a/b\n    expect: deny\n    args:\n      text: |\n        12\n      n: 7\n")
	if got := string(s.Cases[0].Args); got != `{"text":"12\n","n":7}` {
		t.Errorf("block: %s", got)
	}
}

// A file that is not sound is refused whole, with every fault and its line.
func TestFaults(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"not YAML", "version: [", "this is not YAML"},
		{"empty", "", "the file is empty"},
		{"two documents", "version: 1\n---\nversion: 1\n", "more than one YAML document"},
		{"no version", "principals: {}\n", "version: is missing"},
		{"another version", "version: 2\n", "line 1, column 10: version: must be 1"},
		{"no cases", "version: 1\ncases: []\n", "there are none"},
		{"unknown key", head + "  - {who: alice, call: a/b, expect: deny, arg: {}}\n", "line 5, column 43: cases[0].arg: there is no such key; there are args, at, call"},
		{"unknown principal", head + "  - {who: bob, call: a/b, expect: deny}\n", "line 5, column 1: cases[0].who: there is no principal bob"},
		{"no principal", head + "  - {call: a/b, expect: deny}\n", "cases[0].who: is missing"},
		{"no verb", head + "  - {who: alice, expect: deny}\n", "write one of call, list, read and prompt"},
		{"two verbs", head + "  - {who: alice, call: a/b, read: 'x://', expect: deny}\n", "write one of call, list, read and prompt"},
		{"no answer", head + "  - {who: alice, call: a/b}\n", "cases[0].expect: must be one of allow, deny, approve"},
		{"answer of a list", head + "  - {who: alice, call: a/b, expect: hidden}\n", "must be one of allow, deny, approve"},
		{"answer of a call", head + "  - {who: alice, list: a/b, expect: deny}\n", "must be one of visible, hidden"},
		{"glob", head + "  - {who: alice, call: a/*, expect: deny}\n", "is a name, not a pattern"},
		{"glob of a list", head + "  - {who: alice, list: a/b*, expect: hidden}\n", "list takes upstream/*"},
		{"no upstream", head + "  - {who: alice, call: b, expect: deny}\n", "cases[0].call: must be upstream/name"},
		{"arguments of a resource", head + "  - {who: alice, read: 'x://', args: {}, expect: deny}\n", "only calls and prompts have arguments"},
		{"kind of a call", head + "  - {who: alice, call: a/b, kind: tool, expect: deny}\n", "cases[0].kind: is for list"},
		{"unknown kind", head + "  - {who: alice, list: a/b, kind: server, expect: hidden}\n", "must be one of prompt, resource, template, tool"},
		{"time", head + "  - {who: alice, call: a/b, at: soon, expect: deny}\n", "cases[0].at: must be a time"},
		{"number of YAML alone", head + "  - {who: alice, call: a/b, args: {n: 0x1F}, expect: deny}\n", "cases[0].args.n: write the number as JSON does"},
		{"infinity", head + "  - {who: alice, call: a/b, args: {n: .inf}, expect: deny}\n", "cases[0].args.n: write the number as JSON does"},
		{"key twice", head + "  - {who: alice, call: a/b, args: {n: 1, n: 2}, expect: deny}\n", "cases[0].args.n: is written twice"},
		{"arguments in a list", head + "  - {who: alice, call: a/b, args: [1], expect: deny}\n", "cases[0].args: must be a mapping"},
		{"alias", "version: 1\nprincipals: {a: &x {roles: [r]}, b: *x}\ncases: [{who: a, call: a/b, expect: deny}]\n", "anchors, aliases and merge keys are not allowed"},
		{"alias in arguments", head + "  - {who: alice, call: a/b, args: {n: &x 1, m: *x}, expect: deny}\n", "anchors, aliases and merge keys are not allowed"},
		{"merge", "version: 1\nprincipals:\n  a: {roles: [r]}\n  b: {<<: {roles: [r]}}\ncases: [{who: a, call: a/b, expect: deny}]\n", "are not allowed"},
		{"tag", head + "  - {who: alice, call: a/b, args: {n: !!str 1}, expect: deny}\n", "YAML tags are not allowed"},
		{"method", "version: 1\nprincipals: {a: {method: password}}\ncases: [{who: a, call: a/b, expect: deny}]\n", "principals.a.method: must be one of api_key"},
		{"large", head + strings.Repeat("#", 1<<20), "larger than"},
		{"long", head + strings.Repeat("\n", 20_001), "lines and list elements"},
		{"deep", head + strings.Repeat("[", 100), "nested too deep"},
		{"bytes", "version: 1\n# \xff", "not UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := cases.Parse("cases.yaml", []byte(tc.text))
			if s != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Parse = %v, %v, want %q", s, err, tc.want)
			}
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	_, err := cases.Parse("cases.yaml", []byte("version: 3\nwho: x\nprincipals: {a: {role: [r]}}\ncases:\n  - {who: a, call: b, expect: no}\n  - {who: c, list: a/b, expect: hidden}\n"))
	want := []string{"line 1, ", "line 2, ", "line 3, ", "cases[0].expect", "cases[0].call", "line 6, "}
	for _, part := range want {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
}

// Whatever the text, Parse ends, and what it takes has cases.
func FuzzParse(f *testing.F) {
	f.Add(head + "  - {who: alice, call: a/b, args: {n: [1, {a: b}]}, expect: deny}\n")
	f.Add("version: 1\nprincipals: {a: &x {}}\ncases: [*x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := cases.Parse("f", []byte(text))
		if (s == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", s, err)
		}
		if s != nil && len(s.Cases) == 0 {
			t.Fatal("a file without cases was taken")
		}
	})
}
