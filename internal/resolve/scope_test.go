package resolve_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
	"doorward/internal/resolve"
)

// What a token cannot reach for want of a scope is refused with that scope, by
// the rules alone: the upstream is asked nothing, and what no scope would open
// looks as if it were not there.
func TestAScopeThatIsMissing(t *testing.T) {
	for _, tc := range []struct {
		method, name, profile string
		roles                 []string
		who                   string
		want                  gate.Code
		scopes                []string
	}{
		{method: "tools/call", name: "hidden__read", who: gate.MethodJWT, want: gate.CodeScope, scopes: []string{"run"}},
		{method: "tools/call", name: "hidden__read", who: gate.MethodIntrospection, want: gate.CodeScope, scopes: []string{"run"}},
		{method: "tools/call", name: "hidden__never", who: gate.MethodJWT, want: gate.CodeUnknownTool},
		{method: "tools/call", name: "none__read", who: gate.MethodJWT, want: gate.CodeUnknownTool},
		{method: "tools/call", name: "hidden__read", who: gate.MethodAPIKey, want: gate.CodeUnknownTool},
		{method: "tools/call", name: "hidden__read", who: gate.MethodMTLS, want: gate.CodeUnknownTool},
		{method: "tools/call", name: "a__nothing", who: gate.MethodJWT, want: gate.CodeUnknownTool},
		{method: "prompts/get", name: "hidden__p", who: gate.MethodJWT, want: gate.CodeUnknownPrompt},
		{method: "resources/read", name: "mem://secret", who: gate.MethodJWT, want: gate.CodeScope, scopes: []string{"read"}},
		{method: "resources/read", name: "mem://nowhere", who: gate.MethodJWT, want: gate.CodeUnknownResource},
		{method: "complete", name: "mem://secret", who: gate.MethodJWT, want: gate.CodeUnknownResource},
	} {
		t.Run(tc.who+" "+tc.method+" "+tc.name, func(t *testing.T) {
			w := standard()
			w.reach = func(upstream string) bool { return upstream != "hidden" }
			w.lacks = func(kind gate.ItemKind, upstream, name string) []string {
				switch {
				case kind == gate.Tool && upstream == "hidden" && name == "read":
					return []string{"run"}
				case kind == gate.Resource && name == "mem://secret":
					return []string{"read"}
				}
				return nil
			}
			ex := exchange(tc.method, tc.name)
			ex.Principal.Method = tc.who
			if tc.method == "complete" {
				ex.Call.Item = gate.Resource
			}
			v, err := w.stage().Judge(t.Context(), ex)
			if err != nil || v.Effect != gate.Deny || v.Code != tc.want {
				t.Fatalf("%+v, %v; want %s", v, err, tc.want)
			}
			if diff := cmp.Diff(tc.scopes, v.Scopes); diff != "" {
				t.Error(diff)
			}
			if w.asked["hidden"] {
				t.Error("the upstream was asked")
			}
		})
	}
}

// TEN-01: the scope that a resource needs is told though an upstream of another tenant
// comes first.
func TestTEN01_AScopeThatIsMissingBehindAnothersUpstream(t *testing.T) {
	w := new(world).offers("theirs", "resource mem://x approved").offers("z-ours", "resource mem://x approved")
	w.reach = func(string) bool { return false }
	w.lacks = func(_ gate.ItemKind, upstream, _ string) []string {
		if upstream == "theirs" {
			return nil
		}
		return []string{"read"}
	}
	profiles := map[string]resolve.Profile{"": {Upstreams: []string{"theirs", "z-ours"}}, "theirs": {Upstreams: []string{"theirs"}}}
	for profile, want := range map[string]gate.Code{"": gate.CodeScope, "theirs": gate.CodeProfile} {
		ex := exchange("resources/read", "mem://x")
		ex.Principal.Method, ex.Inbound.Profile = gate.MethodJWT, profile
		v, err := resolve.New(resolve.Config{Catalogue: w, Reach: w, Asks: w, Profiles: profiles}).Judge(t.Context(), ex)
		if err != nil || v.Code != want {
			t.Errorf("%q: %+v, %v; want %s", profile, v, err, want)
		}
	}
}
