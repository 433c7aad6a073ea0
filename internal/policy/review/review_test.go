package review_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/places"
	"doorward/internal/policy/review"
)

const reads = `{"type":"object","properties":{"path":{"type":"string"},"head":{"type":"integer"}}}`

func item(up, name, schema string) review.Item {
	return review.Item{Upstream: up, Kind: gate.Tool, Name: name, Schema: []byte(schema)}
}

// look reviews the allow and deny of one role, which key holders have, beside two
// upstreams.
func look(t *testing.T, r policy.Role, arguments map[string]map[string]string) []review.Finding {
	t.Helper()
	src := policy.Source{Roles: map[string]policy.Role{"r": r, "lead": {}}, Arguments: arguments}
	if _, faults := policy.Compile(src); len(faults) > 0 {
		t.Fatal(faults)
	}
	return review.Review(&review.Input{
		Source: src, Upstreams: []string{"files", "web"}, Named: []string{"r", "lead"}, Pinned: true,
		Items: []review.Item{
			item("files", "read_text", reads), item("files", "read_all", reads), item("files", "delete_/x", reads),
			item("web", "fetch", `{"properties":{"url":{"type":"string"}}}`),
			{Upstream: "web", Kind: gate.Template, Name: "docs://{path}"},
			{Upstream: "web", Kind: gate.Resource, Name: "mem://a"},
		},
	})
}

func tools(globs ...string) policy.Rule { return policy.Rule{Tools: globs} }

func TestFindings(t *testing.T) {
	under := &policy.Where{Path: &paths.Rule{Under: []string{"/srv"}}}
	typed := map[string]map[string]string{"files": {"path": "path"}, "web": {"url": "url"}}
	for _, tc := range []struct {
		name  string
		allow []policy.Rule
		deny  []policy.Rule
		want  string // "severity path: part of the text" of the only finding; empty: none
	}{
		{"fine", []policy.Rule{tools("files/read_*"), tools("web/fetch")}, nil, ""},
		{"no upstream", []policy.Rule{tools("fils/read_*")}, nil, "warning roles.r.allow[0].tools[0]: names no upstream of the configuration; there are files, web"},
		{"no tool", []policy.Rule{tools("files/red_*")}, nil, "warning roles.r.allow[0].tools[0]: matches none of the 3 approved tools"},
		{"no tool to deny", []policy.Rule{tools("web/fetch")}, []policy.Rule{tools("files/red_*")}, "hint roles.r.deny[0].tools[0]: closes none of the 3"},
		{"a deny crosses slashes", []policy.Rule{tools("web/fetch")}, []policy.Rule{tools("files/delete_*")}, ""},
		{"an allow does not", []policy.Rule{tools("files/delete_*")}, nil, "warning roles.r.allow[0].tools[0]: matches none"},
		{"no prompt yet", []policy.Rule{{Prompts: []string{"web/*"}}}, nil, "hint roles.r.allow[0].prompts[0]: no prompt that web/* could match is approved yet"},
		{"no resource", []policy.Rule{{Resources: []string{"file:///**"}}}, nil, "warning roles.r.allow[0].resources[0]: matches none"},
		{"through a template", []policy.Rule{{Resources: []string{"docs://guide/**"}}}, nil, ""},
		{"everything", []policy.Rule{tools("*/**")}, nil, "warning roles.r.allow[0].tools[0]: opens all that every upstream offers"},
		{"everything, but not always", []policy.Rule{{Tools: []string{"*/*"}, Mode: policy.Approve, Terms: policy.Terms{Self: true}}}, nil, ""},
		{"shadowed", []policy.Rule{tools("files/read_*")}, []policy.Rule{tools("files/*")}, "warning roles.r.allow[0].tools[0]: files/read_* opens nothing: roles.r.deny[0].tools[0] (files/*)"},
		{"shadowed by several", []policy.Rule{tools("files/read_*")}, []policy.Rule{tools("files/read_t*", "files/read_all")}, "warning roles.r.allow[0].tools[0]: the denies of the role close all"},
		{"shadowed now and then", []policy.Rule{tools("files/read_*")}, []policy.Rule{{Tools: []string{"files/*"}, Mode: policy.Observe}}, "hint roles.r.deny[0]: the rule only observes"},
		{"twice", []policy.Rule{tools("files/*"), tools("files/read_*")}, nil, "hint roles.r.allow[1].tools[0]: changes nothing: roles.r.allow[0].tools[0] (files/*) opens it already"},
		{"the same twice", []policy.Rule{tools("web/fetch"), tools("web/fetch")}, nil, "hint roles.r.allow[1].tools[0]: changes nothing"},
		{"a where that another undoes", []policy.Rule{tools("files/*"), {Tools: []string{"files/read_*"}, Where: under}}, nil, "warning roles.r.allow[1].tools[0]: what the rule asks of files/read_* is never needed"},
		{"a where that opens more", []policy.Rule{tools("web/*"), {Tools: []string{"web/fetch"}, Where: &policy.Where{URL: &places.Rule{Private: true}}}}, nil, ""},
		{"approve narrows", []policy.Rule{tools("files/*"), {Tools: []string{"files/read_*"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}}}}, nil, ""},
		{"a where without an argument", []policy.Rule{{Tools: []string{"web/*"}, Where: under}}, nil, "error roles.r.allow[0].where.path: judges nothing: no parameter of web has the type path"},
		{"a where", []policy.Rule{{Tools: []string{"files/read_*"}, Where: under}}, nil, ""},
		{"a value", []policy.Rule{{Tools: []string{"files/read_*"}, Where: &policy.Where{Values: map[string]policy.Value{"HEAD": {Max: "10"}}}}}, nil, ""},
		{"no such value", []policy.Rule{{Tools: []string{"files/read_*"}, Where: &policy.Where{Values: map[string]policy.Value{"tail": {Max: "10"}}}}}, nil, "error roles.r.allow[0].where.values.tail: judges nothing"},
		{"a value that must be there", []policy.Rule{{Tools: []string{"files/read_*"}, Where: &policy.Where{Values: map[string]policy.Value{"tail": {Required: true}}}}}, nil, "error roles.r.allow[0].where.values.tail: refuses every call"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found := look(t, policy.Role{Allow: tc.allow, Deny: tc.deny}, typed)
			if tc.want == "" {
				if len(found) > 0 {
					t.Errorf("found %v", found)
				}
				return
			}
			head, text, _ := strings.Cut(tc.want, ": ")
			if len(found) != 1 || found[0].Severity.String()+" "+found[0].Path != head || !strings.Contains(found[0].Text, text) || found[0].Advice == "" {
				t.Errorf("found %+v, want %s", found, tc.want)
			}
		})
	}
}

