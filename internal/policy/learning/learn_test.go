package learning_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/learning"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/places"
	"doorward/internal/policy/recorded"
)

func call(tool, args string) recorded.Call {
	up, name, _ := strings.Cut(tool, "/")
	return recorded.Call{
		Exchange: "x", Time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Method: "tools/call", Upstream: up, Kind: "tool", Name: name, Arguments: []byte(args), Kept: true, Status: "ok",
		Principal: recorded.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: "ci", Roles: []string{"r"}, Whole: true},
	}
}

func typed(types map[string]string, r policy.Role) policy.Source {
	return policy.Source{Roles: map[string]policy.Role{"r": r, "lead": {}}, Arguments: map[string]map[string]string{"files": types}}
}

func allow(rules ...policy.Rule) policy.Role { return policy.Role{Allow: rules} }

func TestPathsAreTakenTogether(t *testing.T) {
	src := func(w *policy.Where) policy.Source {
		return typed(map[string]string{"path": "path", "file": "path/windows"}, allow(policy.Rule{Tools: []string{"files/*"}, Where: w}))
	}
	under := func(dirs ...string) *policy.Where { return &policy.Where{Path: &paths.Rule{Under: dirs}} }
	for _, tc := range []struct {
		name    string
		present *policy.Where
		seen    []string
		want    []string
	}{
		{"files' directory", nil, []string{"/srv/a/x.md", "/srv/a/y.md"}, []string{"/srv/a"}},
		{"a directory itself", nil, []string{"/srv/a"}, []string{"/srv/a"}},
		{"the closest first", nil, []string{"/a/1", "/a/2", "/b/1", "/c/1", "/d/1", "/e/1"}, []string{"/a", "/b/1", "/c/1", "/d/1", "/e/1"}},
		{"never the root", nil, []string{"/a", "/b", "/c", "/d", "/e", "/f"}, []string{"/a", "/b", "/c", "/d", "/e", "/f"}},
		{"never the root for a file", nil, []string{"/a.txt"}, []string{"/a.txt"}},
		{"never above the present rule", under("/p/a", "/p/b"), []string{"/p/a/1", "/p/a/2", "/p/a/3", "/p/b/1", "/p/b/2", "/p/b/3"}, []string{"/p/a", "/p/b/1", "/p/b/2", "/p/b/3"}},
		{"components, not bytes", nil, []string{"/a/bc", "/a/bd", "/a/be", "/a/bf", "/a/bg", "/a/bh"}, []string{"/a"}},
		{"relative", nil, []string{"a/x.md"}, []string{"/a"}},
	} {
		var calls []recorded.Call
		for _, p := range tc.seen {
			calls = append(calls, call("files/read", `{"path":"`+p+`"}`))
		}
		res := learned(t, calls, learning.Options{Present: src(tc.present)})
		if r := res.Roles["r"]; len(r.Allow) != 1 || !slices.Equal(r.Allow[0].Where.Path.Under, tc.want) || res.Report.Used != len(tc.seen) {
			t.Errorf("%s: %+v, want %v; %+v", tc.name, r, tc.want, res.Report)
		}
	}
	res := learned(t, []recorded.Call{call("files/read", `{"file":"C:\\Data\\a.txt"}`)}, learning.Options{Present: src(nil)})
	if r := res.Roles["r"]; len(r.Allow) != 1 || !slices.Equal(r.Allow[0].Where.Path.Under, []string{`c:\data`}) {
		t.Errorf("windows: %+v", r)
	}
	res = learned(t, []recorded.Call{call("files/read", `{"path":"/"}`)}, learning.Options{Present: src(nil)})
	if len(res.Roles) != 0 || len(res.Report.Left) != 1 || res.Report.Used != 0 {
		t.Errorf("the root: %+v", res)
	}
}

// TestGlobs: five tools with one prefix make one, unless another approved tool has
// it, or nobody knows what is approved, or the present rule does not open it.
func TestGlobs(t *testing.T) {
	var calls []recorded.Call
	var pins []learning.Pin
	for _, x := range []string{"a", "b", "c", "d", "e"} {
		calls = append(calls, call("files/read_"+x, `{}`))
		pins = append(pins, learning.Pin{Kind: gate.Tool, Upstream: "files", Name: "read_" + x})
	}
	wide := policy.Rule{Tools: []string{"files/*"}}
	exact := policy.Rule{Tools: []string{"files/read_a", "files/read_b", "files/read_c", "files/read_d", "files/read_e"}}
	for _, tc := range []struct {
		name string
		pins []learning.Pin
		rule policy.Rule
		more string
		want int // patterns
	}{
		{"a glob", pins, wide, "", 1},
		{"nothing is known", nil, wide, "", 5},
		{"another approved tool", append(slices.Clone(pins), learning.Pin{Kind: gate.Tool, Upstream: "files", Name: "read_secret"}), wide, "", 5},
		{"the present rule is narrower", pins, exact, "", 5},
		{"another with other arguments", pins, wide, "read_f", 5},
	} {
		all := calls
		if tc.more != "" {
			all = append(slices.Clone(calls), call("files/"+tc.more, `{"n":3}`))
		}
		res := learned(t, all, learning.Options{Present: typed(nil, allow(tc.rule)), Pins: tc.pins})
		if r := res.Roles["r"]; len(r.Allow[0].Tools) != tc.want {
			t.Errorf("%s: %+v", tc.name, r.Allow)
		}
	}
}

