package learning

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// remark is what the YAML says about a rule: of what it was made, how often that
// was used, and when.
type remark struct {
	from        string
	calls       int
	first, last time.Time
	patterns    map[string]int // calls of each pattern
}

func (m *remark) add(u *use, pattern string) {
	m.calls += len(u.calls)
	m.patterns[pattern] += len(u.calls)
	for _, c := range u.calls {
		if m.first.IsZero() || c.Time.Before(m.first) {
			m.first = c.Time
		}
		if c.Time.After(m.last) {
			m.last = c.Time
		}
	}
}

// draft makes the roles as far as it is known which tools are loose.
func (l *learner) draft() *Result {
	res := &Result{Roles: map[string]policy.Role{}, notes: map[string]note{}}
	for _, key := range sortedKeys(l.roles) {
		r := l.roles[key]
		out, n := r.members, note{about: r.about}
		for _, from := range slices.SortedFunc(maps.Keys(r.grants), compareOrigins) {
			for _, p := range l.parts(r.grants[from], from) {
				if rule, m, ok := l.rule(r.grants[from], p); ok {
					out.Allow, n.rules = append(out.Allow, rule), append(n.rules, m)
				}
			}
		}
		for _, from := range sortedKeys(r.denies) {
			out.Deny = append(out.Deny, l.options.Present.Roles[from].Deny...)
		}
		if len(out.Allow) > 0 {
			res.Roles[r.name], res.notes[r.name] = out, n
		}
	}
	return res
}

func compareOrigins(a, b origin) int {
	return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.index, b.index))
}

// part is the things of one grant that have the same narrowing: one rule to be.
type part struct {
	from  origin
	where *policy.Where
	uses  []*use
}

// parts splits what was used of one present rule by what was learned of its
// arguments. The order does not hang on the order of the calls.
func (l *learner) parts(g *grant, from origin) []*part {
	var out []*part
	of := map[string]*part{}
	items := slices.SortedFunc(maps.Keys(g.items), func(a, b item) int {
		return cmp.Or(cmp.Compare(a.upstream, b.upstream), cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	for _, it := range items {
		u := g.items[it]
		key, where := "resource", (*policy.Where)(nil)
		if it.kind == gate.Tool || it.kind == gate.Prompt {
			var left bool
			if where, left = l.narrow(u, g); left {
				continue
			}
			text, err := json.Marshal(where)
			if err != nil {
				continue // it holds texts alone
			}
			key = string(text)
		}
		if of[key] == nil {
			of[key] = &part{from: from, where: where}
			out = append(out, of[key])
		}
		of[key].uses = append(of[key].uses, u)
	}
	return out
}

// rule makes one rule. What would have no pattern is none.
func (l *learner) rule(g *grant, p *part) (policy.Rule, remark, bool) {
	r := policy.Rule{Where: p.where, When: g.kept().When, Terms: g.rule.Terms, Mode: g.rule.Mode}
	if r.Mode == policy.Observe { // what was learned is enforced
		r.Mode = policy.Enforce
	}
	m := remark{from: ruleName(p.from), patterns: map[string]int{}}
	globs := l.globs(g, p)
	var uris []*use
	for _, u := range p.uses {
		switch u.kind {
		case gate.Tool:
			pattern := literal(u.upstream) + "/" + literal(u.name)
			if glob, ok := globs[u.item]; ok {
				pattern = glob
			}
			m.add(u, pattern)
			r.Tools = append(r.Tools, pattern)
		case gate.Prompt:
			pattern := literal(u.upstream) + "/" + literal(u.name)
			m.add(u, pattern)
			r.Prompts = append(r.Prompts, pattern)
		default:
			uris = append(uris, u)
		}
	}
	for u, pattern := range resources(uris, g.rule.Resources) {
		m.add(u, pattern)
		r.Resources = append(r.Resources, pattern)
	}
	for _, list := range []*[]string{&r.Tools, &r.Prompts, &r.Resources} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if len(r.Tools)+len(r.Prompts) == 0 {
		r.Where = nil
	}
	return r, m, len(m.patterns) > 0
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
