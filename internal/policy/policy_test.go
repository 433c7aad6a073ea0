package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

func compile(t testing.TB, roles map[string]policy.Role) *policy.Policy {
	t.Helper()
	p, faults := policy.Compile(policy.Source{Roles: roles})
	if len(faults) > 0 {
		t.Fatalf("Compile: %v", faults)
	}
	return p
}

func who(roles ...string) *gate.Principal { return &gate.Principal{Subject: "s", Roles: roles} }

func tools(patterns ...string) []policy.Rule     { return []policy.Rule{{Tools: patterns}} }
func resources(patterns ...string) []policy.Rule { return []policy.Rule{{Resources: patterns}} }

func TestDecideTools(t *testing.T) {
	p := compile(t, map[string]policy.Role{
		"reader":   {Allow: tools("files/read_*", "docs/search", "w*/get", "deep/**", "a/b/c", "flat/*", "alt/{x,y}")},
		"writer":   {Allow: tools("files/*"), Deny: tools("files/delete_*")},
		"guarded":  {Deny: tools("docs/**")},
		"prompter": {Allow: []policy.Rule{{Prompts: []string{"files/*"}}}},
		"empty":    {Allow: []policy.Rule{{}}},
	})
	for _, tc := range []struct {
		roles  []string
		kind   gate.ItemKind
		up     string
		name   string
		want   bool
		reason string
	}{
		{[]string{"reader"}, gate.Tool, "files", "read_text", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "files", "read_", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "files", "read_a/b", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "files", "write", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "docs", "search", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "docs", "Search", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "docs", "search2", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "weather", "get", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "files/read_x", "y", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "deep", "a", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "deep", "a/b/c", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "a", "b/c", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "a/b", "c", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "flat", "a/b", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "flat", "a", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "alt", "y", true, policy.ReasonAllowed},
		{[]string{"reader"}, gate.Tool, "alt", "z", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Tool, "flat", "", false, policy.ReasonNothing},
		{[]string{"reader"}, gate.Tool, "", "x", false, policy.ReasonNothing},
		{[]string{"reader"}, gate.Prompt, "docs", "search", false, policy.ReasonNoRule},
		{[]string{"reader"}, gate.Command, "docs", "search", false, policy.ReasonNoKind},
		{[]string{"reader"}, gate.NoItem, "docs", "search", false, policy.ReasonNoKind},
		{[]string{"prompter"}, gate.Prompt, "files", "p", true, policy.ReasonAllowed},
		{[]string{"prompter"}, gate.Tool, "files", "p", false, policy.ReasonNoRule},
		{[]string{"writer"}, gate.Tool, "files", "read", true, policy.ReasonAllowed},
		{[]string{"writer"}, gate.Tool, "files", "delete_x", false, policy.ReasonDenied},
		{[]string{"reader", "guarded"}, gate.Tool, "docs", "search", false, policy.ReasonDenied},
		{[]string{"guarded", "reader"}, gate.Tool, "docs", "search", false, policy.ReasonDenied},
		{[]string{"unknown", "reader"}, gate.Tool, "docs", "search", true, policy.ReasonAllowed},
		{[]string{"unknown"}, gate.Tool, "docs", "search", false, policy.ReasonNoRule},
		{[]string{"empty"}, gate.Tool, "docs", "search", false, policy.ReasonNoRule},
		{nil, gate.Tool, "docs", "search", false, policy.ReasonNoRole},
	} {
		d := p.Decide(who(tc.roles...), tc.kind, tc.up, tc.name)
		if d.Allowed != tc.want || d.Reason != tc.reason {
			t.Errorf("Decide(%v, %v, %q, %q) = %+v, want %v, %q", tc.roles, tc.kind, tc.up, tc.name, d, tc.want, tc.reason)
		}
	}
	want := policy.Decision{Role: "writer", Rule: "roles.writer.deny[0].tools[0]: files/delete_*", Reason: policy.ReasonDenied}
	if diff := cmp.Diff(want, p.Decide(who("writer"), gate.Tool, "files", "delete_all")); diff != "" {
		t.Errorf("the decision does not name its rule (-want +got):\n%s", diff)
	}
	if p.Decide(nil, gate.Tool, "docs", "search").Allowed || (*policy.Policy)(nil).Decide(who("reader"), gate.Tool, "docs", "search").Allowed {
		t.Error("nobody, or no policy, was allowed")
	}
}

