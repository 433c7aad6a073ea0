package review

import (
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// lens is what one pattern matches, as policy itself matches it.
type lens struct {
	items     []int    // indexes of pinned items
	upstreams []string // of the configuration; of tools and prompts
}

// only is a policy with one role of one pattern.
func only(p pattern) *policy.Policy {
	rule := policy.Rule{}
	switch p.kind {
	case gate.Tool:
		rule.Tools = []string{p.text}
	case gate.Prompt:
		rule.Prompts = []string{p.text}
	default:
		rule.Resources = []string{p.text}
	}
	role := policy.Role{Allow: []policy.Rule{rule}}
	if p.deny {
		role = policy.Role{Deny: []policy.Rule{rule}, Allow: []policy.Rule{{Tools: []string{"*/**"}, Prompts: []string{"*/**"}, Resources: []string{"**"}}}}
	}
	made, _ := policy.Compile(policy.Source{Roles: map[string]policy.Role{"only": role}})
	return made // nil, which matches nothing, for a pattern that is at fault
}

func (v *view) lens(p pattern) *lens {
	if l := v.lenses[p]; l != nil {
		return l
	}
	l := &lens{}
	v.lenses[p] = l
	who := &gate.Principal{Roles: []string{"only"}}
	made := only(p)
	for i := range v.Items {
		it := &v.Items[i]
		if base(it.Kind) == p.kind && made.Decide(who, it.Kind, it.Upstream, it.Name).Allowed != p.deny {
			l.items = append(l.items, i)
		}
	}
	if p.kind != gate.Resource {
		opens := only(pattern{p.kind, p.text, false})
		for _, up := range v.Upstreams {
			if opens.Names(who, up) {
				l.upstreams = append(l.upstreams, up)
			}
		}
	}
	return l
}

// base is the kind of rule that speaks of a kind of item.
func base(k gate.ItemKind) gate.ItemKind {
	if k == gate.Template {
		return gate.Resource
	}
	return k
}

// matches tells of a pattern that matches nothing.
func (v *view) matches(e *entry) {
	l := v.lens(e.pattern)
	noun := map[gate.ItemKind]string{gate.Tool: "tool", gate.Prompt: "prompt", gate.Resource: "resource"}[e.kind]
	if e.kind != gate.Resource && len(l.upstreams) == 0 {
		if len(v.Upstreams) == 0 {
			v.add(Warning, e.path, "add the upstream, or remove the pattern", "%s names no upstream: the configuration has none", e.text)
			return
		}
		v.add(Warning, e.path, "write the name of one of them, or remove the pattern",
			"%s names no upstream of the configuration; there are %s", e.text, some(v.Upstreams))
		return
	}
	if !v.Pinned || len(l.items) > 0 {
		return
	}
	total := 0
	for i := range v.Items {
		it := &v.Items[i]
		if base(it.Kind) != e.kind || e.kind != gate.Resource && !slices.Contains(l.upstreams, it.Upstream) {
			continue
		}
		if it.Kind == gate.Template && meets(it.Name, e.text) {
			return // something that is read through it may match
		}
		total++
	}
	switch {
	case total == 0:
		v.add(Hint, e.path, "doorward trust list --refresh shows what there is, doorward trust approve NAME approves it", "no %s that %s could match is approved yet", noun, e.text)
	case e.deny:
		v.add(Hint, e.path, "keep it if it is there for what may come", "%s closes none of the %d approved %ss that it could", e.text, total, noun)
	default:
		v.add(Warning, e.path, "see doorward trust list for their names; write the pattern so that it matches, or remove it",
			"%s matches none of the %d approved %ss that it could", e.text, total, noun)
	}
}

// meets tells whether a URI that a template makes could match a pattern, as far as
// both are literal.
func meets(template, text string) bool {
	a, _, _ := strings.Cut(template, "{")
	b := text
	if i := strings.IndexAny(text, `*?[{\`); i >= 0 {
		b = text[:i]
	}
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}
