package issuer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
)

// chain nests n actors, the outermost a0.
func chain(n int) any {
	var act any
	for i := n - 1; i >= 0; i-- {
		one := fields{"sub": "a" + string(rune('0'+i))}
		if act != nil {
			one["act"] = act
		}
		act = one
	}
	return act
}

// LOG-17: who acts for the subject is known whole, or the token is not good.
func TestActors(t *testing.T) {
	s := one(t, nil)
	for name, tc := range map[string]struct {
		act  any
		want []gate.Actor
	}{
		"none": {nil, nil},
		"an agent and its agent": {
			fields{"sub": "sub-agent", "client_id": "w", "act": fields{"sub": "agent", "iss": "https://other.example", "name": "ignored"}},
			[]gate.Actor{{Subject: "sub-agent", Client: "w"}, {Subject: "agent", Issuer: "https://other.example"}},
		},
		"a client alone": {fields{"client_id": "worker"}, []gate.Actor{{Client: "worker"}}},
		"the most": {chain(8), []gate.Actor{
			{Subject: "a0"}, {Subject: "a1"}, {Subject: "a2"}, {Subject: "a3"}, {Subject: "a4"}, {Subject: "a5"}, {Subject: "a6"}, {Subject: "a7"},
		}},
	} {
		if diff := cmp.Diff(tc.want, accepted(t, s, good("act", tc.act)).Act); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, act := range []any{
		"agent",
		[]string{"agent"},
		7,
		fields{},
		fields{"iss": "https://other.example"},
		fields{"sub": ""},
		fields{"sub": 7},
		fields{"sub": "a\nb"},
		fields{"sub": "a", "client_id": []string{"x"}},
		fields{"sub": "a", "act": "b"},
		fields{"sub": "a", "act": fields{}},
		fields{"sub": "a", "Act": fields{"sub": "b"}},
		chain(9),
	} {
		refused(t, s, good("act", act))
	}
	refused(t, s, raw("act", "null"))
	refused(t, s, raw("act", `{"sub":"a","sub":"b"}`))
}
