package config

import (
	"time"

	"doorward/internal/policy"
	"doorward/internal/policy/paths"
	"doorward/internal/policy/places"
	"doorward/internal/policy/statement"
	"doorward/internal/policy/words"
)

// PolicySource is the roles and the types of arguments as policy.Compile takes
// them; of a Config that passed Validate they compile without a fault.
func (c *Config) PolicySource() policy.Source {
	src := policy.Source{Roles: make(map[string]policy.Role, len(c.Roles)), Arguments: map[string]map[string]string{}}
	for name, r := range c.Roles {
		src.Roles[name] = policy.Role{
			Scopes: r.Scopes, Groups: r.Groups, Subjects: r.Subjects, Issuers: r.Issuers,
			Allow: policyRules(r.Allow), Deny: policyRules(r.Deny),
		}
	}
	for name, u := range c.Upstreams {
		if len(u.Arguments) > 0 {
			src.Arguments[name] = u.Arguments
		}
	}
	return src
}

func policyRules(list []Rule) []policy.Rule {
	out := make([]policy.Rule, len(list))
	for i := range list {
		r := &list[i]
		out[i] = policy.Rule{
			Tools: r.Tools, Resources: r.Resources, Prompts: r.Prompts,
			Where: policyWhere(r.Where), When: r.When, Mode: policyMode(r.Mode),
		}
		if a := r.Approvers; a != nil {
			out[i].Terms = policy.Terms{Roles: a.Roles, Count: a.Count, Self: a.Self, Expires: time.Duration(a.Expires)}
		}
	}
	return out
}

func policyMode(word string) policy.Mode {
	switch word {
	case "observe":
		return policy.Observe
	case "approve":
		return policy.Approve
	}
	return policy.Enforce
}

func policyWhere(w *Where) *policy.Where {
	if w == nil {
		return nil
	}
	out := &policy.Where{Values: map[string]policy.Value{}}
	if p := w.Path; p != nil {
		out.Path = &paths.Rule{Under: p.Under, Not: p.Not, Extensions: p.Extensions, Base: p.Base, Resolve: p.Resolve}
	}
	if u := w.URL; u != nil {
		out.URL = &places.Rule{Schemes: u.Schemes, Hosts: u.Hosts, Ports: u.Ports, Private: u.Private}
	}
	if h := w.Host; h != nil {
		out.Host = &places.Rule{Hosts: h.Hosts, Ports: h.Ports, Private: h.Private}
	}
	if s := w.SQL; s != nil {
		out.SQL = &statement.Rule{Statements: s.Statements, Tables: s.Tables, Functions: s.Functions}
	}
	if c := w.Command; c != nil {
		out.Command = &words.CommandRule{Programs: c.Programs, Options: c.Options}
	}
	if e := w.Email; e != nil {
		out.Email = &words.EmailRule{Domains: e.Domains, Lists: e.Lists}
	}
	if t := w.Text; t != nil {
		out.Text = &words.TextRule{Size: int(t.Size), Pattern: t.Regex, OneOf: t.OneOf, Equals: t.Equals}
	}
	for name, v := range w.Values {
		text := words.TextRule{Size: int(v.Size), Pattern: v.Regex}
		for _, s := range v.OneOf {
			text.OneOf = append(text.OneOf, string(s))
		}
		if v.Equals != nil {
			text.Equals = new(string(*v.Equals))
		}
		out.Values[name] = policy.Value{Text: text, Min: string(v.Min), Max: string(v.Max), Required: v.Required}
	}
	return out
}
