package learning

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/places"
)

// YAML is the roles as the configuration has them, with comments that say what they
// were made of. The same calls make the same bytes.
func (r *Result) YAML() []byte {
	w := writer{}
	w.line(0, "# Learned from %d of %d calls%s.", r.Report.Used, r.Report.Calls, span(r.Report.First, r.Report.Last))
	w.line(0, "# Roles of the same names in the configuration are replaced by these; the others stay.")
	for _, o := range r.Report.Offers {
		w.line(0, "# upstreams.%s.arguments could say %s: %s (so do %d values look); what has no type is not narrowed.", word(o.Upstream), word(o.Parameter), o.Type, o.Values)
	}
	if len(r.Roles) == 0 {
		w.line(0, "roles: {}")
		return w.b.Bytes()
	}
	w.line(0, "roles:")
	for _, name := range sortedKeys(r.Roles) {
		w.role(name, r.Roles[name], r.notes[name])
	}
	return w.b.Bytes()
}

func span(first, last time.Time) string {
	if first.IsZero() {
		return ""
	}
	return ", " + minute(first) + " to " + minute(last)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + "Z" }

type writer struct{ b bytes.Buffer }

func (w *writer) line(depth int, format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&w.b, format+"\n", args...)
}

// list writes a list of texts on one line, unless it is empty.
func (w *writer) list(depth int, name string, all []string) {
	if len(all) > 0 {
		w.line(depth, "%s: %s", name, flow(all))
	}
}

