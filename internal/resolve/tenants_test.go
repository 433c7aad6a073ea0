package resolve_test

import (
	"testing"

	"doorward/internal/gate"
)

// TEN-02: a profile of which every upstream is another tenant's is one that does not exist,
// whatever is asked there; one of which something is for the caller is there.
func TestTEN02_AProfileOfOthers(t *testing.T) {
	s := standard().offers("theirs", "tool read approved").stage()
	for _, method := range []string{"handshake", "tools", "resources", "tools/call", "prompts/get", "resources/read", "complete", "answer"} {
		at := func(profile string) gate.Verdict {
			ex := exchange(method, "theirs__read")
			ex.Inbound.Profile = profile
			v, err := s.Judge(t.Context(), ex)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		none := at("no-such")
		for _, profile := range []string{"theirs", "theirs-plain"} {
			if v := at(profile); v.Effect != gate.Deny || v.Code != gate.CodeProfile || v.Code != none.Code || v.Public != none.Public {
				t.Errorf("%s at %s: %+v, and %+v where there is none", method, profile, v, none)
			}
		}
		if v := at("mixed"); v.Code == gate.CodeProfile {
			t.Errorf("%s at a profile with something of the caller's: %+v", method, v)
		}
	}
}