// Without the pins nothing is said about what rules match.
func TestWithoutPins(t *testing.T) {
	in := review.Input{Source: policy.Source{Roles: map[string]policy.Role{"r": {
		Groups: []string{"g"}, Allow: []policy.Rule{{Tools: []string{"files/nothing"}, Where: &policy.Where{Values: map[string]policy.Value{"x": {}}}}},
	}}}, Upstreams: []string{"files"}}
	if found := review.Review(&in); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

func TestHolders(t *testing.T) {
	held := policy.Rule{Tools: []string{"files/*"}, Mode: policy.Approve, Terms: policy.Terms{Roles: []string{"lead"}}}
	src := policy.Source{Roles: map[string]policy.Role{"r": {Scopes: []string{"s"}, Allow: []policy.Rule{held}}, "lead": {}}}
	in := review.Input{Source: src, Upstreams: []string{"files"}}
	found := review.Review(&in)
	if len(found) != 2 || found[0].Path != "roles.lead" || found[1].Path != "roles.r.allow[0].approvers.roles" {
		t.Errorf("found %+v", found)
	}
	in.Named = []string{"lead"}
	if found := review.Review(&in); len(found) > 0 {
		t.Errorf("with a holder: %+v", found)
	}
	held.Terms.Count = 2
	src.Roles["r"] = policy.Role{Scopes: []string{"s"}, Allow: []policy.Rule{held}}
	for keys, want := range []int{2, 1, 0, 0} {
		in.Named, in.Pinned = slices.Repeat([]string{"lead"}, keys), true
		found := slices.DeleteFunc(review.Review(&in), func(f review.Finding) bool {
			return !strings.Contains(f.Path, "lead") && !strings.Contains(f.Path, "approvers")
		})
		if len(found) != want || keys == 1 && !strings.Contains(found[0].Text, "2 must agree, and there are keys for 1") {
			t.Errorf("with %d of 2 keys: %+v", keys, found)
		}
	}
	in.Pinned = false
	in.Named = []string{"lead", "user"}
	if found := review.Review(&in); len(found) != 1 || found[0].Path != "roles" || !strings.Contains(found[0].Text, "the role user") {
		t.Errorf("with a role that is not there: %+v", found)
	}
	in.Named, in.Claimed = nil, true
	if found := review.Review(&in); len(found) > 0 {
		t.Errorf("with roles in tokens: %+v", found)
	}
}

// A file that has no upstream has none to name.
func TestNoUpstreams(t *testing.T) {
	src := policy.Source{Roles: map[string]policy.Role{"r": {Groups: []string{"g"}, Allow: []policy.Rule{tools("files/x")}}}}
	found := review.Review(&review.Input{Source: src})
	if len(found) != 1 || found[0].Text != "files/x names no upstream: the configuration has none" {
		t.Errorf("found %+v", found)
	}
}

// The built-in roles are nobody's choice.
func TestBuiltInRoles(t *testing.T) {
	src := policy.Source{Roles: map[string]policy.Role{"user": {Allow: []policy.Rule{tools("*/**")}}}}
	if found := review.Review(&review.Input{Source: src, BuiltIn: true, Named: []string{"user"}, Pinned: true}); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

func TestGravestFirst(t *testing.T) {
	found := look(t, policy.Role{Allow: []policy.Rule{
		{Prompts: []string{"web/*"}}, tools("files/none"), {Tools: []string{"web/*"}, Where: &policy.Where{Path: &paths.Rule{}}},
	}}, map[string]map[string]string{"web": {"url": "url"}, "files": {"path": "path"}})
	var words []string
	for _, f := range found {
		words = append(words, f.Severity.String())
	}
	if got := strings.Join(words, " "); got != "error warning hint" {
		t.Errorf("severities: %s", got)
	}
}
