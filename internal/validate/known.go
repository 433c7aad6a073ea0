package validate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// applied visits the subschemas that describe the same value as s: not those
// that only test it (not, if).
func applied(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	for _, sub := range [...]*jsonschema.Schema{s.Ref, s.Then, s.Else} {
		if sub != nil {
			visit(sub)
		}
	}
	if s.DynamicRef != nil {
		visit(s.DynamicRef.Ref)
	}
	for _, list := range [...][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, sub := range list {
			visit(sub)
		}
	}
	for _, sub := range s.DependentSchemas {
		visit(sub)
	}
	for _, dep := range s.Dependencies {
		visitAny(dep, visit)
	}
}

// group is the schemas that describe one value, in every alternative.
type group map[*jsonschema.Schema]bool

func (g group) add(s *jsonschema.Schema) {
	if s == nil || g[s] {
		return
	}
	g[s] = true
	applied(s, g.add)
}

// names are the members that the group names in properties or required, sorted.
func (g group) names() []string {
	all := map[string]bool{}
	for s := range g {
		for name := range s.Properties {
			all[name] = true
		}
		for _, name := range s.Required {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// below is the group of the member or element called token.
func (g group) below(token string) group {
	out := group{}
	i, err := strconv.Atoi(token)
	for s := range g {
		out.add(s.Properties[token])
		for re, sub := range s.PatternProperties {
			if _, bounded := re.(linear); bounded && re.MatchString(token) {
				out.add(sub)
			}
		}
		if err == nil && i >= 0 && i < len(s.PrefixItems) {
			out.add(s.PrefixItems[i])
		}
		if tuple, ok := s.Items.([]*jsonschema.Schema); ok && err == nil && i >= 0 && i < len(tuple) {
			out.add(tuple[i])
		}
		for _, v := range [...]any{s.AdditionalProperties, s.UnevaluatedProperties, s.Items, s.Items2020, s.AdditionalItems, s.UnevaluatedItems} {
			if sub, ok := v.(*jsonschema.Schema); ok {
				out.add(sub)
			}
		}
	}
	return out
}

// namesAt are the names that a schema has for the members of the object at a
// place, in every alternative, sorted.
func namesAt(s *jsonschema.Schema, at []string) []string {
	g := group{}
	g.add(s)
	for _, token := range at {
		g = g.below(token)
	}
	return g.names()
}

// maxCompared bounds how many names one is compared with.
const maxCompared = 256

// nearest is the known name that a client may have meant: the same but for case,
// underscores and hyphens, or a letter in four away. Empty when there is none.
func nearest(name string, known []string) string {
	best, least := "", len(name)/4+2
	if len(name) > maxWord {
		return ""
	}
	for _, k := range known[:min(len(known), maxCompared)] {
		if len(k) > maxWord {
			continue
		}
		if folded(k) == folded(name) {
			return k
		}
		if d := distance(name, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

func folded(s string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
}

// distance is the number of bytes to add, remove or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			up := row[j+1]
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, up+1, row[j]+1)
			diagonal = up
		}
	}
	return row[len(b)]
}