// The upstream chooses its names: a slash in one takes it out of reach of no deny,
// and into reach of no allow.
func TestSlashesInDeniedNames(t *testing.T) {
	p := compile(t, map[string]policy.Role{
		"all":    {Allow: []policy.Rule{{Tools: []string{"*/**"}, Prompts: []string{"*/**"}}}},
		"look":   {Deny: tools("look/*")},
		"delete": {Deny: tools("*/delete_*", "l*/*secret*", "one/?x")},
		"deep":   {Deny: tools("look/admin/*", "look/a/**/z", "look/{x/*,y}", "look/exact/name")},
		"prompt": {Deny: []policy.Rule{{Prompts: []string{"look/run_*"}}}},
		"few":    {Allow: tools("look/*", "look/admin/*")},
	})
	for _, tc := range []struct {
		role string
		kind gate.ItemKind
		up   string
		name string
		want bool
	}{
		{"look", gate.Tool, "look", "x", false},
		{"look", gate.Tool, "look", "x/y", false},
		{"look", gate.Tool, "look", "/", false},
		{"look", gate.Tool, "look", "x/y/", false},
		{"look", gate.Tool, "other", "x/y", true},
		{"look", gate.Prompt, "look", "x/y", true},
		{"delete", gate.Tool, "any", "delete_all", false},
		{"delete", gate.Tool, "any", "delete_/x", false},
		{"delete", gate.Tool, "any", "delete_x/y", false},
		{"delete", gate.Tool, "any", "x/delete_y", true},
		{"delete", gate.Tool, "look", "a/secret/b", false},
		{"delete", gate.Tool, "one", "/x", false},
		{"deep", gate.Tool, "look", "admin/x", false},
		{"deep", gate.Tool, "look", "admin/x/y", false},
		{"deep", gate.Tool, "look", "admin_x", true},
		{"deep", gate.Tool, "look", "admin", true},
		{"deep", gate.Tool, "look", "a/z", false},
		{"deep", gate.Tool, "look", "a/b/c/z", false},
		{"deep", gate.Tool, "look", "x/y/z", false},
		{"deep", gate.Tool, "look", "y", false},
		{"deep", gate.Tool, "look", "exact/name", false},
		{"deep", gate.Tool, "look", "exact_name", true},
		{"deep", gate.Tool, "look", "exact/name/x", true},
		{"prompt", gate.Prompt, "look", "run_/x", false},
		{"prompt", gate.Tool, "look", "run_/x", true},
		{"few", gate.Tool, "look", "x", true},
	} {
		if d := p.Decide(who("all", tc.role), tc.kind, tc.up, tc.name); d.Allowed != tc.want {
			t.Errorf("%s, %v %s/%s: %+v, want %v", tc.role, tc.kind, tc.up, tc.name, d, tc.want)
		}
	}
	for _, name := range []string{"x/y", "admin/x/y"} {
		if d := p.Decide(who("few"), gate.Tool, "look", name); d.Allowed {
			t.Errorf("an allow crosses the slash of %s: %+v", name, d)
		}
	}
	want := policy.Decision{Role: "deep", Rule: "roles.deep.deny[0].tools[0]: look/admin/*", Reason: policy.ReasonDenied}
	if diff := cmp.Diff(want, p.Decide(who("all", "deep"), gate.Tool, "look", "admin/x/y")); diff != "" {
		t.Errorf("the decision does not name its rule as written (-want +got):\n%s", diff)
	}
}

