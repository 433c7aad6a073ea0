package authorize_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/authorize"
	"doorward/internal/gate"
	"doorward/internal/policy"
)

var (
	_ gate.Stage      = (*authorize.Stage)(nil)
	_ gate.ReplyStage = (*authorize.Stage)(nil)
)

func stage(t *testing.T) *authorize.Stage {
	t.Helper()
	p, faults := policy.Compile(policy.Source{Roles: map[string]policy.Role{"reader": {
		Allow: []policy.Rule{{Tools: []string{"files/read_*", "docs/*"}, Resources: []string{"docs://**"}, Prompts: []string{"docs/*"}}},
		Deny:  []policy.Rule{{Tools: []string{"docs/drop"}}},
	}, "tools": {Scopes: []string{"mcp:execute:tools"}, Allow: []policy.Rule{{Tools: []string{"files/*"}}}}}})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return authorize.New(p)
}

func named(role string, it gate.Item, call gate.ItemKind, name string) *gate.Exchange {
	return &gate.Exchange{
		Principal: &gate.Principal{Subject: "s", Roles: []string{role}},
		Call:      gate.Call{Route: gate.Route{NameAt: "name"}, Item: call, Name: name},
		Target:    gate.Target{Upstream: it.Upstream, Item: &it},
	}
}

func TestRefusals(t *testing.T) {
	template := gate.Item{Kind: gate.Template, Upstream: "docs", Name: "docs://{path}"}
	for _, tc := range []struct {
		name string
		ex   *gate.Exchange
		want gate.Code
	}{
		{"allowed tool", named("reader", gate.Item{Kind: gate.Tool, Upstream: "files", Name: "read_x"}, gate.Tool, "files__read_x"), ""},
		{"other tool", named("reader", gate.Item{Kind: gate.Tool, Upstream: "files", Name: "write"}, gate.Tool, "read_x"), gate.CodeDenied},
		{"denied tool", named("reader", gate.Item{Kind: gate.Tool, Upstream: "docs", Name: "drop"}, gate.Tool, "x"), gate.CodeDenied},
		{"tool allowed, prompt not", named("reader", gate.Item{Kind: gate.Prompt, Upstream: "files", Name: "read_x"}, gate.Prompt, "x"), gate.CodeDenied},
		{"prompt", named("reader", gate.Item{Kind: gate.Prompt, Upstream: "docs", Name: "p"}, gate.Prompt, "x"), ""},
		{"unknown role", named("nobody", gate.Item{Kind: gate.Tool, Upstream: "docs", Name: "x"}, gate.Tool, "x"), gate.CodeDenied},
		{"resource", named("reader", gate.Item{Kind: gate.Resource, Upstream: "docs", Name: "docs://a"}, gate.Resource, "docs://a"), ""},
		{"resource path", named("reader", gate.Item{Kind: gate.Resource, Upstream: "docs", Name: "docs://a/../b"}, gate.Resource, "x"), gate.CodeResourcePath},
		{"through a template", named("reader", template, gate.Resource, "docs://a/b"), ""},
		{"through a template, elsewhere", named("reader", template, gate.Resource, "file:///etc/passwd"), gate.CodeDenied},
		{"through a template, climbing", named("reader", template, gate.Resource, "docs://a/%2e%2e/b"), gate.CodeResourcePath},
		{"completion on a template", named("reader", template, gate.Template, "docs://{path}"), ""},
		{"command", named("reader", gate.Item{Kind: gate.Command, Upstream: "docs", Name: "x"}, gate.NoItem, "x"), gate.CodeDenied},
		{"nobody", &gate.Exchange{}, gate.CodeUnauthenticated},
		{"upstream out of reach", &gate.Exchange{Principal: &gate.Principal{Roles: []string{"tools"}}, Target: gate.Target{Upstream: "docs"}}, gate.CodeDenied},
		{"upstream in reach", &gate.Exchange{Principal: &gate.Principal{Roles: []string{"tools"}}, Target: gate.Target{Upstream: "files"}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v, err := stage(t).Judge(t.Context(), tc.ex)
			if err != nil || v.Code != tc.want || (v.Effect == gate.Continue) != (tc.want == "") {
				t.Fatalf("Judge = %+v, %v, want %q", v, err, tc.want)
			}
			for _, word := range []string{"role", "rule", "policy", "deny", "reader"} {
				if strings.Contains(strings.ToLower(v.Public), word) {
					t.Errorf("the client reads %q, which names the mechanism", v.Public)
				}
			}
		})
	}
}

