package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/words"
)

// noon is a Thursday.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func called(who *gate.Principal, tool, args string) *policy.Question {
	up, name, _ := strings.Cut(tool, "/")
	return &policy.Question{Who: who, Kind: gate.Tool, Upstream: up, Name: name, Called: true, Args: []byte(args), Now: noon}
}

func source(role policy.Role, types map[string]string) policy.Source {
	return policy.Source{
		Roles:     map[string]policy.Role{"r": role, "lead": {}},
		Arguments: map[string]map[string]string{"files": types},
	}
}

func compileSource(t testing.TB, src policy.Source) *policy.Policy {
	t.Helper()
	p, faults := policy.Compile(src)
	if len(faults) > 0 {
		t.Fatalf("Compile: %v", faults)
	}
	return p
}

// TestPOL16EveryTypedLeafIsJudged: wherever a path stands in the arguments, in any
// case of its name, it is judged; what is of another type is refused.
func TestPOL16EveryTypedLeafIsJudged(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: []policy.Rule{{
		Tools: []string{"files/*"},
		Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/a"}}},
	}}}, map[string]string{"path": "path", "target": "path", "options": "json"}))
	for _, tc := range []struct {
		name, args string
		want       bool
	}{
		{"plain", `{"path":"/srv/a/x"}`, true},
		{"no path", `{"other":1}`, true},
		{"no arguments", ``, true},
		{"outside", `{"path":"/etc/passwd"}`, false},
		{"array", `{"path":["/srv/a/x","/srv/a/y"]}`, true},
		{"array with one outside", `{"path":["/srv/a","/etc"]}`, false},
		{"nested object", `{"deep":{"er":[{"path":"/etc/x"}]}}`, false},
		{"below a typed name", `{"path":{"value":"/etc/x"}}`, false},
		{"another key of the type", `{"target":"/etc/x"}`, false},
		{"upper case", `{"PATH":"/etc/x"}`, false},
		{"escaped name", `{"p\u0061th":"/etc/x"}`, false},
		{"escaped value", `{"path":"/srv/a/\u002e\u002e/x"}`, false},
		{"number", `{"path":7}`, false},
		{"true", `{"path":true}`, false},
		{"null", `{"path":null}`, false},
		{"base64", `{"path":"L2V0Yy9wYXNzd2Q="}`, false},
		{"JSON in a text", `{"options":"{\"path\":\"/etc/x\"}"}`, false},
		{"JSON in a text, inside", `{"options":"{\"path\":\"/srv/a/x\"}"}`, true},
		{"no JSON in a text", `{"options":"{path:"}`, false},
		{"JSON that is no text", `{"options":{"path":"/srv/a/x"}}`, false},
		{"JSON in JSON in JSON in JSON", `{"options":"{\"options\":\"{\\\"options\\\":\\\"{}\\\"}\"}"}`, true},
		{"JSON in a text in a text", `{"options":"\"{\\\"path\\\":\\\"/etc/x\\\"}\""}`, false},
		{"not an object", `["/srv/a"]`, false},
	} {
		d := p.Judge(called(who("r"), "files/read", tc.args))
		if d.Allowed != tc.want {
			t.Errorf("%s: %s: %+v, want %v", tc.name, tc.args, d, tc.want)
		}
		if !d.Allowed && (d.Public == "" || strings.Contains(d.Public, "etc") || strings.Contains(d.Public, `" the `)) {
			t.Errorf("%s: the caller reads %q", tc.name, d.Public)
		}
		if d.Allowed && !d.Judged {
			t.Errorf("%s: the decision does not say that it judged the arguments", tc.name)
		}
	}
}

// A type is judged where no rule says more, too.
func TestTypesAloneAreJudged(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: tools("files/*")}, map[string]string{"path": "path"}))
	for args, want := range map[string]bool{
		`{"path":"/anywhere/x"}`: true, `{"path":"rel/x"}`: true, `{"path":"../x"}`: false, `{"path":"/proc/self/environ"}`: false, `{"path":1}`: false,
	} {
		if d := p.Judge(called(who("r"), "files/read", args)); d.Allowed != want {
			t.Errorf("%s: %+v, want %v", args, d, want)
		}
	}
}