// TestObserve: what a rule in mode observe would have refused is learned from when
// that is asked for, and what was refused never.
func TestObserve(t *testing.T) {
	src := typed(map[string]string{"path": "path"}, policy.Role{
		Allow: []policy.Rule{{Tools: []string{"files/read"}, Where: &policy.Where{Path: &paths.Rule{Under: []string{"/a"}}}, Mode: policy.Observe}, {Tools: []string{"files/drop"}}},
		Deny:  []policy.Rule{{Tools: []string{"files/drop"}, Mode: policy.Observe}},
	})
	refused := call("files/read", `{"path":"/a/z"}`)
	refused.Status = "refused"
	calls := []recorded.Call{call("files/read", `{"path":"/a/x"}`), call("files/read", `{"path":"/b/x"}`), call("files/drop", `{}`), refused}
	res := learned(t, calls, learning.Options{Present: src})
	r := res.Roles["r"]
	if res.Report.Observed != 2 || res.Report.Refused != 1 || len(r.Allow) != 1 || r.Allow[0].Mode != policy.Enforce || !slices.Equal(r.Allow[0].Where.Path.Under, []string{"/a/x"}) {
		t.Errorf("%+v, %+v", r, res.Report)
	}
	if len(r.Deny) != 1 || r.Deny[0].Mode != policy.Observe {
		t.Errorf("the deny is lost: %+v", r)
	}
	res = learned(t, calls, learning.Options{Present: src, Observe: true})
	if res.Report.Used != 3 || len(res.Roles["r"].Allow) != 2 {
		t.Errorf("%+v, %+v", res.Roles, res.Report)
	}
}

// TestObserveUnsafe: a call that passed although its path is none, because the rule
// observes, is left out, and the others are narrowed as if it were not there.
func TestObserveUnsafe(t *testing.T) {
	src := typed(map[string]string{"path": "path"}, allow(policy.Rule{Tools: []string{"files/read"}, Where: &policy.Where{Path: &paths.Rule{Under: []string{"/a"}}}, Mode: policy.Observe}))
	calls := []recorded.Call{call("files/read", `{"path":"/a/x"}`), call("files/read", `{"path":"/a/../etc/passwd"}`), call("files/read", `{"path":"/b/x"}`)}
	res := learned(t, calls, learning.Options{Present: src, Observe: true})
	r := res.Roles["r"]
	if res.Report.Used != 2 || len(res.Report.Left) != 1 || len(r.Allow) != 1 || r.Allow[0].Where == nil || r.Allow[0].Where.Path == nil ||
		!slices.Equal(r.Allow[0].Where.Path.Under, []string{"/a/x", "/b/x"}) {
		t.Errorf("%+v, %+v", r, res.Report)
	}
}

// TestReport: what nobody used, and what is wide.
func TestReport(t *testing.T) {
	src := typed(nil, allow(policy.Rule{Tools: []string{"files/*", "files/read", "docs/x"}, Prompts: []string{"docs/p"}}))
	pins := []learning.Pin{{gate.Tool, "files", "read"}, {gate.Tool, "files", "write"}, {gate.Tool, "docs", "x"}}
	lost := call("files/write", `{}`)
	lost.Kept = false
	stranger := call("files/read", `{}`)
	stranger.Principal.Whole = false
	res := learned(t, []recorded.Call{call("files/read", `{"where":"/srv/x"}`), lost, stranger}, learning.Options{Present: src, Pins: pins})
	r := res.Report
	if want := []string{"roles.r.allow[0].prompts[0]: docs/p", "roles.r.allow[0].tools[2]: docs/x"}; !slices.Equal(r.Unused, want) {
		t.Errorf("unused: %q", r.Unused)
	}
	if len(r.Wide) != 1 || r.Wide[0] != (learning.Wide{Rule: "roles.r.allow[0].tools[0]: files/*", Opens: 2, Used: 1}) {
		t.Errorf("wide: %+v", r.Wide)
	}
	if len(r.Unkept) != 1 || r.Unjudged != 1 || len(r.Offers) != 1 || r.Offers[0].Type != "path" {
		t.Errorf("%+v", r)
	}
}

// TestApprovalsAndConditionsAreKept: what people had to agree to is asked about
// again.
func TestApprovalsAndConditionsAreKept(t *testing.T) {
	src := typed(nil, allow(policy.Rule{Tools: []string{"files/*"}, When: "now.hour >= 8", Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}, Count: 2}}))
	res := learned(t, []recorded.Call{call("files/write", `{}`)}, learning.Options{Present: src})
	r := res.Roles["r"].Allow[0]
	if r.Mode != policy.Approve || r.Terms.Count != 2 || r.When == "" || !slices.Equal(r.Tools, []string{"files/write"}) {
		t.Errorf("%+v", r)
	}
	if y := string(res.YAML()); !strings.Contains(y, "mode: approve") || !strings.Contains(y, "count: 2") || !strings.Contains(y, `when: "now.hour >= 8"`) {
		t.Error(y)
	}
}

