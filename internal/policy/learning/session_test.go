package learning_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorward/internal/config"
	"doorward/internal/policy"
	"doorward/internal/policy/learning"
	"doorward/internal/policy/recorded"
)

func session(t testing.TB, name string) []recorded.Call {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "sessions", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	calls, err := recorded.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// wide is the configuration under which the sessions were recorded.
func wide(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "sessions", "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parsed(t testing.TB, text []byte) policy.Source {
	t.Helper()
	c, err := config.Parse("/etc/doorward/doorward.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c.PolicySource()
}

func compiled(t testing.TB, src policy.Source) *policy.Policy {
	t.Helper()
	p, faults := policy.Compile(src)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

func learned(t testing.TB, calls []recorded.Call, o learning.Options) *learning.Result {
	t.Helper()
	res, err := learning.Learn(t.Context(), calls, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// merged is the configuration with the roles that were learned in place of its own.
func merged(t testing.TB, text []byte, res *learning.Result) policy.Source {
	t.Helper()
	before, _, ok := bytes.Cut(text, []byte("\nroles:\n"))
	if !ok {
		t.Fatal("there are no roles to replace")
	}
	return parsed(t, slices.Concat(before, []byte("\n"), res.YAML()))
}

func normal(t testing.TB) (*policy.Policy, policy.Source, *learning.Result) {
	t.Helper()
	src := parsed(t, wide(t))
	res := learned(t, session(t, "normal.jsonl"), learning.Options{Present: src})
	after := merged(t, wide(t), res)
	return compiled(t, after), src, res
}

// TestNormalSessionStaysAllowed: what was learned from a session allows all of it.
func TestNormalSessionStaysAllowed(t *testing.T) {
	p, src, res := normal(t)
	present := compiled(t, src)
	n := 0
	for _, c := range session(t, "normal.jsonl") {
		if !c.Passed() {
			continue
		}
		n++
		if d := p.Judge(c.Question(c.Under(p, present))); !d.Allowed {
			t.Errorf("%s %s %s: %+v", c.Exchange, c.Path(), c.Arguments, d)
		}
	}
	if r := res.Report; r.Used != n || r.Refused != 1 || len(r.Left) > 0 || n < 55 {
		t.Errorf("%d calls passed, the report says %+v", n, r)
	}
}

// TestAttackSessionIsDenied: the wide policy lets much of it pass, the learned one
// nothing. What only a parser of SQL can tell is in TestStatementAttacksAreDenied.
func TestAttackSessionIsDenied(t *testing.T) {
	denied(t, func(c *recorded.Call) bool { return c.Upstream != "orders" || c.Name != "query" })
}

func TestStatementAttacksAreDenied(t *testing.T) {
	denied(t, func(c *recorded.Call) bool { return c.Upstream == "orders" })
}

func denied(t *testing.T, of func(*recorded.Call) bool) {
	t.Helper()
	p, src, res := normal(t)
	present := compiled(t, src)
	open, n := 0, 0
	for _, c := range session(t, "attack.jsonl") {
		if !of(&c) {
			continue
		}
		n++
		if present.Judge(c.Question(c.Under(present, present))).Allowed {
			open++
		}
		if d := p.Judge(c.Question(c.Under(p, present))); d.Allowed {
			t.Errorf("%s %s %s is allowed by %s", c.Exchange, c.Path(), c.Arguments, d.Rule)
		}
	}
	if open == 0 {
		t.Error("the wide policy denies all of it: the session shows nothing")
	}
	t.Logf("%d attacks denied, %d of which the wide policy allowed", n, open)
	if t.Failed() {
		t.Logf("%s", res.YAML())
	}
}

// TestLearnedYAMLIsStable: the bytes do not hang on the order of the calls.
func TestLearnedYAMLIsStable(t *testing.T) {
	src := parsed(t, wide(t))
	calls := session(t, "normal.jsonl")
	first := learned(t, calls, learning.Options{Present: src}).YAML()
	slices.Reverse(calls)
	for range 5 {
		if again := learned(t, calls, learning.Options{Present: src}).YAML(); !bytes.Equal(first, again) {
			t.Fatalf("two results:\n%s\n%s", first, again)
		}
	}
}

// TestStatementLearnedYAML needs the parser of SQL for the tables.
func TestStatementLearnedYAML(t *testing.T) {
	_, _, res := normal(t)
	if want, err := os.ReadFile(filepath.Join("testdata", "learned.yaml")); err != nil || !bytes.Equal(want, res.YAML()) {
		t.Errorf("testdata/learned.yaml (%v) is not what is learned:\n%s", err, res.YAML())
	}
}

func TestBySubject(t *testing.T) {
	src := parsed(t, wide(t))
	res := learned(t, session(t, "normal.jsonl"), learning.Options{Present: src, BySubject: true})
	r, ok := res.Roles["learned-coder"]
	if len(res.Roles) != 1 || !ok || !slices.Equal(r.Subjects, []string{"coder"}) || !slices.Equal(r.Issuers, []string{"https://id.example.com"}) {
		t.Fatalf("%+v", res.Roles)
	}
	if !strings.Contains(string(res.YAML()), "subjects: [coder]") {
		t.Error(string(res.YAML()))
	}
}
