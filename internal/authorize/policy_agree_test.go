package authorize_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"doorward/internal/authorize"
	"doorward/internal/gate"
	"doorward/internal/mcp"
	"doorward/internal/policy"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/words"
)

// questions is how many random calls the stage and the policy are compared on
// (security case POL-57).
const questions = 100_000

// TestPOL57StageAgreesWithPolicy: what the policy says of a question that is put to
// it offline is what the stage decides about the call, and why.
func TestPOL57StageAgreesWithPolicy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(57, 2))
	count := map[gate.Code]int{}
	for asked := 0; asked < questions; {
		p, faults := policy.Compile(randomSource(rnd))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		s := authorize.New(p)
		for range 500 {
			asked++
			ex, q := randomCall(t, rnd)
			v, err := s.Judge(t.Context(), ex)
			if err != nil {
				t.Fatal(err)
			}
			q.Now = time.Now()
			d := p.Judge(q)
			want := gate.Code("")
			switch {
			case !d.Allowed && d.Public != "":
				want = gate.CodeArgumentsRefused
			case !d.Allowed:
				want = gate.CodeDenied
			}
			count[v.Code]++
			held := ex.Grant.Approval != nil
			if v.Code != want || (v.Effect == gate.Continue) != d.Allowed || held != (d.Allowed && d.Terms != nil) ||
				d.Allowed && (ex.Grant.Rule != d.Rule || ex.Grant.Judged != d.Judged) || ex.Grant.Role != d.Role || len(ex.Grant.Observed) != len(d.Observed) {
				t.Fatalf("%v of %s/%s %s: the stage says %+v, %+v, and the policy %+v", q.Who.Roles, q.Upstream, q.Name, q.Args, v, ex.Grant, d)
			}
		}
	}
	t.Logf("%v", count)
	for _, code := range []gate.Code{"", gate.CodeDenied, gate.CodeArgumentsRefused} {
		if count[code] < questions/50 {
			t.Errorf("only %d of %d calls end with %q", count[code], questions, code)
		}
	}
}

func randomSource(rnd *rand.Rand) policy.Source {
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	src := policy.Source{Roles: map[string]policy.Role{"lead": {}}, Arguments: map[string]map[string]string{"files": {"path": "path", "to": "email"}}}
	for _, name := range []string{"a", "b", "c"} {
		var r policy.Role
		for range 1 + rnd.IntN(3) {
			rule := policy.Rule{
				Tools: []string{pick("files", "*", "f*") + "/" + pick("*", "**", "read", "read_*", "{read,drop}")},
				When:  pick("", "", "args.owner == 'acme'", "args.n > 3", "principal.tenant == args.owner", "tool != 'drop'", "1 / args.n > 0"),
			}
			switch rnd.IntN(5) {
			case 0:
				rule.Where = &policy.Where{Path: &paths.Rule{Under: []string{pick("/srv/a", "/etc")}}}
			case 1:
				rule.Where = &policy.Where{Values: map[string]policy.Value{"owner": {Text: words.TextRule{OneOf: []string{"acme", "other"}}, Required: rnd.IntN(2) == 0}}}
			case 2:
				rule.Mode, rule.Terms = policy.Approve, policy.Terms{Roles: []string{"lead"}, Count: 1 + rnd.IntN(2)}
			case 3:
				rule.Mode = policy.Observe
			}
			r.Allow = append(r.Allow, rule)
		}
		for range rnd.IntN(2) {
			r.Deny = append(r.Deny, policy.Rule{Tools: []string{"*/" + pick("drop", "r*", "*")}, When: pick("", "args.owner == 'evil'", "args.n == 0"), Mode: []policy.Mode{policy.Enforce, policy.Observe}[rnd.IntN(2)]})
		}
		src.Roles[name] = r
	}
	return src
}

// randomCall is a call as it reaches the stage, and the question it comes to.
func randomCall(t *testing.T, rnd *rand.Rand) (*gate.Exchange, *policy.Question) {
	t.Helper()
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	args := fmt.Sprintf(`{%s"owner":%s,"n":%s}`, pick("", `"path":"/srv/a/x",`, `"path":"/etc/x",`, `"path":["/srv/a/x","../x"],`, `"to":"a@ok.test\nBcc: b@x.test",`, `"PATH":7,`), pick(`"acme"`, `"evil"`, `"other"`, `null`, `[]`), pick("0", "1", "5", `"5"`, "1e400"))
	up, name := pick("files", "other"), pick("read", "read_x", "drop", "a/b", "write")
	m, err := mcp.ParseClient(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, up+"__"+name, args))
	if err != nil {
		t.Fatal(err)
	}
	route, _ := mcp.Lookup("tools/call")
	who := &gate.Principal{Subject: "s", Tenant: pick("acme", "other"), Roles: [][]string{{"a"}, {"b"}, {"a", "b"}, {"a", "b", "c"}, {"nobody"}}[rnd.IntN(5)]}
	it := gate.Item{Kind: gate.Tool, Upstream: up, Name: name}
	ex := &gate.Exchange{Principal: who, Call: gate.Call{Message: m, Route: route, Item: gate.Tool, Name: name}, Target: gate.Target{Upstream: up, Item: &it}}
	return ex, &policy.Question{Who: who, Kind: gate.Tool, Upstream: up, Name: name, Called: true, Args: []byte(args)}
}