func TestBoundsOfArguments(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: tools("files/*")}, map[string]string{"path": "path", "sql": "sql", "lite": "sql/sqlite"}))
	if d := p.Judge(called(who("r"), "files/read", `{"sql":["SELECT 1"`+strings.Repeat(`,"SELECT 1"`, 15)+`]}`)); !d.Allowed {
		t.Errorf("16 statements: %+v", d)
	}
	for _, name := range []string{"sql", "lite"} {
		if d := p.Judge(called(who("r"), "files/read", `{"`+name+`":["SELECT 1"`+strings.Repeat(`,"SELECT 1"`, 16)+`]}`)); d.Allowed {
			t.Errorf("17 statements in %s", name)
		}
	}
	many := `{"path":["/a"` + strings.Repeat(`,"/a"`, 2000) + `]}`
	long := `{"path":"/` + strings.Repeat("a", 300<<10) + `"}`
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, args := range []string{many, long, deep} {
		if d := p.Judge(called(who("r"), "files/read", args)); d.Allowed {
			t.Errorf("%.40s… was allowed", args)
		}
	}
}

func TestValues(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: []policy.Rule{{
		Tools: []string{"files/*"},
		Where: &policy.Where{Values: map[string]policy.Value{
			"owner":    {Text: words.TextRule{Equals: new("acme")}, Required: true},
			"state":    {Text: words.TextRule{OneOf: []string{"open", "true", "7"}}},
			"per_page": {Min: "1", Max: "100"},
			"body":     {Text: words.TextRule{Size: 5}},
		}},
	}}}, nil))
	for _, tc := range []struct {
		args string
		want bool
	}{
		{`{"owner":"acme"}`, true},
		{`{}`, false},
		{`{"owner":"evil"}`, false},
		{`{"owner":["acme"]}`, true},
		{`{"owner":["acme","evil"]}`, false},
		{`{"Owner":"evil","owner":"acme"}`, false},
		{`{"owner":"acme","state":"open"}`, true},
		{`{"owner":"acme","state":true}`, true},
		{`{"owner":"acme","state":7}`, true},
		{`{"owner":"acme","state":"closed"}`, false},
		{`{"owner":"acme","per_page":100}`, true},
		{`{"owner":"acme","per_page":100.0000001}`, false},
		{`{"owner":"acme","per_page":0}`, false},
		{`{"owner":"acme","per_page":"50"}`, false},
		{`{"owner":"acme","per_page":1e2}`, true},
		{`{"owner":"acme","body":"12345"}`, true},
		{`{"owner":"acme","body":"123456"}`, false},
		{`{"owner":"acme","body":12345}`, false},
	} {
		if d := p.Judge(called(who("r"), "files/x", tc.args)); d.Allowed != tc.want {
			t.Errorf("%s: %+v, want %v", tc.args, d, tc.want)
		}
	}
}

// TestPOL46Conditions: what cannot be decided is refused, and deny wins.
func TestPOL46Conditions(t *testing.T) {
	me := &gate.Principal{Subject: "s", Tenant: "acme", Roles: []string{"r"}}
	rule := func(when string) policy.Rule { return policy.Rule{Tools: []string{"files/*"}, When: when} }
	for _, tc := range []struct {
		name        string
		allow, deny []policy.Rule
		want        bool
		reason      string
	}{
		{"holds", []policy.Rule{rule(`principal.tenant == args.owner`)}, nil, true, policy.ReasonAllowed},
		{"does not hold", []policy.Rule{rule(`args.owner == "evil"`)}, nil, false, policy.ReasonCondition},
		{"missing attribute", []policy.Rule{rule(`args.missing == "x"`)}, nil, false, policy.ReasonCondition},
		{"divides by zero", []policy.Rule{rule(`1 / args.n == 1`)}, nil, false, policy.ReasonCondition},
		{"another rule allows it", []policy.Rule{rule(`args.missing == "x"`), rule(`true`)}, nil, true, policy.ReasonAllowed},
		{"a deny holds", []policy.Rule{rule(`true`)}, []policy.Rule{rule(`args.owner == "acme"`)}, false, policy.ReasonDenied},
		{"a deny does not hold", []policy.Rule{rule(`true`)}, []policy.Rule{rule(`args.owner == "evil"`)}, true, policy.ReasonAllowed},
		{"a deny fails", []policy.Rule{rule(`true`)}, []policy.Rule{rule(`args.missing == "x"`)}, false, policy.ReasonDenied},
		{"by the clock", []policy.Rule{rule(`now.hour >= 8 && now.hour < 18`)}, nil, true, policy.ReasonAllowed},
	} {
		p := compileSource(t, policy.Source{Roles: map[string]policy.Role{"r": {Allow: tc.allow, Deny: tc.deny}}})
		if d := p.Judge(called(me, "files/x", `{"owner":"acme","n":0}`)); d.Allowed != tc.want || d.Reason != tc.reason {
			t.Errorf("%s: %+v, want %v, %s", tc.name, d, tc.want, tc.reason)
		}
	}
	if d := (*policy.Policy)(nil).Judge(called(me, "files/x", `{}`)); d.Allowed {
		t.Error("no policy allowed something")
	}
	if d := compileSource(t, policy.Source{}).Judge(called(me, "files/x", `{}`)); d.Allowed {
		t.Error("an empty policy allowed something")
	}
}

