package review

import (
	"fmt"
	"maps"
	"slices"

	"doorward/internal/policy"
)

// approvers tells of calls that may wait for nobody.
func (v *view) approvers(at string, r *policy.Rule) {
	if r.Mode != policy.Approve || r.Terms.Self || v.Claimed {
		return
	}
	keys := 0
	for _, name := range r.Terms.Roles {
		role := v.Source.Roles[name]
		if len(role.Scopes)+len(role.Groups)+len(role.Subjects) > 0 {
			return
		}
		for _, named := range v.Named {
			if named == name {
				keys++
			}
		}
	}
	switch {
	case keys >= max(r.Terms.Count, 1), keys > 0 && !v.Pinned: // not all keys are known
		return
	case keys > 0:
		v.add(Hint, at+".approvers.count", "make a key for each who approves (doorward key create NAME --role ROLE)",
			"%d must agree, and there are keys for %d: calls wait until they expire", r.Terms.Count, keys)
		return
	}
	v.add(Hint, at+".approvers.roles", "make a key with the role (doorward key create NAME --role ROLE), or give it groups, scopes or subjects",
		"%s %s: calls may wait until they expire", v.nobody(), some(r.Terms.Roles))
}

// held tells whether a role can have a holder, as far as is known.
func (v *view) held(name string, r *policy.Role) bool {
	return len(r.Scopes)+len(r.Groups)+len(r.Subjects) > 0 || slices.Contains(v.Named, name)
}

// holders tells of a role that nobody is known to have.
func (v *view) holders(name string, r *policy.Role) {
	if v.Claimed || v.held(name, r) {
		return
	}
	v.add(Hint, "roles."+name, "make a key with it, give it groups, scopes or subjects, or remove it", "%s the role", v.nobody())
}

// strangers tells of roles that somebody has and the file does not: whoever has no
// other may use nothing. It happens to keys when a file gets its first roles.
func (v *view) strangers() {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(v.Named))) {
		if _, ok := v.Source.Roles[name]; !ok && !v.BuiltIn {
			v.add(Hint, "roles", "make other keys (doorward key create NAME --role ROLE), or add the role",
				"there are keys with the role %s, which is not one of these: it opens nothing", name)
		}
	}
}

// nobody says that no holder of a role is known. Without the gateway, keys are not
// known either.
func (v *view) nobody() string {
	if v.Pinned {
		return "nobody is known to have"
	}
	return "only API keys can have"
}

// observed tells how many rules only observe.
func (v *view) observed() {
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(v.Source.Roles)) {
		r := v.Source.Roles[name]
		for half, rules := range map[string][]policy.Rule{"allow": r.Allow, "deny": r.Deny} {
			for i := range rules {
				if rules[i].Mode == policy.Observe {
					paths = append(paths, fmt.Sprintf("roles.%s.%s[%d]", name, half, i))
				}
			}
		}
	}
	if len(paths) == 0 {
		return
	}
	slices.Sort(paths)
	const advice = "look at what would have been refused (doorward audit search --observed), then enforce"
	if len(paths) == 1 {
		v.add(Hint, paths[0], advice, "the rule only observes, and refuses nothing")
		return
	}
	v.add(Hint, paths[0], advice, "%d rules only observe, and refuse nothing: %s", len(paths), some(paths))
}
