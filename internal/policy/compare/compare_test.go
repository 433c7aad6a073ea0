package compare_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/compare"
	"doorward/internal/policy/paths"
)

func one(rules ...policy.Rule) policy.Source {
	return policy.Source{Roles: map[string]policy.Role{"r": {Allow: rules}, "lead": {}}}
}

func tools(patterns ...string) policy.Rule { return policy.Rule{Tools: patterns} }

func approving(pattern, role string) policy.Rule {
	return policy.Rule{Tools: []string{pattern}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{role}}}
}

func under(dirs ...string) *policy.Where { return &policy.Where{Path: &paths.Rule{Under: dirs}} }

func TestSameMeaning(t *testing.T) {
	for _, tc := range []struct {
		name string
		a, b policy.Source
	}{
		{"split", one(tools("f/a", "f/b")), one(tools("f/b"), tools("f/a"))},
		{"twice", one(tools("f/a")), one(tools("f/a", "f/a"), tools("f/a"))},
		{"covered", one(tools("f/*")), one(tools("f/a"), tools("f/*"))},
		{"empty rule", one(tools("f/a")), one(tools("f/a"), policy.Rule{})},
		{"lists of a where", one(policy.Rule{Tools: []string{"f/a"}, Where: under("/a", "/b")}), one(policy.Rule{Tools: []string{"f/a"}, Where: under("/b", "/a", "/a")})},
		{"spaces", one(policy.Rule{Tools: []string{"f/a"}, When: "now.hour >= 8"}), one(policy.Rule{Tools: []string{"f/a"}, When: "now.hour  >=\n 8 "})},
		{"defaults of terms", one(approving("f/a", "lead")), one(policy.Rule{
			Tools: []string{"f/a"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead", "lead"}, Count: 1, Expires: policy.DefaultExpiry},
		})},
	} {
		r, err := compare.Sources(tc.a, tc.b, nil)
		if err != nil || len(r.Differences) > 0 {
			t.Errorf("%s: %+v, %v", tc.name, r.Differences, err)
		}
	}
}

func TestDifferences(t *testing.T) {
	closing := func(src policy.Source) policy.Source {
		r := src.Roles["r"]
		r.Deny = []policy.Rule{tools("f/a")}
		src.Roles["r"] = r
		return src
	}
	typed := one(tools("f/a"))
	typed.Arguments = map[string]map[string]string{"f": {"path": "path"}}
	members := one(tools("f/a"))
	members.Roles["r"] = policy.Role{Groups: []string{"staff"}, Allow: []policy.Rule{tools("f/a")}}
	bosses := func(rules ...policy.Rule) policy.Source {
		src := one(rules...)
		src.Roles["boss"] = policy.Role{}
		return src
	}
	fewer := one(tools("f/a"))
	delete(fewer.Roles, "lead")
	for _, tc := range []struct {
		name string
		a, b policy.Source
		want string
	}{
		{"allows", one(tools("f/a")), one(tools("f/a", "f/b")), compare.Allows},
		{"withdraws", one(tools("f/a", "f/b")), one(tools("f/a")), compare.Withdraws},
		{"denies", one(tools("f/a")), closing(one(tools("f/a"))), compare.Denies},
		{"undenies", closing(one()), one(), compare.Undenies},
		{"holds", one(tools("f/a")), one(approving("f/a", "lead")), compare.Holds},
		{"where", one(policy.Rule{Tools: []string{"f/a"}, Where: under("/a")}), one(policy.Rule{Tools: []string{"f/a"}, Where: under("/b")}), compare.Differently},
		{"when", one(tools("f/a")), one(policy.Rule{Tools: []string{"f/a"}, When: "now.hour >= 8"}), compare.Differently},
		{"quoted spaces", one(policy.Rule{Tools: []string{"f/a"}, When: `tool == "a b"`}), one(policy.Rule{Tools: []string{"f/a"}, When: `tool == "a  b"`}), compare.Differently},
		{"mode", one(tools("f/a")), one(policy.Rule{Tools: []string{"f/a"}, Mode: policy.Observe}), compare.Differently},
		{"types", one(tools("f/a")), typed, compare.Types},
		{"members", one(tools("f/a")), members, compare.Members},
		{"role added", fewer, one(tools("f/a")), compare.RoleAdded},
		{"role removed", one(tools("f/a")), fewer, compare.RoleRemoved},
		{"order of approvers", bosses(approving("f/a", "lead"), approving("f/*", "boss"), approving("f/?", "lead")), bosses(approving("f/?", "lead"), approving("f/*", "boss"), approving("f/a", "lead")), compare.Order},
	} {
		r, err := compare.Sources(tc.a, tc.b, nil)
		if err != nil || len(r.Differences) != 1 || r.Differences[0].Change != tc.want {
			t.Errorf("%s: %+v, %v", tc.name, r.Differences, err)
		}
	}
}

func TestPinned(t *testing.T) {
	pins := []compare.Pin{{gate.Tool, "f", "read"}, {gate.Tool, "f", "write"}, {gate.Tool, "g", "read"}, {gate.Resource, "f", "docs://x"}}
	a := one(tools("f/*"))
	b := one(tools("f/read"), policy.Rule{Resources: []string{"docs://**"}})
	r, err := compare.Sources(a, b, pins)
	var got []string
	for _, d := range r.Pinned {
		got = append(got, d.Change+" "+d.What)
	}
	want := []string{"withdraws tool f/write", "allows resource f/docs://x"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
}

func TestUnsoundPolicies(t *testing.T) {
	if _, err := compare.Sources(one(tools("f/a")), one(tools("nothing")), nil); err == nil || !strings.Contains(err.Error(), "new policy") {
		t.Error(err)
	}
}

// questions is how many random questions two policies without a difference are
// compared on.
const questions = 10_000

// TestNoDifferenceIsSound: where no difference is found, both policies answer
// alike; and rules that are shuffled, split and doubled are no difference, unless
// their order decides.
func TestNoDifferenceIsSound(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(26, 12))}
	asked, same, ordered, mutated := 0, 0, 0, 0
	for asked < questions {
		a := g.source()
		b := g.rearranged(a)
		changed := g.IntN(3) == 0
		if changed {
			mutated++
			g.mutate(b)
		}
		r, err := compare.Sources(a, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Differences) > 0 {
			for _, d := range r.Differences {
				if !changed && d.Change != compare.Order {
					t.Fatalf("rearranged only, and %+v\n%+v\n%+v", d, a, b)
				}
			}
			ordered++
			continue
		}
		same++
		pa, _ := policy.Compile(a)
		pb, _ := policy.Compile(b)
		for range 20 {
			asked++
			q := g.question()
			if da, db := answer(pa, q), answer(pb, q); da != db {
				t.Fatalf("%+v: %s and %s, and no difference between\n%+v\n%+v", q, da, db, a, b)
			}
		}
	}
	t.Logf("%d questions; %d pairs without a difference, %d with, %d mutated", asked, same, ordered, mutated)
	if same < 100 || ordered < 100 {
		t.Error("the policies say too little")
	}
}