// TestPOL58NamesAreData: what names hold never becomes part of an expression.
func TestPOL58NamesAreData(t *testing.T) {
	p := compileSource(t, policy.Source{Roles: map[string]policy.Role{"r": {Allow: []policy.Rule{{
		Tools: []string{"*/**"}, When: `principal.subject == args.owner && tool == "t"`,
	}}}}})
	for _, bad := range []string{`x" || true || "`, `"||true||"`, "x\n|| true", "${true}", "' || true"} {
		me := &gate.Principal{Subject: bad, Tenant: bad, Roles: []string{"r"}}
		q := called(me, "files/x", fmt.Sprintf(`{"owner":%q}`, "other"))
		q.Name = bad
		if d := p.Judge(q); d.Allowed {
			t.Errorf("%q became part of the expression", bad)
		}
	}
}

func TestModes(t *testing.T) {
	under := func(dir string) *policy.Where { return &policy.Where{Path: &paths.Rule{Under: []string{dir}}} }
	watch := policy.Rule{Tools: []string{"files/*"}, Where: under("/srv/a"), Mode: policy.Observe}
	ask := policy.Rule{Tools: []string{"files/write"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}, Count: 2}}
	types := map[string]string{"path": "path"}
	for _, tc := range []struct {
		name     string
		role     policy.Role
		tool     string
		args     string
		want     bool
		observed int
		count    int // of approvers; 0: nobody is asked
	}{
		{"observed and fine", policy.Role{Allow: []policy.Rule{watch}}, "files/read", `{"path":"/srv/a/x"}`, true, 0, 0},
		{"observed and outside", policy.Role{Allow: []policy.Rule{watch}}, "files/read", `{"path":"/etc/x"}`, true, 1, 0},
		{"another rule allows what observe would refuse", policy.Role{Allow: []policy.Rule{watch, {Tools: []string{"files/*"}}}}, "files/read", `{"path":"/etc/x"}`, true, 0, 0},
		{"observed deny", policy.Role{Allow: tools("files/*"), Deny: []policy.Rule{{Tools: []string{"files/read"}, Mode: policy.Observe}}}, "files/read", `{}`, true, 1, 0},
		{"people are asked", policy.Role{Allow: []policy.Rule{ask}}, "files/write", `{}`, true, 0, 2},
		{"people are asked though another rule allows it", policy.Role{Allow: append(tools("files/*"), ask)}, "files/write", `{}`, true, 0, 2},
		{"of something else nobody is asked", policy.Role{Allow: append(tools("files/*"), ask)}, "files/read", `{}`, true, 0, 0},
		{"deny wins over asking", policy.Role{Allow: []policy.Rule{ask}, Deny: tools("files/write")}, "files/write", `{}`, false, 0, 0},
	} {
		d := compileSource(t, source(tc.role, types)).Judge(called(who("r"), tc.tool, tc.args))
		count := 0
		if d.Terms != nil {
			count = d.Terms.Count
		}
		if d.Allowed != tc.want || len(d.Observed) != tc.observed || count != tc.count {
			t.Errorf("%s: %+v", tc.name, d)
		}
	}
}