// TestNamesAreNoPatterns: a tool whose name holds the characters of patterns is
// named, and nothing else.
func TestNamesAreNoPatterns(t *testing.T) {
	src := typed(nil, allow(policy.Rule{Tools: []string{"files/**"}}))
	res := learned(t, []recorded.Call{call("files/*", `{}`), call("files/a b: [x]", `{}`), call("files/a\nb", `{}`)}, learning.Options{Present: src})
	r := res.Roles["r"]
	if want := []string{`files/\*`, `files/a b: \[x\]`}; !slices.Equal(r.Allow[0].Tools, want) || res.Report.NowRefused != 1 { // the name with a line in it is refused by every policy
		t.Errorf("%q, %+v", r.Allow[0].Tools, res.Report)
	}
	read := parsed(t, append([]byte("version: 1\n"), res.YAML()...))
	if !slices.Equal(read.Roles["r"].Allow[0].Tools, r.Allow[0].Tools) {
		t.Errorf("the YAML says %q", read.Roles["r"].Allow[0].Tools)
	}
	p := compiled(t, policy.Source{Roles: res.Roles})
	if p.Decide(&gate.Principal{Roles: []string{"r"}}, gate.Tool, "files", "other").Allowed {
		t.Error("another tool is open")
	}
}

// TestLearnedIsNeverWider: on random policies, calls and questions, what the learned
// roles allow the present ones allow as well, and every call that was learned from
// stays allowed.
func TestLearnedIsNeverWider(t *testing.T) {
	rnd := rand.New(rand.NewPCG(26, 13))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	tool := func() string {
		return "files/" + pick("read_a", "read_b", "read_c", "read_d", "read_e", "write", "a/b")
	}
	args := func() string {
		return fmt.Sprintf(`{%q:%q,"n":%d,"id":%q,"url":%q}`, pick("path", "Path", "x"), pick("/srv/a/x.md", "/srv/a/b/c", "/srv/b", "/etc/x", "/", "rel/x", "/srv/../x"),
			rnd.IntN(2000)-5, pick("one", "two"), pick("https://a.example.com/x", "http://b.example.com", "https://c.example.org/?q"))
	}
	var pins []learning.Pin
	for _, n := range []string{"read_a", "read_b", "read_c", "read_d", "read_e", "write"} {
		pins = append(pins, learning.Pin{Kind: gate.Tool, Upstream: "files", Name: n})
	}
	asked, open := 0, 0
	for asked < 10_000 {
		var r policy.Role
		for range 1 + rnd.IntN(3) {
			rule := policy.Rule{Tools: []string{pick("files/*", "files/read_*", "*/**", "files/{read_a,write}", "files/write")}, Mode: policy.Mode(rnd.IntN(2)) * policy.Observe}
			if rnd.IntN(2) == 0 {
				rule.Where = &policy.Where{Path: &paths.Rule{Under: []string{pick("/srv/a", "/srv", "/etc")}, Not: []string{pick("/srv/a/b", "**/*.md")}}}
			}
			if rnd.IntN(3) == 0 {
				rule.Where = &policy.Where{URL: &places.Rule{Hosts: []string{"*.example.com"}}, Values: map[string]policy.Value{"n": {Max: "1000"}}}
			}
			r.Allow = append(r.Allow, rule)
		}
		if rnd.IntN(2) == 0 {
			r.Deny = []policy.Rule{{Tools: []string{pick("files/write", "files/read_a")}}}
		}
		src := typed(map[string]string{"path": "path", "id": "identifier", "url": "url"}, r)
		present := compiled(t, src)
		var calls []recorded.Call
		for range 60 {
			calls = append(calls, call(tool(), args()))
		}
		res := learned(t, calls, learning.Options{Present: src, Pins: pins})
		p := compiled(t, policy.Source{Roles: map[string]policy.Role{"r": res.Roles["r"], "lead": {}}, Arguments: src.Arguments})
		used := 0
		for i := range 200 {
			c := call(tool(), args())
			if i < len(calls) {
				c = calls[i]
			}
			asked++
			q := c.Question(c.Who())
			if !p.Judge(q).Allowed {
				continue
			}
			open++
			if i < len(calls) {
				used++
			}
			if !present.Judge(q).Allowed {
				t.Fatalf("%s %s is allowed by what was learned of\n%+v\n%s", c.Path(), c.Arguments, r, res.YAML())
			}
		}
		if used < res.Report.Used {
			t.Fatalf("%d of %d calls stay allowed", used, res.Report.Used)
		}
	}
	t.Logf("%d questions, %d allowed by what was learned", asked, open)
	if open < asked/50 {
		t.Error("too little was learned to tell")
	}
}