// answer is what a decision means for a call.
func answer(p *policy.Policy, q policy.Question) string {
	q.Who.Roles = p.RolesOf(q.Who, q.Who.Scopes)
	d := p.Judge(&q)
	out := fmt.Sprint(d.Allowed, " ", d.Reason)
	if t := d.Terms; t != nil {
		roles := slices.Clone(t.Roles)
		slices.Sort(roles)
		out += fmt.Sprint(" ", slices.Compact(roles), t.Count, t.Self, t.Expires)
	}
	if d.Allowed {
		out += fmt.Sprint(" ", len(d.Observed) > 0, q.Kind != gate.Resource && d.Judged)
	}
	return out
}

type generator struct{ *rand.Rand }

func (g generator) pick(all ...string) string { return all[g.IntN(len(all))] }

func (g generator) source() policy.Source {
	src := policy.Source{Roles: map[string]policy.Role{"lead": {}, "boss": {}}, Arguments: map[string]map[string]string{"files": {"path": "path"}}}
	for _, name := range []string{"a", "b"} {
		r := policy.Role{Groups: []string{g.pick("staff", "ops"), g.pick("staff", "guests")}}
		for range 1 + g.IntN(3) {
			r.Allow = append(r.Allow, g.rule(false))
		}
		for range g.IntN(2) {
			r.Deny = append(r.Deny, g.rule(true))
		}
		src.Roles[name] = r
	}
	return src
}