func TestFaultsOfRules(t *testing.T) {
	where := &policy.Where{Path: &paths.Rule{Under: []string{"relative"}}}
	_, faults := policy.Compile(policy.Source{
		Roles: map[string]policy.Role{"a": {
			Allow: []policy.Rule{
				{Tools: []string{"x/*"}, Where: where},
				{Resources: []string{"docs://**"}, Where: &policy.Where{}},
				{Tools: []string{"x/*"}, When: "nonsense("},
				{Tools: []string{"x/*"}, Mode: policy.Approve},
				{Tools: []string{"x/*"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"nobody"}}},
				{Tools: []string{"x/*"}, Mode: policy.Approve, Terms: policy.Terms{Self: true, Count: 2}},
				{Tools: []string{"x/*"}, Terms: policy.Terms{Count: 2}},
				{Tools: []string{"x/*"}, Where: &policy.Where{Values: map[string]policy.Value{"n": {Min: "x"}, "N": {Text: words.TextRule{Pattern: "("}}}}},
			},
			Deny: []policy.Rule{
				{Tools: []string{"x/*"}, Where: &policy.Where{}},
				{Tools: []string{"x/*"}, Mode: policy.Approve, Terms: policy.Terms{Self: true}},
			},
		}},
		Arguments: map[string]map[string]string{"x": {"p": "path", "P": "url", "q": "nonsense"}},
	})
	var got []string
	for _, f := range faults {
		got = append(got, f.Path)
	}
	for _, want := range []string{
		"upstreams.x.arguments.p", "upstreams.x.arguments.q",
		"roles.a.allow[0].where.path.under[0]", "roles.a.allow[1].where", "roles.a.allow[2].when",
		"roles.a.allow[3].approvers.roles", "roles.a.allow[4].approvers.roles", "roles.a.allow[5].approvers",
		"roles.a.allow[6].approvers", "roles.a.allow[7].where.values.n", "roles.a.deny[0].where", "roles.a.deny[1].mode",
	} {
		if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+want) {
			t.Errorf("no fault at %s; there are %v", want, got)
		}
	}
}

// TestPOL46DoubtAsksPeople: what makes the condition of an approve rule fail is no
// way around it; of several that ask, the strictest counts.
func TestPOL46DoubtAsksPeople(t *testing.T) {
	ask := func(when string, terms policy.Terms) policy.Rule {
		return policy.Rule{Tools: []string{"files/*"}, When: when, Mode: policy.Approve, Terms: terms}
	}
	lead, two, self := policy.Terms{Roles: []string{"lead"}}, policy.Terms{Roles: []string{"lead"}, Count: 2}, policy.Terms{Self: true}
	large := "args.n > 100"
	for _, tc := range []struct {
		name  string
		allow []policy.Rule
		args  string
		want  bool
		terms policy.Terms // of those who are asked; its zero value: nobody
	}{
		{"the condition holds", append(tools("files/*"), ask(large, lead)), `{"n":101}`, true, lead},
		{"it does not", append(tools("files/*"), ask(large, lead)), `{"n":100}`, true, policy.Terms{}},
		{"it fails: missing", append(tools("files/*"), ask(large, lead)), `{}`, true, lead},
		{"it fails: a text", append(tools("files/*"), ask(large, lead)), `{"n":"101"}`, true, lead},
		{"it fails: no number", append(tools("files/*"), ask(large, lead)), `{"n":1e400}`, true, lead},
		{"it fails, read first", append([]policy.Rule{ask(large, lead)}, tools("files/*")...), `{}`, true, lead},
		{"it fails, and nothing else allows it", []policy.Rule{ask(large, lead)}, `{}`, false, policy.Terms{}},
		{"one fails, and a stricter one holds", []policy.Rule{ask(large, lead), ask("true", two)}, `{}`, true, two},
		{"a stricter one fails", []policy.Rule{ask("true", lead), ask(large, two)}, `{}`, true, two},
		{"the caller's own first", []policy.Rule{ask("", self), ask("", lead)}, `{}`, true, lead},
		{"the caller's own last", []policy.Rule{ask("", lead), ask("", self)}, `{}`, true, lead},
	} {
		d := compileSource(t, source(policy.Role{Allow: tc.allow}, nil)).Judge(called(who("r"), "files/pay", tc.args))
		var terms policy.Terms
		if d.Terms != nil {
			terms = *d.Terms
		}
		if d.Allowed != tc.want || terms.Self != tc.terms.Self || len(terms.Roles) != len(tc.terms.Roles) || tc.terms.Count > 1 && terms.Count != tc.terms.Count {
			t.Errorf("%s: %+v, asks %+v, want %v, %+v", tc.name, d, terms, tc.want, tc.terms)
		}
	}
}

