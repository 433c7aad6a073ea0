// Package compare says how two policies differ in meaning, whatever their text: the
// order of rules, patterns written twice, and patterns of one rule spread over
// several make no difference. The command line calls it.
//
// It is sound: where it finds no difference, both policies allow, deny and hold the
// same, on the same terms. It is not complete: two conditions or two globs that are
// written differently and mean the same are reported as different.
package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// The kinds of a difference.
const (
	RoleAdded   = "role added"
	RoleRemoved = "role removed"
	Members     = "members"   // who has a role
	Types       = "types"     // of an upstream's arguments
	Allows      = "allows"    // becomes allowed
	Holds       = "holds"     // becomes held for people
	Denies      = "denies"    // becomes denied by a rule
	Withdraws   = "withdraws" // is no longer allowed
	Undenies    = "undenies"  // no rule denies it any more, and none allows it
	Differently = "changes"   // under other conditions: where, when, mode or approvers
	Order       = "order"     // of rules, where it decides
)

// Difference is one difference.
type Difference struct {
	Change string `json:"change"`
	Role   string `json:"role,omitempty"`
	// What it is about: "tools files/read_*" for a pattern, "tool files/read_text" for
	// an approved definition, the parameter of a type.
	What   string `json:"what,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Pin is an approved definition.
type Pin struct {
	Kind           gate.ItemKind
	Upstream, Name string
}

// Report is the difference of two policies.
type Report struct {
	Differences []Difference `json:"differences"` // roles, members, types, then patterns
	// Pinned is what the differences of patterns mean for approved definitions. It may
	// be empty although there are differences.
	Pinned []Difference `json:"pinned"`
}

// Sources compares two sources. Both must compile; the error says which does not.
func Sources(before, after policy.Source, pins []Pin) (Report, error) {
	for name, src := range map[string]policy.Source{"old": before, "new": after} {
		if _, faults := policy.Compile(src); len(faults) > 0 {
			return Report{}, fmt.Errorf("the %s policy: %s: %s", name, faults[0].Path, faults[0].Text)
		}
	}
	c := comparison{before: before, after: after, report: Report{Differences: []Difference{}}}
	c.roles()
	c.types()
	old, now := atomsOf(before), atomsOf(after)
	if old.orderless(now.typed) && now.orderless(old.typed) {
		// No order decides, so what another pattern says as well can go.
		old.reduce()
		now.reduce()
	}
	c.patterns(old, now)
	c.order(old, now)
	c.report.Pinned = pinned(old, now, pins)
	return c.report, nil
}

type comparison struct {
	before, after policy.Source
	report        Report
}

func (c *comparison) add(d Difference) { c.report.Differences = append(c.report.Differences, d) }

// both are the names of two maps, sorted.
func both[V any](a, b map[string]V) []string {
	names := slices.Collect(maps.Keys(a))
	for name := range b {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *comparison) roles() {
	for _, name := range both(c.before.Roles, c.after.Roles) {
		a, had := c.before.Roles[name]
		b, has := c.after.Roles[name]
		switch {
		case !had:
			c.add(Difference{Change: RoleAdded, Role: name, After: members(b)})
		case !has:
			c.add(Difference{Change: RoleRemoved, Role: name, Before: members(a)})
		case members(a) != members(b):
			c.add(Difference{Change: Members, Role: name, Before: members(a), After: members(b)})
		}
	}
}

// members are those who have a role, in a form that does not hang on their order.
func members(r policy.Role) string {
	var b strings.Builder
	for _, part := range []struct {
		name string
		all  []string
	}{{"scopes", r.Scopes}, {"groups", r.Groups}, {"subjects", r.Subjects}, {"issuers", r.Issuers}} {
		if len(part.all) > 0 {
			fmt.Fprintf(&b, "%s %q ", part.name, set(part.all))
		}
	}
	return strings.TrimSpace(b.String())
}

// set is a list whose order and doubles mean nothing; nil for an empty one.
func set[T int | string](all []T) []T {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

func (c *comparison) types() {
	for _, up := range both(c.before.Arguments, c.after.Arguments) {
		a, b := folded(c.before.Arguments[up]), folded(c.after.Arguments[up])
		for _, name := range both(a, b) {
			if a[name] != b[name] {
				c.add(Difference{Change: Types, What: "upstreams." + up + ".arguments." + name, Before: a[name], After: b[name]})
			}
		}
	}
}

func folded(types map[string]string) map[string]string {
	out := make(map[string]string, len(types))
	for name, kind := range types {
		out[policy.Folded(name)] = kind
	}
	return out
}

// patterns compares, role by role, what each pattern does.
func (c *comparison) patterns(old, now *atoms) {
	a, b := old.grouped(), now.grouped()
	for _, key := range slices.SortedFunc(maps.Keys(join(a, b)), group.compare) {
		was, is := a[key], b[key]
		if slices.Equal(was.texts, is.texts) {
			continue
		}
		c.add(Difference{Change: change(was, is), Role: key.role, What: key.kind + " " + key.pattern, Before: was.String(), After: is.String()})
	}
}

func join[K comparable, V any](a, b map[K]V) map[K]V {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// change names the difference of what is done to a pattern.
func change(was, is effects) string {
	a, b := was.state(), is.state()
	switch {
	case a == b:
		return Differently
	case b == denied:
		return Denies
	case b == held:
		return Holds
	case b == allowed:
		return Allows
	case a == denied:
		return Undenies
	}
	return Withdraws
}
