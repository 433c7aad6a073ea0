package policy

import "doorward/internal/policy/condition"

// Trace is every rule that a decision tried, for explain. The zero value is ready.
type Trace struct{ Tried []Tried }

// Tried is one rule that matched by name, and what came of it.
type Tried struct {
	Role      string `json:"role"`
	Rule      string `json:"rule"`
	Deny      bool   `json:"deny"`
	Mode      string `json:"mode"`                // enforce, observe, approve
	Condition string `json:"condition,omitempty"` // of its when: holds, "does not hold", "depends on the arguments", or what failed
	Arguments string `json:"arguments,omitempty"` // what of the arguments stood in the way
}

// maxTried bounds a trace.
const maxTried = 1000

func (t *Trace) note(h *hit, deny bool, res condition.Result, err error, why string) {
	if t == nil || len(t.Tried) == maxTried {
		return
	}
	one := Tried{Role: h.role, Rule: h.text, Deny: deny, Mode: h.rule.mode.String(), Arguments: why}
	switch {
	case err != nil:
		one.Condition = err.Error()
	case h.rule.when == nil:
	case res == condition.True:
		one.Condition = "holds"
	case res == condition.Unknown:
		one.Condition = "depends on the arguments"
	default:
		one.Condition = "does not hold"
	}
	t.Tried = append(t.Tried, one)
}

// String is the mode's word in the configuration.
func (m Mode) String() string {
	switch m {
	case Observe:
		return "observe"
	case Approve:
		return "approve"
	case Enforce:
	}
	return "enforce"
}