// A token is told the scope that the call needs, and nobody else is (AUT-57).
func TestAMissingScope(t *testing.T) {
	for method, want := range map[string]gate.Code{
		gate.MethodJWT: gate.CodeScope, gate.MethodIntrospection: gate.CodeScope, gate.MethodAPIKey: gate.CodeDenied, gate.MethodMTLS: gate.CodeDenied,
	} {
		ex := named("reader", gate.Item{Kind: gate.Tool, Upstream: "files", Name: "write"}, gate.Tool, "files__write")
		ex.Principal.Method = method
		v, err := stage(t).Judge(t.Context(), ex)
		if err != nil || v.Effect != gate.Deny || v.Code != want {
			t.Errorf("%s: %+v, %v, want %s", method, v, err, want)
		}
		if scoped := want == gate.CodeScope; scoped != cmp.Equal(v.Scopes, []string{"mcp:execute:tools"}) || !scoped && v.Scopes != nil {
			t.Errorf("%s: scopes %v", method, v.Scopes)
		}
	}
	ex := named("reader", gate.Item{Kind: gate.Tool, Upstream: "docs", Name: "drop"}, gate.Tool, "docs__drop")
	ex.Principal.Method = gate.MethodJWT
	if v, _ := stage(t).Judge(t.Context(), ex); v.Code != gate.CodeDenied || v.Scopes != nil {
		t.Errorf("what no scope opens: %+v", v)
	}
}

func TestAnUnresolvedItemIsAnError(t *testing.T) {
	ex := &gate.Exchange{Principal: &gate.Principal{Roles: []string{"reader"}}, Call: gate.Call{Route: gate.Route{NameAt: "name"}}}
	if v, err := stage(t).Judge(t.Context(), ex); err == nil || v.Effect != gate.Deny {
		t.Errorf("Judge = %+v, %v, want an error", v, err)
	}
}

