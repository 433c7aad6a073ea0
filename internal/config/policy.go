package config

import (
	"fmt"
	"reflect"
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
		if u.Tenants != nil {
			if src.Tenants == nil {
				src.Tenants = map[string][]string{}
			}
			src.Tenants[name] = u.Tenants
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
		out.Text = &words.TextRule{Size: int(valueOf(t.Size)), Pattern: valueOf(t.Regex), OneOf: t.OneOf, Equals: t.Equals}
	}
	for name, v := range w.Values {
		text := words.TextRule{Size: int(valueOf(v.Size)), Pattern: valueOf(v.Regex)}
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

// valueOf is what a key says, the zero value where it is not written.
func valueOf[T any](v *T) (value T) {
	if v != nil {
		value = *v
	}
	return value
}

// empties finds in a where what is written and says nothing: an empty list would
// read as no bound at all.
func (v *checker) empties(path string, where reflect.Value) {
	switch where.Kind() {
	case reflect.Pointer:
		if !where.IsNil() {
			v.empties(path, where.Elem())
		}
	case reflect.Struct:
		for i := range where.NumField() {
			v.empties(join(path, where.Type().Field(i).Tag.Get("yaml")), where.Field(i))
		}
	case reflect.Map:
		for _, key := range where.MapKeys() {
			v.empties(join(path, key.String()), where.MapIndex(key))
		}
	case reflect.Slice:
		if !where.IsNil() && where.Len() == 0 {
			v.fault(path, "is empty: name what may be, or remove the key")
		}
	default:
	}
}

// bounds are the rules of all roles whose where says something.
func (v *checker) bounds(role string, rules []Rule) {
	for i := range rules {
		at := fmt.Sprintf("%s[%d].where", role, i)
		w := rules[i].Where
		if w == nil {
			continue
		}
		v.empties(at, reflect.ValueOf(*w))
		if t := w.Text; t != nil {
			v.nothing(at+".text", t.Size, t.Regex)
		}
		for name, value := range w.Values {
			v.nothing(join(at+".values", name), value.Size, value.Regex)
		}
	}
}

// nothing finds a size or an expression that is written and bounds nothing.
func (v *checker) nothing(at string, size *Size, regex *string) {
	if size != nil && *size == 0 {
		v.fault(at+".size", "must be at least 1")
	}
	if regex != nil && *regex == "" {
		v.fault(at+".regex", "is empty: write an expression, or remove the key")
	}
}
