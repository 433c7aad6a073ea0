package compare

import (
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// reduce leaves out exact patterns that another pattern of the same role and effect
// covers. It must not be called where the order of rules decides something.
func (s *atoms) reduce() {
	var kept []atom
	for i := range s.all {
		if !s.covered(&s.all[i]) {
			kept = append(kept, s.all[i])
		}
	}
	s.all = kept
}

func (s *atoms) covered(a *atom) bool {
	up, name, _ := strings.Cut(a.pattern, "/")
	if a.kind == "resources" || !exact(a.pattern) || strings.Contains(name, "/") {
		return false
	}
	for i := range s.all {
		b := &s.all[i]
		same := b.role == a.role && b.kind == a.kind && b.deny == a.deny && b.effect == a.effect
		if same && !exact(b.pattern) && matcherOf(b).matches(kindOf(a.kind), up, name) {
			return true
		}
	}
	return false
}

func kindOf(word string) gate.ItemKind {
	switch word {
	case "tools":
		return gate.Tool
	case "prompts":
		return gate.Prompt
	}
	return gate.Resource
}

// matcher tells what one pattern matches, by asking a policy of nothing else.
type matcher struct {
	policy *policy.Policy
	deny   bool
}

func matcherOf(a *atom) matcher {
	rule := policy.Rule{}
	all := policy.Rule{Tools: []string{"*/**"}, Prompts: []string{"*/**"}, Resources: []string{"**"}}
	switch a.kind {
	case "tools":
		rule.Tools = []string{a.pattern}
	case "prompts":
		rule.Prompts = []string{a.pattern}
	default:
		rule.Resources = []string{a.pattern}
	}
	role := policy.Role{Allow: []policy.Rule{rule}}
	if a.deny {
		role = policy.Role{Allow: []policy.Rule{all}, Deny: []policy.Rule{rule}}
	}
	p, _ := policy.Compile(policy.Source{Roles: map[string]policy.Role{"r": role}})
	return matcher{p, a.deny}
}

// matches tells whether the pattern matches a thing.
func (m matcher) matches(kind gate.ItemKind, upstream, name string) bool {
	d := m.policy.Decide(&gate.Principal{Roles: []string{"r"}}, kind, upstream, name)
	if m.deny {
		return d.Reason == policy.ReasonDenied
	}
	return d.Allowed
}