func TestDecideResources(t *testing.T) {
	p := compile(t, map[string]policy.Role{
		"docs":  {Allow: resources("docs://**")},
		"one":   {Allow: resources("file:///srv/a.txt", "mem://notes/*")},
		"most":  {Allow: resources("**"), Deny: resources("docs://secret/**", "docs://host/one", "docs://host/a%20b", "docs://host/[x]/*")},
		"plain": {Allow: resources("docs://a%20b")},
	})
	for _, tc := range []struct {
		role string
		kind gate.ItemKind
		uri  string
		want bool
	}{
		{"docs", gate.Resource, "docs://a/b", true},
		{"docs", gate.Resource, "docs://a", true},
		{"docs", gate.Resource, "file:///a", false},
		{"docs", gate.Resource, "docs:a", false},
		{"one", gate.Resource, "file:///srv/a.txt", true},
		{"one", gate.Resource, "file:///srv/a.txt2", false},
		{"one", gate.Resource, "mem://notes/x", true},
		{"one", gate.Resource, "mem://notes/x/y", false},
		{"plain", gate.Resource, "docs://a%20b", true},
		{"most", gate.Resource, "docs://public/x", true},
		{"most", gate.Resource, "docs://secret/x", false},
		{"most", gate.Resource, "DOCS://SECRET/x", false},
		{"most", gate.Resource, "docs://%73ecret/x", false},
		{"most", gate.Resource, "docs://%2573ecret/x", false},
		{"most", gate.Resource, "docs://secret//x", false},
		{"most", gate.Resource, "docs://host/one", false},
		{"most", gate.Resource, "docs://host//one", false},
		{"most", gate.Resource, "docs://host/one?q=1", false},
		{"most", gate.Resource, "docs://host/one#f", false},
		{"most", gate.Resource, "docs://host/on%65#f", false},
		{"most", gate.Resource, "docs://host/a b", false},
		{"most", gate.Resource, "docs://host/a%20b", false},
		{"most", gate.Resource, "docs://host/x/y", false},
		{"most", gate.Resource, "docs://host/One", true},
		{"docs", gate.Template, "docs://{owner}/{repo}", true},
		{"docs", gate.Template, "file:///{path}", false},
		{"one", gate.Template, "mem://notes/{id}", true},
		{"one", gate.Template, "mem://notes/{id}/{part}", false},
		{"most", gate.Template, "docs://secret/{id}", false},
		{"one", gate.Template, "mem://notes/{open", true},
	} {
		if d := p.Decide(who(tc.role), tc.kind, "any", tc.uri); d.Allowed != tc.want {
			t.Errorf("%s, %v %s: %+v, want %v", tc.role, tc.kind, tc.uri, d, tc.want)
		}
	}
}

func TestReaches(t *testing.T) {
	p := compile(t, map[string]policy.Role{
		"a":       {Allow: tools("files/read", "web-*/x")},
		"prompts": {Allow: []policy.Rule{{Prompts: []string{"docs/**"}}}},
		"uris":    {Allow: resources("docs://**")},
		"denies":  {Deny: resources("**")},
	})
	for _, tc := range []struct {
		roles []string
		up    string
		want  bool
	}{
		{[]string{"a"}, "files", true},
		{[]string{"a"}, "web-1", true},
		{[]string{"a"}, "docs", false},
		{[]string{"prompts"}, "docs", true},
		{[]string{"uris"}, "anything", true},
		{[]string{"uris"}, "", false},
		{[]string{"denies"}, "files", false},
		{[]string{"nobody"}, "files", false},
		{nil, "files", false},
	} {
		if got := p.Reaches(who(tc.roles...), tc.up); got != tc.want {
			t.Errorf("Reaches(%v, %q) = %v, want %v", tc.roles, tc.up, got, tc.want)
		}
	}
	if p.Reaches(nil, "files") || (*policy.Policy)(nil).Reaches(who("a"), "files") {
		t.Error("nobody, or no policy, reaches an upstream")
	}
}

