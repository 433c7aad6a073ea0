package flow

import "doorward/internal/gate"

// Verdict is what the rules say of a whole chain of calls.
type Verdict struct {
	Decision
	At int // index of the call that was stopped; -1 when none was
}

// Chain judges calls one after the other, each with the labels that are proposed
// for it, as if people had agreed to every call that was held. The strictest
// decision is the chain's, the first among equals.
func Chain(items []gate.Item, rules *Rules) Verdict {
	worst := Verdict{Decision: Decision{Action: Pass, Index: -1}, At: -1}
	var taint Labels
	for i := range items {
		labels := Propose(&items[i])
		if d := rules.Judge(taint, labels); d.Action < worst.Action {
			worst = Verdict{Decision: d, At: i}
		}
		taint |= labels.Brought()
	}
	return worst
}
