package flow

import (
	"errors"
	"fmt"
)

// Action is what becomes of a call. The zero value blocks.
type Action uint8

// The actions, the strictest first.
const (
	Block Action = iota
	Hold         // people must agree first
	Pass         // no rule is about it
)

// String is the action's word in the configuration and for people.
func (a Action) String() string {
	switch a {
	case Hold:
		return "approve"
	case Pass:
		return "pass"
	case Block:
	}
	return "block"
}

// MaxRules bounds the rules of a configuration.
const MaxRules = 64

// Rule forbids calls with the label To in a conversation that has read everything
// in From.
type Rule struct {
	From Labels // of Private and Untrusted, at least one
	To   Labels // Leaves or Acts; with both, either is enough
	Then Action // Block or Hold
}

// String is the rule for people: "private, untrusted → leaves".
func (r Rule) String() string { return r.From.String() + " → " + r.To.String() }

// Default are the rules of a configuration that writes none. The first is the
// lethal trifecta (security case A43). The second is for what needs no secret to do
// harm: a review that books a room, a mail that deletes a file.
func Default() []Rule {
	return []Rule{
		{From: Private | Untrusted, To: Leaves, Then: Hold},
		{From: Untrusted, To: Acts, Then: Hold},
	}
}

// Rules are rules that were checked. The zero value has none; nil blocks.
type Rules struct{ rules []Rule }

// Compile checks rules. A rule that can never match, or that says pass, is an error.
func Compile(rules []Rule) (*Rules, error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("more than %d flow rules", MaxRules)
	}
	for i, r := range rules {
		switch {
		case r.From == 0 || r.From.Brought() != r.From:
			return nil, fmt.Errorf("flow rule %d: from takes private and untrusted, and needs one of them", i)
		case r.To == 0 || r.To&^(Leaves|Acts) != 0:
			return nil, fmt.Errorf("flow rule %d: to takes leaves and acts, and needs one of them", i)
		case r.Then != Block && r.Then != Hold:
			return nil, errors.New("a flow rule that lets pass is none")
		}
	}
	return &Rules{rules: append([]Rule(nil), rules...)}, nil
}

// Len is how many rules there are.
func (r *Rules) Len() int {
	if r == nil {
		return 0
	}
	return len(r.rules)
}

// Holds tells whether any rule asks people.
func (r *Rules) Holds() bool {
	if r == nil {
		return false
	}
	for _, rule := range r.rules {
		if rule.Then == Hold {
			return true
		}
	}
	return false
}

// Concern tells whether any rule may stop a call with these labels: the taint need
// not be looked up for any other.
func (r *Rules) Concern(call Labels) bool {
	if r == nil {
		return true
	}
	for _, rule := range r.rules {
		if rule.To&call != 0 {
			return true
		}
	}
	return false
}

// Decision is what the rules say of one call.
type Decision struct {
	Action Action
	Index  int  // of the rule among those compiled; -1 when none is about the call
	Rule   Rule // that decided
}

// Judge says what becomes of a call with labels in a conversation that has read
// what taint says. The strictest rule decides, the first among equals. Without
// rules at all (nil) everything is blocked.
func (r *Rules) Judge(taint, call Labels) Decision {
	if r == nil {
		return Decision{Action: Block, Index: -1}
	}
	d := Decision{Action: Pass, Index: -1}
	for i, rule := range r.rules {
		if taint.Has(rule.From) && rule.To&call != 0 && rule.Then < d.Action {
			d = Decision{Action: rule.Then, Index: i, Rule: rule}
		}
	}
	return d
}
