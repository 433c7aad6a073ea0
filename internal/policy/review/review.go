package review

import (
	"fmt"
	"maps"
	"slices"

	"doorward/internal/gate"
	"doorward/internal/policy"
)

// Input is a policy and what is known around it.
type Input struct {
	Source    policy.Source // one that compiles
	Upstreams []string      // of the configuration, by name
	BuiltIn   bool          // the roles are those of a file that writes none
	// Named are roles that somebody has by name: keys, the anonymous principal.
	Named []string
	// Claimed says that tokens name roles themselves, so that any may have a holder.
	Claimed bool
	// Pinned says that Items is what the lock file pins, and Named all keys' roles.
	// Otherwise nothing is said about what rules match.
	Pinned bool
	Items  []Item
}

// Item is one pinned definition.
type Item struct {
	Upstream string
	Kind     gate.ItemKind // Tool, Prompt, Resource or Template
	Name     string        // a resource's URI, a template's text
	// Schema is the input schema of a tool, or one that says the same of a prompt's
	// arguments. Nil: not known.
	Schema []byte
}

// Review looks at a policy and returns what it finds, the gravest first, in the
// order of the paths otherwise.
func Review(in *Input) []Finding {
	v := &view{Input: in, lenses: map[pattern]*lens{}, shapes: map[int][]parameter{}}
	for _, name := range slices.Sorted(maps.Keys(in.Source.Roles)) {
		r := in.Source.Roles[name]
		v.role(name, &r)
	}
	v.untyped()
	v.strangers()
	v.observed()
	slices.SortStableFunc(v.found, func(a, b Finding) int { return int(b.Severity) - int(a.Severity) })
	return v.found
}

// view is a review under way.
type view struct {
	*Input
	lenses map[pattern]*lens
	shapes map[int][]parameter // of items, by index
	found  []Finding
}

func (v *view) add(s Severity, path, advice, format string, args ...any) {
	v.found = append(v.found, Finding{Severity: s, Path: path, Text: fmt.Sprintf(format, args...), Advice: advice})
}

// role looks at one role. What the built-in roles say is nobody's choice.
func (v *view) role(name string, r *policy.Role) {
	if v.BuiltIn {
		return
	}
	allows, denies := halfOf("roles."+name+".allow", r.Allow, false), halfOf("roles."+name+".deny", r.Deny, true)
	for i := range allows {
		v.matches(&allows[i])
		v.wide(&allows[i])
		if !v.shadowed(&allows[i], denies) {
			v.repeated(i, allows)
		}
	}
	for i := range denies {
		v.matches(&denies[i])
	}
	for i := range r.Allow {
		at := fmt.Sprintf("roles.%s.allow[%d]", name, i)
		v.where(at, &r.Allow[i])
		v.when(at, &r.Allow[i], false)
		v.approvers(at, &r.Allow[i])
	}
	for i := range r.Deny {
		v.when(fmt.Sprintf("roles.%s.deny[%d]", name, i), &r.Deny[i], true)
	}
	v.holders(name, r)
}

// entry is one pattern of a rule and where it stands.
type entry struct {
	pattern
	path string
	rule *policy.Rule
	at   int // index of the rule
}

// pattern is a glob, of what kind, in which half.
type pattern struct {
	kind gate.ItemKind // Tool, Prompt, Resource
	text string
	deny bool
}

// halfOf are the patterns of one half of a role.
func halfOf(path string, rules []policy.Rule, deny bool) []entry {
	var out []entry
	for i := range rules {
		r := &rules[i]
		add := func(kind gate.ItemKind, key string, globs []string) {
			for j, text := range globs {
				out = append(out, entry{pattern{kind, text, deny}, fmt.Sprintf("%s[%d].%s[%d]", path, i, key, j), r, i})
			}
		}
		add(gate.Tool, "tools", r.Tools)
		add(gate.Resource, "resources", r.Resources)
		add(gate.Prompt, "prompts", r.Prompts)
	}
	return out
}