// A condition that reads the arguments judges them.
func TestConditionsJudgeArguments(t *testing.T) {
	rule := func(when string) []policy.Rule { return []policy.Rule{{Tools: []string{"up/*"}, When: when}} }
	for _, tc := range []struct {
		name string
		role policy.Role
		want bool
	}{
		{"an allow", policy.Role{Allow: rule("args.owner == 'acme'")}, true},
		{"a deny", policy.Role{Allow: rule(""), Deny: rule("args.owner == 'evil'")}, true},
		{"a clock", policy.Role{Allow: rule("now.hour >= 8")}, false},
		{"none", policy.Role{Allow: rule("")}, false},
	} {
		d := compileSource(t, source(tc.role, nil)).Judge(called(who("r"), "up/x", `{"owner":"acme","Owner":"evil"}`))
		if !d.Allowed || d.Judged != tc.want {
			t.Errorf("%s: %+v, want judged %v", tc.name, d, tc.want)
		}
	}
}

// TestPOL16NamesAndNothing: a name below a typed parameter is part of its value,
// and a list or an object without values is no value.
func TestPOL16NamesAndNothing(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: []policy.Rule{
		{Tools: []string{"files/path"}, Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/a"}}}},
		{Tools: []string{"files/owner"}, Where: &policy.Where{Values: map[string]policy.Value{"owner": {Text: words.TextRule{Equals: new("acme")}, Required: true}}}},
	}}, map[string]string{"path": "path", "edits": "text"}))
	for _, tc := range []struct {
		tool, args string
		want       bool
	}{
		{"path", `{"path":{"/etc/passwd":"/srv/a/x"}}`, false},
		{"path", `{"path":{"/etc/passwd":{}}}`, false},
		{"path", `{"path":[{"../x":[]}]}`, false},
		{"path", `{"path":{"/srv/a/x":"/srv/a/y"}}`, true},
		{"path", `{"path":[]}`, true},
		{"path", `{"edits":[{"old":"a","new":"b"}]}`, true},
		{"owner", `{"owner":"acme"}`, true},
		{"owner", `{"deep":{"owner":"acme"}}`, true},
		{"owner", `{"owner":[]}`, false},
		{"owner", `{"owner":{}}`, false},
		{"owner", `{"owner":[[],{}]}`, false},
		{"owner", `{"owner":{"owner":[]}}`, false},
	} {
		if d := p.Judge(called(who("r"), "files/"+tc.tool, tc.args)); d.Allowed != tc.want {
			t.Errorf("%s: %s: %+v, want %v", tc.tool, tc.args, d, tc.want)
		}
	}
}