func (g generator) rule(deny bool) policy.Rule {
	var r policy.Rule
	for range 1 + g.IntN(3) {
		r.Tools = append(r.Tools, g.pick("files", "docs", "*")+"/"+g.pick("*", "read", "read_*", "write", "{read,drop}", "a/*"))
	}
	if g.IntN(3) == 0 {
		r.Resources = []string{g.pick("docs://**", "docs://a", "docs://a/*")}
	}
	switch g.IntN(8) {
	case 0:
		r.Mode = policy.Observe
	case 1:
		if !deny {
			r.Mode, r.Terms = policy.Approve, policy.Terms{Roles: []string{g.pick("lead", "boss")}, Count: 1 + g.IntN(2)}
		}
	}
	if !deny && g.IntN(5) == 0 {
		r.Where = under(g.pick("/a", "/b"), g.pick("/b", "/c"))
	}
	if g.IntN(6) == 0 {
		r.When = g.pick("now.hour >= 8", "now.hour < 8")
	}
	return r
}

// rearranged is a source that means the same, unless the order of rules decides.
func (g generator) rearranged(src policy.Source) policy.Source {
	out := policy.Source{Roles: map[string]policy.Role{}, Arguments: src.Arguments}
	for name, r := range src.Roles {
		r.Allow, r.Deny = g.spread(r.Allow), g.spread(r.Deny)
		r.Groups = slices.Clone(r.Groups)
		slices.Reverse(r.Groups)
		out.Roles[name] = r
	}
	return out
}

func (g generator) spread(rules []policy.Rule) []policy.Rule {
	var out []policy.Rule
	for _, r := range rules {
		for _, p := range r.Tools {
			one := r
			one.Tools, one.Resources = []string{p}, nil
			out = append(out, one)
			if g.IntN(4) == 0 {
				out = append(out, one)
			}
		}
		for _, p := range r.Resources {
			one := r
			one.Tools, one.Resources, one.Where = nil, []string{p}, nil
			out = append(out, one)
		}
	}
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (g generator) mutate(src policy.Source) {
	r := src.Roles["a"]
	switch g.IntN(4) {
	case 0:
		r.Allow = append(r.Allow, g.rule(false))
	case 1:
		r.Allow = r.Allow[1:]
	case 2:
		r.Deny = append(r.Deny, g.rule(true))
	case 3:
		r.Groups = []string{"guests"}
	}
	src.Roles["a"] = r
}

func (g generator) question() policy.Question {
	q := policy.Question{
		Who:  &gate.Principal{Method: gate.MethodJWT, Subject: "s", Groups: []string{g.pick("staff", "ops", "guests"), g.pick("staff", "none")}},
		Kind: gate.Tool, Upstream: g.pick("files", "docs", "other"), Name: g.pick("read", "read_x", "write", "drop", "a/b"),
		Called: g.IntN(4) > 0, Now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
	}
	if g.IntN(5) == 0 {
		q.Kind, q.Name = gate.Resource, g.pick("docs://a", "docs://a/b", "docs://x")
	}
	if q.Called {
		q.Args = []byte(g.pick(`{}`, `{"path":"/a/x"}`, `{"path":"/b/x"}`, `{"path":"/etc"}`))
	}
	return q
}