func flow(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = text(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// plain are texts that YAML takes for themselves without quotes.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@-]*$`) })

// text writes a text so that YAML reads the same one.
func text(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan":
	default:
		if plain().MatchString(s) {
			return s
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSpace(b.String())
}

// word is a text in a comment: one line, short, with nothing hidden.
func word(s string) string {
	if s = gate.Visible(s); len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

func (w *writer) role(name string, r policy.Role, n note) {
	w.line(1, "%s:", text(name))
	for _, about := range n.about {
		w.line(2, "# %s", word(about))
	}
	w.list(2, "scopes", r.Scopes)
	w.list(2, "groups", r.Groups)
	w.list(2, "subjects", r.Subjects)
	w.list(2, "issuers", r.Issuers)
	w.line(2, "allow:")
	for i := range r.Allow {
		m := n.rules[i]
		w.line(3, "# of %s: %d calls, %s to %s", m.from, m.calls, minute(m.first), minute(m.last))
		w.rule(&r.Allow[i], m.patterns)
	}
	if len(r.Deny) > 0 {
		w.line(2, "deny:")
	}
	for i := range r.Deny {
		w.rule(&r.Deny[i], nil)
	}
}

// rule writes one rule as an element of a list; used may be nil.
func (w *writer) rule(r *policy.Rule, used map[string]int) {
	start := w.b.Len()
	for _, of := range []struct {
		name     string
		patterns []string
	}{{"tools", r.Tools}, {"resources", r.Resources}, {"prompts", r.Prompts}} {
		if len(of.patterns) == 0 {
			continue
		}
		w.line(4, "%s:", of.name)
		for _, p := range of.patterns {
			if n := used[p]; n > 0 {
				w.line(5, "- %s # %d", text(p), n)
			} else {
				w.line(5, "- %s", text(p))
			}
		}
	}
	if r.Where != nil {
		w.where(r.Where)
	}
	if r.When != "" {
		w.line(4, "when: %s", text(r.When))
	}
	if r.Mode != policy.Enforce {
		w.line(4, "mode: %s", r.Mode)
	}
	if t := r.Terms; r.Mode == policy.Approve {
		w.terms(t)
	}
	if w.b.Len() == start {
		w.line(4, "{}")
	}
	own := w.b.Bytes()[start:]
	copy(own[6:], "- ") // the first line begins the element
}

func (w *writer) terms(t policy.Terms) {
	w.line(4, "approvers:")
	w.list(5, "roles", t.Roles)
	if t.Count > 1 {
		w.line(5, "count: %d", t.Count)
	}
	if t.Expires > 0 {
		w.line(5, "expires: %s", policy.Span(t.Expires))
	}
	if t.Self {
		w.line(5, "self: true")
	}
}

func (w *writer) where(x *policy.Where) {
	parts := w.b.Len()
	w.line(4, "where:")
	empty := w.b.Len()
	if p := x.Path; p != nil {
		w.part("path", func() {
			w.list(6, "under", p.Under)
			w.list(6, "not", p.Not)
			w.list(6, "extensions", p.Extensions)
			w.one(6, "base", p.Base)
			w.flag(6, "resolve", p.Resolve)
		})
	}
	if u := x.URL; u != nil {
		w.part("url", func() { w.list(6, "schemes", u.Schemes); w.place(u) })
	}
	if h := x.Host; h != nil {
		w.part("host", func() { w.place(h) })
	}
	if s := x.SQL; s != nil {
		w.part("sql", func() {
			w.list(6, "statements", s.Statements)
			w.list(6, "tables", s.Tables)
			w.list(6, "functions", s.Functions)
		})
	}
	if c := x.Command; c != nil {
		w.part("command", func() { w.list(6, "programs", c.Programs); w.flag(6, "options", c.Options) })
	}
	if e := x.Email; e != nil {
		w.part("email", func() { w.list(6, "domains", e.Domains); w.flag(6, "lists", e.Lists) })
	}
	if t := x.Text; t != nil {
		w.part("text", func() { w.value(6, policy.Value{Text: *t}) })
	}
	if len(x.Values) > 0 {
		w.line(5, "values:")
		for _, name := range sortedKeys(x.Values) {
			at := w.b.Len()
			w.line(6, "%s:", text(name))
			w.filled(at, func() { w.value(7, x.Values[name]) })
		}
	}
	if w.b.Len() == empty {
		w.b.Truncate(parts)
		w.line(4, "where: {}")
	}
}

// part writes one part of a where; without members it is an empty one.
func (w *writer) part(name string, members func()) {
	at := w.b.Len()
	w.line(5, "%s:", name)
	w.filled(at, members)
}

// filled ends the line that began at a place with {} when members writes nothing.
func (w *writer) filled(at int, members func()) {
	before := w.b.Len()
	members()
	if w.b.Len() == before {
		head := strings.TrimSuffix(string(w.b.Bytes()[at:]), "\n")
		w.b.Truncate(at)
		w.b.WriteString(head + " {}\n")
	}
}

func (w *writer) one(depth int, name, value string) {
	if value != "" {
		w.line(depth, "%s: %s", name, text(value))
	}
}

func (w *writer) flag(depth int, name string, on bool) {
	if on {
		w.line(depth, "%s: true", name)
	}
}

func (w *writer) place(r *places.Rule) {
	w.list(6, "hosts", r.Hosts)
	if len(r.Ports) > 0 {
		ports := make([]string, len(r.Ports))
		for i, p := range r.Ports {
			ports[i] = strconv.Itoa(p)
		}
		w.line(6, "ports: [%s]", strings.Join(ports, ", "))
	}
	w.flag(6, "private", r.Private)
}

func (w *writer) value(depth int, v policy.Value) {
	if v.Text.Size > 0 {
		w.line(depth, "size: %d", v.Text.Size)
	}
	w.one(depth, "regex", v.Text.Pattern)
	w.list(depth, "one_of", v.Text.OneOf)
	if v.Text.Equals != nil {
		w.line(depth, "equals: %s", text(*v.Text.Equals))
	}
	for _, bound := range [][2]string{{"min", v.Min}, {"max", v.Max}} {
		if bound[1] != "" {
			w.line(depth, "%s: %s", bound[0], bound[1]) // a number
		}
	}
	w.flag(depth, "required", v.Required)
}