// TestPOL13ApprovalsNarrow: what another rule allows is asked about under every
// form of its name that a deny would close, and opened under none.
func TestPOL13ApprovalsNarrow(t *testing.T) {
	ask := policy.Rule{
		Tools: []string{"files/write_*", "files/*/x*"}, Prompts: []string{"files/plan_*"}, Resources: []string{"docs://secret/**", "docs://*.key"},
		Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}},
	}
	all := policy.Rule{Tools: []string{"files/**"}, Prompts: []string{"files/**"}, Resources: []string{"**"}}
	both := compileSource(t, source(policy.Role{Allow: []policy.Rule{all, ask}}, nil))
	watch := all
	watch.When, watch.Mode = "false", policy.Observe
	watched := compileSource(t, source(policy.Role{Allow: []policy.Rule{watch, ask}}, nil))
	alone := compileSource(t, source(policy.Role{Allow: []policy.Rule{ask}}, nil))
	for _, tc := range []struct {
		kind       gate.ItemKind
		name       string
		asks, open bool // open: by the approve rule alone
	}{
		{gate.Tool, "write_a", true, true},
		{gate.Tool, "write_a/b", true, false},
		{gate.Tool, "write_/", true, false},
		{gate.Tool, "a/xb", true, true},
		{gate.Tool, "a/xb/c", true, false},
		{gate.Tool, "read_a", false, false},
		{gate.Prompt, "plan_a/b", true, false},
		{gate.Resource, "docs://secret/x", true, true},
		{gate.Resource, "docs://%73ecret/x", true, false},
		{gate.Resource, "docs://secret//x", true, true},
		{gate.Resource, "DOCS://secret/x", true, false},
		{gate.Resource, "docs://%2573ecret/x", true, false},
		{gate.Resource, "docs://a.key?x=1", true, false},
		{gate.Resource, "docs://open/x", false, false},
	} {
		q := &policy.Question{Who: who("r"), Kind: tc.kind, Upstream: "files", Name: tc.name, Called: true, Now: noon}
		if d := both.Judge(q); !d.Allowed || (d.Terms != nil) != tc.asks {
			t.Errorf("%s beside another rule: %+v, want people asked %v", tc.name, d, tc.asks)
		}
		if d := watched.Judge(q); !d.Allowed || (d.Terms != nil) != tc.asks {
			t.Errorf("%s beside an observed rule: %+v, want people asked %v", tc.name, d, tc.asks)
		}
		if d := alone.Judge(q); d.Allowed != tc.open {
			t.Errorf("%s alone: %+v, want %v", tc.name, d, tc.open)
		}
	}
}

// The caller reads sentences.
func TestSentences(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: tools("files/*")}, map[string]string{"path": "path", "id": "identifier", "url": "url", "to": "email", "word": "command", "sql": "sql"}))
	for args, want := range map[string]string{
		`{"path":"../x"}`:  `The argument "path" `,
		`{"sql":"DROP"}`:   `The argument "sql" `,
		`{"id":"$x"}`:      `The argument "id" cannot be taken: the name `,
		`{"url":"x"}`:      `The argument "url" cannot be taken: this `,
		`{"to":"x"}`:       `The argument "to" cannot be taken: `,
		`{"word":["-x"]}`:  `The argument "word" cannot be taken: the first word `,
		`{"id":7,"to":""}`: `The argument "id" is not a text.`,
	} {
		d := p.Judge(called(who("r"), "files/x", args))
		if d.Allowed || !strings.HasPrefix(d.Public, want) || !strings.HasSuffix(d.Public, ".") {
			t.Errorf("%s: %q, want %q", args, d.Public, want)
		}
	}
}

// A where that says of which calls people are asked is as hard to get past as one
// that refuses: what an upstream may read as meant is asked about.
func TestWhereOfAnApproveRule(t *testing.T) {
	p := compileSource(t, source(policy.Role{Allow: []policy.Rule{
		{Tools: []string{"files/*"}},
		{
			Tools: []string{"files/pay"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}},
			Where: &policy.Where{Values: map[string]policy.Value{"amount": {Min: "100"}}},
		},
		{
			Tools: []string{"files/write"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}},
			Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/drafts"}}},
		},
	}}, map[string]string{"path": "path"}))
	for _, tc := range []struct {
		tool, args string
		asks       bool
	}{
		{"files/pay", `{"amount":99}`, false},
		{"files/pay", `{"amount":100}`, true},
		{"files/pay", `{"amount":"1000"}`, true},
		{"files/pay", `{"amount":[100,1]}`, true},
		{"files/pay", `{"amount":[1,2]}`, false},
		{"files/pay", `{"amount":null}`, true},
		{"files/pay", `{}`, true},
		{"files/write", `{"path":"/srv/drafts/x"}`, true},
		{"files/write", `{"path":"/srv/tmp/x"}`, false},
		{"files/write", `{"path":["/srv/tmp/x","/srv/drafts/x"]}`, true},
	} {
		d := p.Judge(called(who("r"), tc.tool, tc.args))
		if !d.Allowed || (d.Terms != nil) != tc.asks {
			t.Errorf("%s %s: %+v, want people asked: %v", tc.tool, tc.args, d, tc.asks)
		}
	}
}