// An upstream of which denies leave nothing is out of reach.
func TestReachOfWhatIsDenied(t *testing.T) {
	both := func(pattern string) []policy.Rule {
		return []policy.Rule{{Tools: []string{pattern}, Prompts: []string{pattern}}}
	}
	p := compile(t, map[string]policy.Role{
		"tools":     {Allow: tools("*/**"), Deny: tools("hidden/**")},
		"star":      {Allow: tools("*/**"), Deny: tools("hidden/*")},
		"glob":      {Allow: tools("*/**"), Deny: tools("hid*/**/*")},
		"part":      {Allow: tools("*/**"), Deny: tools("hidden/a*", "hidden/x/**", "hidden/?*")},
		"both":      {Allow: both("*/**"), Deny: tools("hidden/**")},
		"neither":   {Allow: both("*/**"), Deny: both("hidden/**")},
		"prompts":   {Allow: tools("*/**"), Deny: []policy.Rule{{Prompts: []string{"hidden/**"}}}},
		"resources": {Allow: append(tools("*/**"), resources("docs://**")...), Deny: append(tools("hidden/**"), resources("**")...)},
		"allow":     {Allow: tools("hidden/x")},
		"deny":      {Deny: tools("hidden/**")},
	})
	for _, tc := range []struct {
		roles          []string
		names, reaches bool
	}{
		{[]string{"tools"}, false, false},
		{[]string{"star"}, false, false},
		{[]string{"glob"}, false, false},
		{[]string{"part"}, true, true},
		{[]string{"both"}, true, true},
		{[]string{"neither"}, false, false},
		{[]string{"prompts"}, true, true},
		{[]string{"resources"}, false, true},
		{[]string{"allow"}, true, true},
		{[]string{"allow", "deny"}, false, false},
		{[]string{"deny", "both"}, true, true},
		{[]string{"unknown", "allow"}, true, true},
	} {
		if got := p.Names(who(tc.roles...), "hidden"); got != tc.names {
			t.Errorf("Names(%v) = %v", tc.roles, got)
		}
		if got := p.Reaches(who(tc.roles...), "hidden"); got != tc.reaches {
			t.Errorf("Reaches(%v) = %v", tc.roles, got)
		}
		if tc.roles[0] != "allow" && tc.roles[0] != "unknown" && !p.Names(who(tc.roles...), "open") {
			t.Errorf("%v: another upstream is out of reach", tc.roles)
		}
	}
}

