package resolve_test

import (
	"slices"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/resolve"
)

// SBX-20: what may be missing around an upstream's command goes with each message that is about
// that upstream, refused or not, and with no other.
func TestSBX20_WeakerGoesWithTheCall(t *testing.T) {
	w, layers := standard(), []string{"landlock", "seccomp"}
	looks := 0
	stage := resolve.New(resolve.Config{
		Catalogue: w, Reach: w, Asks: w, Suspended: suspended{upstream: "b", looks: &looks}, Log: w.log, Events: w.event,
		Profiles: map[string]resolve.Profile{"": {Upstreams: []string{"a", "b", "hidden"}}}, Weaker: map[string][]string{"a": layers, "b": {"sandbox"}},
	})
	for _, tc := range []struct {
		method, name string
		want         []string
	}{
		{"tools/call", "a__read", layers},
		{"tools/call", "a__new", layers},               // held
		{"tools/call", "b__read", []string{"sandbox"}}, // suspended
		{"tools/call", "hidden__read", nil},
		{"tools/call", "nobody__read", nil},
		{"prompts/get", "a__p", layers},
		{"resources/read", "docs://x", layers},
		{"tools", "", nil},
	} {
		ex := exchange(tc.method, tc.name)
		ex.Target = gate.Target{Weaker: []string{"left over"}}
		if _, err := stage.Judge(t.Context(), ex); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ex.Target.Weaker, tc.want) {
			t.Errorf("%s %s of %q: %q, want %q", tc.method, tc.name, ex.Target.Upstream, ex.Target.Weaker, tc.want)
		}
	}
}