func TestListsAreNarrowedOnACopy(t *testing.T) {
	catalogue := []gate.Item{
		{Kind: gate.Tool, Upstream: "docs", Name: "drop"},
		{Kind: gate.Tool, Upstream: "docs", Name: "get"},
		{Kind: gate.Tool, Upstream: "files", Name: "read_a"},
		{Kind: gate.Tool, Upstream: "files", Name: "write"},
		{Kind: gate.Template, Upstream: "files", Name: "docs://{x}"},
		{Kind: gate.Resource, Upstream: "files", Name: "file:///x"},
	}
	upstreams := []string{"docs", "files"}
	before, ups := append([]gate.Item(nil), catalogue...), append([]string(nil), upstreams...)
	ex := &gate.Exchange{Principal: &gate.Principal{Roles: []string{"tools"}}, Target: gate.Target{Items: catalogue, Upstreams: upstreams}}
	if v, err := stage(t).Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue {
		t.Fatalf("Judge = %+v, %v", v, err)
	}
	if diff := cmp.Diff([]string{"files"}, ex.Target.Upstreams); diff != "" {
		t.Errorf("upstreams (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(catalogue[2:4], ex.Target.Items); diff != "" {
		t.Errorf("tools role (-want +got):\n%s", diff)
	}
	ex.Principal, ex.Target.Items = &gate.Principal{Roles: []string{"reader"}}, catalogue
	if v, err := stage(t).Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue {
		t.Fatalf("Judge = %+v, %v", v, err)
	}
	if diff := cmp.Diff([]gate.Item{before[1], before[2], before[4]}, ex.Target.Items); diff != "" {
		t.Errorf("reader role (-want +got):\n%s", diff)
	}
	ex.Principal, ex.Target.Unavailable = &gate.Principal{Roles: []string{"tools"}}, upstreams
	if v, err := stage(t).Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue || !cmp.Equal(ex.Target.Unavailable, []string{"files"}) {
		t.Errorf("Judge = %+v, %v, unavailable %v", v, err, ex.Target.Unavailable)
	}
	if !cmp.Equal(before, catalogue) || !cmp.Equal(ups, upstreams) {
		t.Error("the shared catalogue was changed")
	}
}

func TestNilPolicyRefuses(t *testing.T) {
	s := authorize.New(nil)
	v, err := s.Judge(t.Context(), named("reader", gate.Item{Kind: gate.Tool, Upstream: "docs", Name: "x"}, gate.Tool, "x"))
	if err != nil || v.Code != gate.CodeDenied {
		t.Errorf("Judge = %+v, %v", v, err)
	}
	ex := &gate.Exchange{Principal: &gate.Principal{Roles: []string{"reader"}}, Target: gate.Target{Items: []gate.Item{{Kind: gate.Tool, Upstream: "a", Name: "b"}}}}
	if v, err := s.Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue || len(ex.Target.Items) != 0 {
		t.Errorf("Judge = %+v, %v, items %v", v, err, ex.Target.Items)
	}
}

func TestResourcePaths(t *testing.T) {
	for uri, want := range map[string]gate.Code{
		"docs://a/b":                  "",
		"docs://a/b.txt":              "",
		"docs://a/...":                "",
		"docs://a/.hidden":            "",
		"docs://a/100%":               "",
		"docs://a/50%25":              "",
		"docs://a/b%20c":              "",
		"docs://a//b":                 "",
		"docs://..":                   gate.CodeResourcePath,
		"docs:..":                     gate.CodeResourcePath,
		"docs://a/..":                 gate.CodeResourcePath,
		"docs://a/./b":                gate.CodeResourcePath,
		"docs://a/../b":               gate.CodeResourcePath,
		"docs://a/%2e%2e/b":           gate.CodeResourcePath,
		"docs://a/%2E./b":             gate.CodeResourcePath,
		"docs://a/%252e%252e/b":       gate.CodeResourcePath,
		"docs://a/%25252e%25252e/b":   gate.CodeResourcePath,
		"docs://a/%2525252e/b":        gate.CodeResourcePath,
		"docs://a/%252525252525":      gate.CodeResourcePath,
		"docs://a/b%2fc":              gate.CodeResourcePath,
		"docs://a/b%2Fc":              gate.CodeResourcePath,
		"docs://a/b%252fc":            gate.CodeResourcePath,
		"docs://a/b%5cc":              gate.CodeResourcePath,
		"docs://a\\b":                 gate.CodeResourcePath,
		"docs://a/b%00":               gate.CodeResourcePath,
		"docs://a/b\x00":              gate.CodeResourcePath,
		"docs://a/b%250a":             gate.CodeResourcePath,
		"docs://a/.\t./b":             gate.CodeResourcePath,
		"docs://a?path=../../x":       gate.CodeResourcePath,
		"docs://a/..;x/b":             gate.CodeResourcePath,
		"docs://a/..?x":               gate.CodeResourcePath,
		"docs://a/..#x":               gate.CodeResourcePath,
		"docs://a/%2e%2e%2fetc%2fpwd": gate.CodeResourcePath,
	} {
		v, err := stage(t).Judge(t.Context(), named("reader", gate.Item{Kind: gate.Resource, Upstream: "docs", Name: uri}, gate.Resource, uri))
		if err != nil || v.Code != want {
			t.Errorf("%q: %+v, %v, want %q", uri, v, err, want)
		}
	}
}
