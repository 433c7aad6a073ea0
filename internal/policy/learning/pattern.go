package learning

import (
	"slices"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// sharing is how many tools must share a prefix before a glob stands for them.
const sharing = 5

func ruleName(o origin) string { return "roles." + o.role + ".allow[" + strconv.Itoa(o.index) + "]" }

// globs are the tools of a part for which a glob can stand: at least sharing of one
// upstream with a common prefix, when the present rule opens all that the glob
// would, and no approved tool but these has the prefix. Without pins there are
// none.
func (l *learner) globs(g *grant, p *part) map[item]string {
	out := map[item]string{}
	if len(l.options.Pins) == 0 {
		return out
	}
	prefixes := map[string][]item{} // "upstream/prefix_"
	for _, u := range p.uses {
		if u.kind != gate.Tool || strings.ContainsAny(u.upstream+u.name, meta) || strings.Contains(u.name, "/") {
			continue
		}
		for i := range len(u.name) - 1 {
			if strings.IndexByte("_-.", u.name[i]) >= 0 {
				prefix := u.upstream + "/" + u.name[:i+1]
				prefixes[prefix] = append(prefixes[prefix], u.item)
			}
		}
	}
	for _, prefix := range sortedKeys(prefixes) { // a shorter one comes first
		own := prefixes[prefix]
		if len(own) < sharing || !opens(g.rule.Tools, prefix) || l.other(prefix, own) {
			continue
		}
		for _, it := range own {
			if out[it] == "" {
				out[it] = prefix + "*"
			}
		}
	}
	return out
}

// other tells whether a tool that is approved, or that another rule was learned
// for, has the prefix without being one of own.
func (l *learner) other(prefix string, own []item) bool {
	for _, pin := range l.options.Pins {
		if pin.Kind == gate.Tool && strings.HasPrefix(pin.Upstream+"/"+pin.Name, prefix) && !slices.Contains(own, item{gate.Tool, pin.Upstream, pin.Name}) {
			return true
		}
	}
	for _, r := range l.roles {
		for _, g := range r.grants {
			for it := range g.items {
				if it.kind == gate.Tool && strings.HasPrefix(it.upstream+"/"+it.name, prefix) && !slices.Contains(own, it) {
					return true
				}
			}
		}
	}
	return false
}

// opens tells whether one of some patterns opens all that "prefix*" would. It knows
// the plain spellings; of any other it says no.
func opens(patterns []string, prefix string) bool {
	upstream, name, _ := strings.Cut(prefix, "/")
	for _, p := range patterns {
		up, rest, _ := strings.Cut(p, "/")
		if up != upstream && up != "*" {
			continue
		}
		start, star := strings.CutSuffix(rest, "*")
		if rest == "**" || star && !strings.ContainsAny(start, meta) && strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}

// resources gives each URI the pattern that stands for it: its own, or a prefix
// that several share and the present rule opens as a whole.
func resources(uses []*use, present []string) map[*use]string {
	out := map[*use]string{}
	count := map[string]int{}
	for _, u := range uses {
		count[parent(schemed(u.name))]++
	}
	may := func(dir string) bool { // never all of a scheme
		return strings.Contains(dir, ":") && !strings.HasSuffix(unschemed(dir), "://") && opensTree(present, unschemed(dir))
	}
	var dirs []string
	for _, u := range uses {
		if dir := parent(schemed(u.name)); count[dir] > 1 && may(dir) {
			dirs = append(dirs, dir)
		} else {
			dirs = append(dirs, schemed(u.name))
		}
	}
	dirs = cover(dirs, may)
	for _, u := range uses {
		out[u] = literal(u.name)
		for _, dir := range dirs {
			if text := schemed(u.name); text != dir && within(text, dir) && may(dir) {
				out[u] = literal(unschemed(dir)) + "/**"
			}
		}
	}
	return out
}

// schemed makes one component of a URI's scheme and authority.
func schemed(uri string) string { return strings.Replace(uri, "://", ":\x01\x01", 1) }

func unschemed(s string) string { return strings.Replace(s, ":\x01\x01", "://", 1) }

// opensTree tells whether one of some patterns opens all that is below a URI.
func opensTree(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		above, deep := strings.CutSuffix(p, "/**")
		return p == "**" || deep && !strings.ContainsAny(above, meta) && within(dir, above)
	})
}