func TestCompileReportsEveryFault(t *testing.T) {
	p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{
		"b": {Allow: []policy.Rule{{Tools: []string{"ok/x", "noslash", "/x", "up/", "up/[a", "{a/b,c/d}"}, Resources: []string{"", "docs://{a"}}}},
		"a": {Deny: []policy.Rule{{Prompts: []string{"**"}}, {Resources: []string{strings.Repeat("a", 1025), "a\x00b", strings.Repeat("{a,b}", 5)}}}},
	}})
	if p != nil {
		t.Error("a policy came with faults")
	}
	var got []string
	for _, f := range faults {
		if f.Text == "" {
			t.Errorf("%s has no text", f.Path)
		}
		got = append(got, f.Path)
	}
	want := []string{
		"roles.a.deny[0].prompts[0]", "roles.a.deny[1].resources[0]", "roles.a.deny[1].resources[1]", "roles.a.deny[1].resources[2]",
		"roles.b.allow[0].tools[1]", "roles.b.allow[0].tools[2]", "roles.b.allow[0].tools[3]", "roles.b.allow[0].tools[4]", "roles.b.allow[0].tools[5]",
		"roles.b.allow[0].resources[0]", "roles.b.allow[0].resources[1]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// Property: a deny in any of the principal's roles wins; one more deny never
// allows more; one more allow in another role never takes anything away.
func FuzzDecide(f *testing.F) {
	f.Add("files/read_*", "files/*", "files", "read_x", uint8(1))
	f.Add("docs://**", "**", "docs", "docs://a/%62", uint8(3))
	f.Add("*/**", "a/{b,c}", "a", "b", uint8(2))
	f.Add("*/**", "u/**/*", "u", "a/", uint8(0))
	f.Add("mem://x%2A", "mem://**", "a", "MEM://x*", uint8(3))
	f.Fuzz(func(t *testing.T, one, two, upstream, name string, k uint8) {
		kind := []gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource, gate.Template}[k%4]
		rule := func(p string) []policy.Rule {
			switch kind {
			case gate.Tool:
				return []policy.Rule{{Tools: []string{p}}}
			case gate.Prompt:
				return []policy.Rule{{Prompts: []string{p}}}
			default:
				return []policy.Rule{{Resources: []string{p}}}
			}
		}
		decide := func(r map[string]policy.Role) (policy.Decision, bool) {
			p, faults := policy.Compile(policy.Source{Roles: r})
			if len(faults) > 0 {
				return policy.Decision{}, false
			}
			return p.Decide(who("a", "b"), kind, upstream, name), true
		}
		allowed, ok := decide(map[string]policy.Role{"a": {Allow: rule(one)}})
		if !ok {
			return
		}
		if p := compile(t, map[string]policy.Role{"a": {Allow: rule(one)}}); allowed.Allowed && !p.Reaches(who("a"), upstream) {
			t.Errorf("allowed, but %q is out of reach", upstream)
		}
		if denied, _ := decide(map[string]policy.Role{"a": {Allow: rule("*/**"), Deny: rule(one)}}); allowed.Allowed && denied.Allowed {
			t.Errorf("a matching deny did not win: %+v", denied)
		}
		roles := map[string]policy.Role{"a": {Allow: rule(one)}, "b": {Deny: rule(two)}}
		if denied, ok := decide(roles); ok && denied.Allowed {
			if !allowed.Allowed {
				t.Errorf("a deny allowed something: %+v", denied)
			}
			if !compile(t, roles).Reaches(who("a", "b"), upstream) {
				t.Errorf("allowed beside a deny, but %q is out of reach", upstream)
			}
		}
		if more, ok := decide(map[string]policy.Role{"a": {Allow: rule(one)}, "b": {Allow: rule(two)}}); ok && allowed.Allowed && !more.Allowed {
			t.Errorf("an allow took something away: %+v", more)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	roles := map[string]policy.Role{"user": {
		Allow: append(tools("files/read_*", "docs/search", "up/**"), resources("docs://**")...),
		Deny:  append(tools("files/delete_*"), resources("docs://secret/**")...),
	}}
	for i := range 100 {
		roles["user"].Allow[0].Tools = append(roles["user"].Allow[0].Tools, fmt.Sprintf("up%d/x_*", i))
	}
	p := compile(b, roles)
	w := who("user")
	for _, tc := range []struct {
		name     string
		kind     gate.ItemKind
		up, item string
	}{
		{"exact", gate.Tool, "docs", "search"},
		{"glob", gate.Tool, "files", "read_text"},
		{"uri", gate.Resource, "docs", "docs://a/b/c"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !p.Decide(w, tc.kind, tc.up, tc.item).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

// The shapes that bypass the glob matcher must agree with it.
func FuzzShapes(f *testing.F) {
	f.Add("docs://**", "docs:/")
	f.Add("a/**", "a")
	f.Add("read_*", "read_a/b")
	f.Add("**", "a/b")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{"a": {Allow: resources(pattern)}}})
		if len(faults) > 0 || s == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) { // which no policy allows
			return
		}
		want, err := doublestar.Match(pattern, s)
		if got := p.Decide(who("a"), gate.Resource, "u", s).Allowed; err != nil || got != want {
			t.Errorf("%q on %q: %v, the matcher says %v, %v", pattern, s, got, want, err)
		}
	})
}
