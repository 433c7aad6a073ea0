package compare

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"doorward/internal/policy"
)

// atom is the least part of a policy that means something by itself: one pattern of
// one rule, with what the rule says beside its patterns.
type atom struct {
	role    string
	deny    bool
	kind    string // tools, prompts, resources
	pattern string
	effect  effect
}

// effect is what a rule does, in a form that does not hang on how it was written.
type effect struct {
	where  string // JSON; empty: the rule has none
	when   string
	mode   policy.Mode
	roles  string // who approves
	count  int
	self   bool
	expiry time.Duration
}

// terms are those that a decision of the effect would carry.
func (e effect) terms() effect { e.where, e.when = "", ""; return e }

func (e effect) approves() bool { return e.mode == policy.Approve }

func (e effect) String() string {
	var b strings.Builder
	b.WriteString(e.mode.String())
	if e.where != "" {
		b.WriteString(" where " + spelled(e.where))
	}
	if e.when != "" {
		b.WriteString(" when " + e.when)
	}
	if e.approves() {
		switch {
		case e.self:
			b.WriteString(", the caller confirms")
		default:
			b.WriteString(", " + number(e.count) + " of " + e.roles + " agree")
		}
		b.WriteString(" within " + policy.Span(e.expiry))
	}
	return b.String()
}

// atoms are all of one policy, in the order in which Judge meets those of one kind.
type atoms struct {
	all   []atom
	typed map[string]bool // upstreams whose arguments have types
}

func atomsOf(src policy.Source) *atoms {
	out := &atoms{typed: map[string]bool{}}
	for up, types := range src.Arguments {
		out.typed[up] = len(types) > 0
	}
	names := make([]string, 0, len(src.Roles))
	for name := range src.Roles {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r := src.Roles[name]
		out.rules(name, r.Allow, false)
		out.rules(name, r.Deny, true)
	}
	// Judge asks exact patterns first, then those of one upstream, then the rest.
	slices.SortStableFunc(out.all, func(a, b atom) int { return cmp.Compare(a.class(), b.class()) })
	var once []atom
	seen := map[atom]bool{}
	for _, a := range out.all {
		if !seen[a] {
			seen[a] = true
			once = append(once, a)
		}
	}
	out.all = once
	return out
}

func (s *atoms) rules(role string, rules []policy.Rule, deny bool) {
	for i := range rules {
		r := &rules[i]
		e := effectOf(r)
		for _, p := range r.Tools {
			s.all = append(s.all, atom{role, deny, "tools", p, e})
		}
		for _, p := range r.Prompts {
			s.all = append(s.all, atom{role, deny, "prompts", p, e})
		}
		e.where = "" // resources have no arguments
		for _, p := range r.Resources {
			s.all = append(s.all, atom{role, deny, "resources", p, e})
		}
	}
}

// class is the place of a pattern in the order of policy's tables.
func (a *atom) class() int {
	if a.kind == "resources" {
		if exact(a.pattern) {
			return 0
		}
		return 1
	}
	up, name, _ := strings.Cut(a.pattern, "/")
	switch {
	case exact(up) && exact(name):
		return 0
	case exact(up):
		return 1
	}
	return 2
}

// exact tells whether a pattern matches itself alone.
func exact(pattern string) bool { return !strings.ContainsAny(pattern, `*?[]{}\`) }

func effectOf(r *policy.Rule) effect {
	e := effect{when: spaced(r.When), mode: r.Mode}
	if r.Where != nil {
		e.where = whereText(r.Where)
	}
	if r.Mode == policy.Approve {
		t := r.Terms
		e.count, e.self, e.expiry = max(t.Count, 1), t.Self, t.Expires
		if e.expiry == 0 {
			e.expiry = policy.DefaultExpiry
		}
		e.roles = strings.Join(set(t.Roles), ", ")
	}
	return e
}

// spaced is a condition with each run of white space outside of quotes made one
// space. One with a comment, a backslash or quotes of three stays as it is.
func spaced(when string) string {
	if strings.Contains(when, "//") || strings.ContainsAny(when, `\`) || strings.Contains(when, `"""`) || strings.Contains(when, "'''") {
		return when
	}
	var b strings.Builder
	quote, gap := rune(0), false
	for _, c := range when {
		if quote == 0 && strings.ContainsRune(" \t\r\n", c) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		switch {
		case quote == c:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		}
		b.WriteRune(c)
	}
	return b.String()
}

// whereText is a where as JSON, with lists whose order means nothing sorted.
func whereText(w *policy.Where) string {
	out := *w
	if w.Path != nil {
		p := *w.Path
		if !slices.ContainsFunc(p.Under, func(s string) bool { return strings.Contains(s, "#") }) {
			// With a "#" in a directory, which one is found first decides.
			p.Under = set(p.Under)
		}
		p.Not, p.Extensions = set(p.Not), set(p.Extensions)
		out.Path = &p
	}
	if w.URL != nil {
		u := *w.URL
		u.Schemes, u.Hosts, u.Ports = set(u.Schemes), set(u.Hosts), set(u.Ports)
		out.URL = &u
	}
	if w.Host != nil {
		h := *w.Host
		h.Schemes, h.Hosts, h.Ports = set(h.Schemes), set(h.Hosts), set(h.Ports)
		out.Host = &h
	}
	if w.SQL != nil {
		s := *w.SQL
		s.Statements, s.Tables, s.Functions = set(s.Statements), set(s.Tables), set(s.Functions)
		out.SQL = &s
	}
	if w.Command != nil {
		c := *w.Command
		c.Programs = set(c.Programs)
		out.Command = &c
	}
	if w.Email != nil {
		e := *w.Email
		e.Domains = set(e.Domains)
		out.Email = &e
	}
	if w.Text != nil {
		t := *w.Text
		t.OneOf = set(t.OneOf)
		out.Text = &t
	}
	out.Values = map[string]policy.Value{}
	for name, v := range w.Values {
		v.Text.OneOf = set(v.Text.OneOf)
		out.Values[policy.Folded(name)] = v
	}
	return text(out)
}

// text is a where as people and comparisons see it: its members that say
// something.
func text(w policy.Where) string {
	raw, err := json.Marshal(w)
	if err != nil {
		return "unreadable"
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw)
	}
	raw, err = json.Marshal(lean(v))
	if err != nil {
		return "unreadable"
	}
	return string(raw)
}

// lean leaves out what has its zero value, but for parts that are there and empty:
// such a part means something.
func lean(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for name, member := range object {
		switch member := member.(type) {
		case nil:
			delete(object, name)
		case string:
			if member == "" && name != "Equals" {
				delete(object, name)
			}
		case bool:
			if !member {
				delete(object, name)
			}
		case float64:
			if member == 0 {
				delete(object, name)
			}
		case map[string]any:
			object[name] = lean(member)
			if len(member) == 0 && name == "Values" {
				delete(object, name)
			}
		}
	}
	return object
}
