package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"doorward/internal/cputime"
	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/paths"
)

// triples is how many random questions the lists and calls are compared on.
const triples = 10_000

// TestListsAndCallsAgree: what a principal sees is what it can call with some
// arguments, for random policies, principals and tools (requirement P2).
func TestListsAndCallsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(26, 11))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	patterns := func() []string {
		return []string{pick("files", "docs", "*", "f*") + "/" + pick("*", "**", "read", "read_*", "write", "{read,drop}", "a/*")}
	}
	calls := []string{`{}`, `{"path":"/srv/a/x","owner":"acme"}`, `{"path":"/srv/a/x","owner":"evil"}`, `{"path":"/etc/x","owner":"acme"}`, `{"path":"/etc/x","owner":"evil"}`, `{"path":"/srv/a/x","owner":"other"}`, `{"path":"/etc/x","owner":"other"}`}
	visible, asked := 0, 0
	for asked < triples {
		roles := map[string]policy.Role{"lead": {}}
		for _, name := range []string{"a", "b", "c"} {
			var r policy.Role
			for range rnd.IntN(4) {
				rule := policy.Rule{Tools: patterns()}
				rule.When = pick("", "", `args.owner == "acme"`, `principal.tenant == args.owner`, "now.hour >= 8", "now.hour < 8", `tool != "drop"`, `args.owner == "evil" && now.hour < 8`)
				if rnd.IntN(3) == 0 {
					rule.Where = &policy.Where{Path: &paths.Rule{Under: []string{pick("/srv/a", "/etc")}}}
				}
				if rnd.IntN(6) == 0 {
					rule.Mode, rule.Terms = policy.Approve, policy.Terms{Roles: []string{"lead"}}
				}
				r.Allow = append(r.Allow, rule)
			}
			for range rnd.IntN(2) {
				r.Deny = append(r.Deny, policy.Rule{Tools: patterns(), When: pick("", "now.hour < 8", `principal.tenant == "acme"`, "1 / 0 == 1")})
			}
			roles[name] = r
		}
		p := compileSource(t, policy.Source{Roles: roles, Arguments: map[string]map[string]string{"files": {"path": "path"}, "docs": {"path": "path"}}})
		for range 20 {
			asked++
			who := &gate.Principal{Subject: "s", Tenant: pick("acme", "other"), Roles: [][]string{{"a"}, {"b"}, {"a", "b"}, {"a", "b", "c"}, {"nobody"}}[rnd.IntN(5)]}
			tool := pick("files", "docs", "other") + "/" + pick("read", "read_x", "write", "drop", "a/b", "Read")
			q := called(who, tool, "")
			q.Called = false
			sees := p.Judge(q).Allowed
			can := false
			for _, args := range calls {
				can = can || p.Judge(called(who, tool, args)).Allowed
			}
			if sees != can {
				t.Fatalf("%v of %s about %s: sees %v, can call %v, under %+v", who.Roles, who.Tenant, tool, sees, can, roles)
			}
			if sees {
				visible++
			}
		}
	}
	t.Logf("%d questions, %d visible, every one of them callable and no other", asked, visible)
	if visible < triples/20 || visible > triples*19/20 {
		t.Errorf("%d of %d are visible: the policies say too little", visible, asked)
	}
}

// BenchmarkDecision is one call under 100 roles of 50 rules each, among them one
// with a condition and one that judges a path.
func BenchmarkDecision(b *testing.B) {
	roles := map[string]policy.Role{}
	for r := range 100 {
		var role policy.Role
		for i := range 48 {
			role.Allow = append(role.Allow, policy.Rule{Tools: []string{fmt.Sprintf("up%d/tool_%d_*", i%20, r)}})
		}
		role.Allow = append(role.Allow,
			policy.Rule{Tools: []string{"files/read_*"}, When: "principal.tenant == args.owner && now.hour >= 8", Where: &policy.Where{Path: &paths.Rule{Under: []string{"/srv/docs"}}}})
		role.Deny = []policy.Rule{{Tools: []string{"files/delete_*"}}}
		roles[fmt.Sprintf("role-%02d", r)] = role
	}
	p := compileSource(b, policy.Source{Roles: roles, Arguments: map[string]map[string]string{"files": {"path": "path"}}})
	for _, n := range []int{1, 5, 100} {
		who := &gate.Principal{Subject: "s", Tenant: "acme"}
		for r := range n {
			who.Roles = append(who.Roles, fmt.Sprintf("role-%02d", r))
		}
		q := called(who, "files/read_text", `{"owner":"acme","path":"/srv/docs/guide/start.md","limit":20}`)
		if d := p.Judge(q); !d.Allowed {
			b.Fatal(d)
		}
		b.Run(fmt.Sprintf("%d_roles", n), func(b *testing.B) {
			b.ReportAllocs()
			spent := cputime.Of(b, func() {
				for b.Loop() {
					if !p.Judge(q).Allowed {
						b.Fatal("refused")
					}
				}
			})
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
