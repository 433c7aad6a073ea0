package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/policy"
)

// Bounds of flows and labels. A day after it was read, a page has left the
// context of any model.
const (
	minFlowMemory = Duration(time.Minute)
	maxFlowMemory = Duration(30 * aDay)
	maxFlows      = 64
	maxLabelled   = 256 // bytes of a name or pattern
)

// defaultFlows are those of a file that writes none: the lethal trifecta, and what
// does harm without a secret. Whoever makes the call is asked.
func defaultFlows() []Flow {
	return []Flow{
		{From: []string{"private", "untrusted"}, To: "leaves", Then: "approve"},
		{From: []string{"untrusted"}, To: "acts", Then: "approve"},
	}
}

// FlowTerms are the terms on which people let a call pass that a flow holds.
func (f *Flow) FlowTerms() policy.Terms {
	t := policy.Terms{Count: 1, Self: true, Expires: policy.DefaultExpiry}
	if a := f.Approvers; a != nil {
		t.Roles, t.Self, t.Count = a.Roles, a.Self, max(a.Count, 1)
		if a.Expires > 0 {
			t.Expires = time.Duration(a.Expires)
		}
	}
	return t
}

func (v *checker) flows() {
	t := &v.c.Trust
	if t.FlowMemory < minFlowMemory || t.FlowMemory > maxFlowMemory {
		v.fault("trust.flow_memory", "must be between %v and %v", minFlowMemory, maxFlowMemory)
	}
	if len(t.Flows) > maxFlows {
		v.fault("trust.flows", "has more than %d rules", maxFlows)
	}
	for i := range t.Flows {
		v.flow(fmt.Sprintf("trust.flows[%d]", i), &t.Flows[i])
	}
}

func (v *checker) flow(at string, f *Flow) {
	if len(f.From) == 0 {
		v.fault(at, "needs from: what must have been read, private or untrusted or both")
	}
	for i, label := range f.From {
		if slices.Contains(f.From[:i], label) {
			v.fault(fmt.Sprintf("%s.from[%d]", at, i), "is there already")
		}
	}
	if f.To == "" {
		v.fault(at, "needs to: what must not follow, leaves or acts")
	}
	if f.Then == "" {
		v.fault(at, "needs then: approve or block")
	}
	if f.Approvers != nil {
		v.flowApprovers(at+".approvers", f)
	}
}

// flowApprovers holds approvers to what policy asks of its own.
func (v *checker) flowApprovers(at string, f *Flow) {
	if f.Then == "block" {
		v.fault(at, "are for then: approve")
		return
	}
	a := f.Approvers
	probe := policy.Role{Allow: []policy.Rule{{
		Tools: []string{"*/*"}, Mode: policy.Approve,
		Terms: policy.Terms{Roles: a.Roles, Count: a.Count, Self: a.Self, Expires: time.Duration(a.Expires)},
	}}}
	roles := make(map[string]policy.Role, len(v.c.Roles)+1) // their names alone matter here
	for name := range v.c.Roles {
		roles[name] = policy.Role{}
	}
	name := "flow" // made longer until no role of the file has it
	for _, taken := roles[name]; taken; _, taken = roles[name] {
		name += "-"
	}
	roles[name] = probe
	_, faults := policy.Compile(policy.Source{Roles: roles})
	for _, fault := range faults {
		if _, rest, ok := strings.Cut(fault.Path, ".approvers"); ok {
			v.fault(at+rest, "%s", fault.Text)
		}
	}
}

func (v *checker) labels(at string, labels map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "" || len(name) > maxLabelled {
			v.fault(join(at, name), "must be the name of a tool or a pattern, of at most %d bytes", maxLabelled)
		}
	}
}
