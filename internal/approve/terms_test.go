package approve_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/approve"
	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// TestFlowsAndPolicyAsk: what a flow holds is asked for like what policy holds, and
// whom both ask must be named by both.
func TestFlowsAndPolicyAsk(t *testing.T) {
	leads := &gate.Terms{Roles: []string{"lead", "security"}, Count: 2, Expires: time.Hour}
	security := &gate.Terms{Roles: []string{"security"}, Count: 1, Expires: time.Minute}
	others := &gate.Terms{Roles: []string{"other"}, Count: 1, Expires: time.Hour}
	self := &gate.Terms{Self: true, Count: 1, Expires: time.Hour}
	for name, tc := range map[string]struct {
		policy, flow *gate.Terms
		effect       gate.Effect
		roles        []string
		count        int
		rule         string
	}{
		"neither":                     {nil, nil, gate.Continue, nil, 0, ""},
		"policy":                      {leads, nil, gate.Hold, leads.Roles, 2, "p"},
		"the flow":                    {nil, security, gate.Hold, security.Roles, 1, "f"},
		"both":                        {leads, security, gate.Hold, security.Roles, 2, "p and f"},
		"nobody in common":            {others, security, gate.Deny, nil, 0, ""},
		"self and others":             {self, security, gate.Hold, security.Roles, 1, "p and f"},
		"others and self":             {leads, self, gate.Hold, leads.Roles, 2, "p and f"},
		"self, and none can be asked": {self, self, gate.Deny, nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ex := exchange(t, mcp.V20251125, tc.policy)
			ex.Grant.Rule, ex.Flow = "p", gate.Flow{Terms: tc.flow, Rule: "f", Why: "Private data came from up/x."}
			v, err := approve.New(&shelf{}, rounds{}, once{}, quiet{}).Judge(t.Context(), ex)
			if err != nil || v.Effect != tc.effect {
				t.Fatalf("got %+v, %v", v, err)
			}
			if v.Effect != gate.Hold {
				return
			}
			a := v.Approval
			if !slices.Equal(a.Roles, tc.roles) || a.Count != tc.count || a.Rule != tc.rule || a.Self {
				t.Errorf("asks %v, %d of them, by %q", a.Roles, a.Count, a.Rule)
			}
			if !strings.Contains(v.Public, a.Why) || a.Why == "" {
				t.Errorf("%q does not say why", v.Public)
			}
		})
	}
}

// keeping is a shelf that keeps what was asked.
type keeping struct {
	shelf
	asked []gate.Approval
}

func (k *keeping) Ask(ctx context.Context, a gate.Approval) (gate.Approval, error) {
	k.asked = append(k.asked, a)
	return k.shelf.Ask(ctx, a)
}

// What led to a call may grow while it waits: its approval stays the same. A call
// that policy alone has held is another than the one that a flow holds too, and so
// is one that more people must approve.
func TestTrailIsNotBound(t *testing.T) {
	leads := &gate.Terms{Roles: []string{"lead"}, Count: 1, Expires: time.Hour}
	k := &keeping{}
	more := &gate.Terms{Roles: []string{"lead"}, Count: 2, Expires: time.Hour}
	for _, f := range []gate.Flow{{Terms: leads, Rule: "f", Why: "one"}, {Terms: leads, Rule: "f", Why: "two"}, {}, {Terms: more, Rule: "f", Why: "one"}} {
		ex := exchange(t, mcp.V20251125, leads)
		ex.Flow = f
		if _, err := approve.New(k, rounds{}, once{}, quiet{}).Judge(t.Context(), ex); err != nil {
			t.Fatal(err)
		}
	}
	if k.asked[0].Binding != k.asked[1].Binding || k.asked[0].Binding == k.asked[2].Binding || k.asked[0].Binding == k.asked[3].Binding {
		t.Error("the trail is part of what an approval is for, or the rule or its terms are not")
	}
}
