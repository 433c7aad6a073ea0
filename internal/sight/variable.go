package sight

import (
	"slices"
	"strings"
)

// Bounds of how variables are put in: nobody needs more for what is judged here.
const (
	maxVariables = 4   // within one another
	maxTokens    = 128 // of a value with variables
)

// isCustom tells whether a name is one of a variable.
func isCustom(name string) bool { return len(name) > 2 && strings.HasPrefix(name, "--") }

func variable(t token) bool { return t.kind == function && t.text == "var" }

// substituted is a value with the variables of the same style in it; false where it is beyond the bounds.
// A variable without a value stays, as a function that no property takes.
func (s *style) substituted(value []token) ([]token, bool) {
	if !slices.ContainsFunc(value, variable) {
		return value, true
	}
	out, _, ok := s.put(value, 0)
	match(out)
	return out, ok
}

// put puts variables in: set tells whether all within others have a value, ok whether that is within the bounds.
func (s *style) put(value []token, depth int) (out []token, set, ok bool) {
	if depth > maxVariables {
		return nil, false, false
	}
	for i := 0; i < len(value); {
		if s.left--; s.left < 0 || len(out) > maxTokens {
			return nil, false, false
		}
		if !variable(value[i]) {
			out = append(out, value[i])
			i++
			continue
		}
		inner, n := group(value[i:])
		part, set, ok := s.variable(inner, depth+1)
		switch {
		case !ok, !set && depth > 0:
			return nil, false, ok
		case !set:
			part = value[i : i+n]
		}
		out, i = append(out, part...), i+n
	}
	return out, true, len(out) <= maxTokens
}

// variable is what a variable is set to, or what stands behind its name for where it is not (CSS
// Variables 1, section 3).
func (s *style) variable(inner []token, depth int) (out []token, set, ok bool) {
	named, fallback, has := cut(inner)
	if !isCustom(name(named)) {
		return nil, false, true
	}
	if value, is := s.custom[name(named)]; is {
		if out, set, ok = s.put(value, depth); set || !ok {
			return out, set, ok
		}
	}
	if !has {
		return nil, false, true
	}
	return s.put(fallback, depth)
}

// cut parts tokens at their first comma.
func cut(ts []token) (before, after []token, found bool) {
	i := slices.IndexFunc(ts, func(t token) bool { return t.kind == mark && t.text == "," })
	if i < 0 {
		return ts, nil, false
	}
	return ts[:i], ts[i+1:], true
}
