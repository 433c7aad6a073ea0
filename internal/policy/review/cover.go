package review

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// wide tells of a pattern that opens everything of everybody.
func (v *view) wide(e *entry) {
	if e.rule.Where != nil || e.rule.When != "" || e.rule.Mode == policy.Approve {
		return
	}
	severity := Hint
	switch {
	case e.kind == gate.Resource:
		if e.text != "**" {
			return
		}
	case e.text != "*/*" && e.text != "*/**" && e.text != "**/**" && e.text != "**/*":
		return
	case e.kind == gate.Tool:
		severity = Warning
	}
	v.add(severity, e.path, "name the upstreams, such as files/*, or narrow the rule with where or when",
		"%s opens all that every upstream offers, those that are added later too", e.text)
}

// shadowed tells of a pattern that opens nothing because a deny of its role closes
// all of it.
func (v *view) shadowed(e *entry, denies []entry) bool {
	var certain []entry
	for i := range denies {
		d := &denies[i]
		if d.kind != e.kind || d.rule.When != "" || d.rule.Mode != policy.Enforce {
			continue
		}
		if covers(d.pattern, e.pattern) {
			v.add(Warning, e.path, "remove one of the two", "%s opens nothing: %s (%s) closes all of it", e.text, d.path, d.text)
			return true
		}
		certain = append(certain, *d)
	}
	items := v.lens(e.pattern).items
	if len(items) == 0 || len(certain) == 0 {
		return false
	}
	for _, i := range items {
		if !slices.ContainsFunc(certain, func(d entry) bool { return slices.Contains(v.lens(d.pattern).items, i) }) {
			return false
		}
	}
	v.add(Warning, e.path, "see doorward trust list for their names; open others, or close fewer",
		"the denies of the role close all that %s opens of what is approved", e.text)
	return true
}

// repeated tells of a pattern that opens only what another allow of its role opens
// at least as far.
func (v *view) repeated(at int, allows []entry) {
	e := &allows[at]
	for i := range allows {
		o := &allows[i]
		if i == at || o.kind != e.kind || !covers(o.pattern, e.pattern) || !easier(o.rule, e.rule) {
			continue
		}
		narrows := e.rule.Where != nil && o.rule.Where == nil || e.rule.When != "" && o.rule.When == ""
		switch {
		case i > at && covers(e.pattern, o.pattern) && easier(e.rule, o.rule):
			continue // told of once, at the second
		case o.rule.Mode == policy.Approve && e.rule.Mode == policy.Enforce:
			v.add(Hint, e.path, "remove it, or leave the name out of the other one",
				"%s changes nothing: %s (%s) asks people in any case", e.text, o.path, o.text)
		case narrows:
			v.add(Warning, e.path, "narrow that one too, or leave the name out of it",
				"what the rule asks of %s is never needed: %s (%s) opens it without", e.text, o.path, o.text)
		default:
			v.add(Hint, e.path, "remove it", "%s changes nothing: %s (%s) opens it already", e.text, o.path, o.text)
		}
		return
	}
}

// easier tells whether rule o lets pass what e lets pass, on no stricter terms that
// could matter to what e adds.
func easier(o, e *policy.Rule) bool {
	switch {
	case o.Mode == policy.Observe || e.Mode == policy.Observe:
		return false // what is spared is on record: the other one is not the same
	case e.Mode == policy.Approve && (o.Mode != policy.Approve || !reflect.DeepEqual(o.Terms, e.Terms)):
		return false // it is there to be narrower
	case o.Where == nil && e.Where != nil && widens(e.Where):
		return false
	}
	return (o.When == "" || o.When == e.When) && (o.Where == nil || reflect.DeepEqual(o.Where, e.Where))
}

// widens tells whether a where may let pass what the safe defaults of types refuse.
func widens(w *policy.Where) bool {
	u, h, s, c := w.URL, w.Host, w.SQL, w.Command
	return w.Path != nil && slices.ContainsFunc(w.Path.Under, inKernel) ||
		u != nil && (u.Private || len(u.Schemes)+len(u.Ports) > 0) ||
		h != nil && (h.Private || len(h.Ports) > 0) ||
		s != nil && (len(s.Functions)+len(s.Statements) > 0 || slices.ContainsFunc(s.Tables, isCatalogue)) ||
		c != nil && (c.Options || slices.ContainsFunc(c.Programs, func(p string) bool { return strings.Contains(p, "/") })) ||
		w.Email != nil && w.Email.Lists
}

// inKernel tells whether a directory is one that the safe default of paths may refuse.
func inKernel(dir string) bool {
	return strings.HasPrefix(dir, "/proc") || strings.HasPrefix(dir, "/sys") || strings.HasPrefix(dir, "/dev")
}

// isCatalogue tells whether a table may be one that the safe default of SQL refuses.
func isCatalogue(table string) bool {
	t := strings.ToLower(table)
	return strings.ContainsAny(t, "*") || slices.ContainsFunc([]string{"pg_", "information_schema", "sqlite_", "mysql", "performance_schema", "sys"},
		func(p string) bool { return strings.HasPrefix(t, p) })
}

// covers tells whether all that one pattern matches another does too. Where it
// cannot be sure it says no.
func covers(outer, inner pattern) bool {
	if outer.kind == gate.Resource {
		return coversGlob(outer.text, inner.text, false)
	}
	outerUp, outerName, _ := strings.Cut(outer.text, "/")
	innerUp, innerName, _ := strings.Cut(inner.text, "/")
	return coversGlob(outerUp, innerUp, false) && coversGlob(outerName, innerName, outer.deny)
}

// coversGlob looks at globs with stars alone: what a star of the inner one stands for
// a star of the outer one takes too. flat says that a star of the outer one takes
// slashes as well.
func coversGlob(outer, inner string, flat bool) bool {
	if outer == inner || outer == "**" {
		return true
	}
	if !strings.ContainsAny(inner, `*?[]{}\`) {
		return doublestar.MatchUnvalidated(outer, inner) || flat && doublestar.MatchUnvalidated(unslashed(outer), unslashed(inner))
	}
	if strings.ContainsAny(outer+inner, `?[]{}\`) {
		return false
	}
	samples := []string{inner}
	if strings.Contains(inner, "**") {
		samples = []string{
			strings.ReplaceAll(inner, "**", "*"), strings.ReplaceAll(inner, "**", "*/*"), strings.ReplaceAll(inner, "**", "*/*/*"),
			cmp.Or(strings.Trim(strings.ReplaceAll(strings.ReplaceAll(inner, "/**", ""), "**/", ""), "/"), "*"),
		}
	}
	for _, s := range samples {
		if !doublestar.MatchUnvalidated(outer, s) && (!flat || !doublestar.MatchUnvalidated(unslashed(outer), unslashed(s))) {
			return false
		}
	}
	return true
}

// unslashed is a name or a glob without a slash that a star would stop at.
func unslashed(s string) string { return strings.ReplaceAll(s, "/", "\x1f") }
