package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// filesTool is a tool of builtin files as far as rules for paths have to know it.
type filesTool struct {
	name  string
	paths []string // its parameters that are paths, relative to the root
	root  bool     // without them it means the root
}

func filesTools() []filesTool {
	one := []string{"path"}
	return []filesTool{
		{"list", one, true},
		{"search", one, true},
		{"stat", one, false},
		{"read", one, false},
		{"write", one, false},
		{"edit", one, false},
		{"delete", one, false},
		{"move", []string{"from", "to"}, false},
	}
}

// filesRules refuses a rule for paths that would let paths of builtin files pass unjudged: they
// are relative to its root, have no type unless it is given, and may be left out. at is where the
// rules are.
func (v *checker) filesRules(at string, rules []Rule) {
	for i := range rules {
		r := &rules[i]
		if r.Where == nil || r.Where.Path == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(v.c.Upstreams)) {
			u := v.c.Upstreams[name]
			if u.Builtin != BuiltinFiles {
				continue
			}
			if missing := unjudged(r, name, &u); missing != "" {
				v.fault(fmt.Sprintf("%s[%d].where.path", at, i), "does not judge the paths of %s, which are relative to its root: %s", name, missing)
			}
		}
	}
}

// unjudged is what is missing for the rule to judge every path of an upstream's tools that it
// matches; empty: nothing.
func unjudged(r *Rule, upstream string, u *Upstream) string {
	for _, tool := range filesTools() {
		if !slices.ContainsFunc(r.Tools, func(pattern string) bool { return matchesTool(pattern, upstream, tool.name) }) {
			continue
		}
		for _, parameter := range tool.paths {
			switch {
			case !hasFold(u.Arguments, parameter, func(kind string) bool { return kind == "path" }):
				return fmt.Sprintf("write upstreams.%s.arguments: {%s: path}", upstream, parameter)
			case filepath.Clean(r.Where.Path.Base) != filepath.Clean(u.Root):
				return "write base: " + u.Root
			case tool.root && !hasFold(r.Where.Values, parameter, func(w WhereValue) bool { return w.Required }):
				return fmt.Sprintf("write values: {%s: {required: true}} beside it, as %s without one means the root", parameter, tool.name)
			}
		}
	}
	return ""
}

// matchesTool tells whether a rule's pattern may be about a tool, as policy reads it: the two
// parts apart, and what cannot be read about all.
func matchesTool(pattern, upstream, tool string) bool {
	of, name, found := strings.Cut(pattern, "/")
	if !found {
		return false
	}
	for _, p := range [...][2]string{{of, upstream}, {name, tool}} {
		if ok, err := doublestar.Match(p[0], p[1]); !ok && err == nil {
			return false
		}
	}
	return true
}

// hasFold tells whether a map has a value of a kind under a name, in any case.
func hasFold[T any](all map[string]T, name string, is func(T) bool) bool {
	for key, value := range all {
		if strings.EqualFold(key, name) && is(value) {
			return true
		}
	}
	return false
}
